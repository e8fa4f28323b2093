"""Films of sample grids: which grids they show, and what is missing without them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import NotFound
from app.retraining.sample_film import MAX_GRIDS, read_film


def grids_in(folder: Path, count: int) -> dict[int, Path]:
    """Write grids, whose first two pixels are their number."""
    found = {}
    for number in range(count):
        pixels = np.zeros((2, 4), dtype=np.uint8)
        pixels[0, :2] = divmod(number, 256)
        found[number * 100] = folder / f"{number * 100:09d}.png"
        Image.fromarray(pixels).save(found[number * 100])
    return found


@pytest.mark.parametrize("count", [1, MAX_GRIDS, MAX_GRIDS + 1, 1000])
def test_a_film_has_at_most_240_grids_evenly_spaced_with_the_first_and_the_last(tmp_path: Path, count: int) -> None:
    film = read_film(grids_in(tmp_path, count), fps=1)
    with Image.open(io.BytesIO(film.encode("webp"))) as decoded:
        assert decoded.n_frames == film.frames == min(count, MAX_GRIDS) + 1
        numbers = []
        for index in range(decoded.n_frames):
            decoded.seek(index)
            high, low = np.asarray(decoded.convert("L"))[0, :2].tolist()
            numbers.append(256 * high + low)
    assert numbers[-1] == numbers[-2] == count - 1  # the last grid is shown for two seconds
    assert numbers[0] == 0
    gaps = np.diff(numbers[:-1])
    assert set(gaps.tolist()) <= {(count - 1) // (MAX_GRIDS - 1), -(-(count - 1) // (MAX_GRIDS - 1))}


def test_a_job_without_grids_has_no_film(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Wait for the first grid"):
        read_film({}, fps=4)
    grids = grids_in(tmp_path, 2)
    grids[100].unlink()
    with pytest.raises(NotFound, match="Request the film again"):
        read_film(grids, fps=4)
