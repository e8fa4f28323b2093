"""Drawings of the page Find: their code, and their pixels."""

from __future__ import annotations

import base64
import math

import pytest

from app.errors import InvalidRequest
from app.images.strokes import Stroke, painted, parse_sketch

CODE = "DAEAADAEsAQArwSwBAkoogK_Ag"
"""Written by the pages, which read it back in `web/tests/find.test.ts`."""
SKETCH = (Stroke(12, ((0, 0),)), Stroke(48, ((280, 0), (0, 280), (-5, 300), (140, 140))))


def test_the_code_of_the_pages_is_read() -> None:
    assert parse_sketch(CODE) == SKETCH
    assert parse_sketch(CODE + "==") == SKETCH


def test_a_damaged_or_too_long_code_is_refused_with_the_remedy() -> None:
    for code in ("%", "é", "FgIAAPAD", "AAAA", "____________", "FgEA", "A", "FgEAAA+/", "FgH___9_AA"):
        with pytest.raises(InvalidRequest, match="Copy the address"):
            parse_sketch(code)
    with pytest.raises(InvalidRequest, match="Draw less"):
        parse_sketch("A" * 4001)
    longest = base64.urlsafe_b64encode(bytes([22, 1, 0, 0]) * 750).decode()
    assert parse_sketch(longest) == (Stroke(22, ((0, 0),)),) * 750
    assert parse_sketch("") == ()


def distance(x: float, y: float, start: tuple[int, int], end: tuple[int, int]) -> float:
    dx, dy = end[0] - start[0], end[1] - start[1]
    square = dx * dx + dy * dy
    along = min(1, max(0, ((x - start[0]) * dx + (y - start[1]) * dy) / square)) if square else 0
    return math.hypot(x - start[0] - along * dx, y - start[1] - along * dy)


def test_a_stroke_is_white_inside_its_edge_and_a_point_is_a_dot() -> None:
    sketch = (Stroke(22, ((40, 50), (200, 90), (150, 400))), Stroke(9, ((250, 250),)), Stroke(280, ((-500, 0), (-400, 0))))
    lines = [((40, 50), (200, 90), 11), ((200, 90), (150, 400), 11), ((250, 250), (250, 250), 4.5)]
    pixels = painted(sketch)
    for row in range(0, 280, 3):
        for column in range(0, 280, 3):
            coverage = max(r + 0.5 - distance(column + 0.5, row + 0.5, start, end) for start, end, r in lines)
            assert abs(pixels[row, column] - 255 * min(1, max(0, coverage))) <= 1, (row, column)
    assert (pixels == painted(sketch)).all()
    assert not painted(()).any()
