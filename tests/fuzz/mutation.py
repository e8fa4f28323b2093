"""A Hypothesis strategy that damages valid files."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

ODD = [b"", b"\0", b"\xff", b"\x80", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 8, b"<html>", b"PK\3\4", b"{", b"[" * 64]


@st.composite
def damaged(draw: st.DrawFn, files: Sequence[bytes], most: int = 4) -> bytes:
    """One of the files after up to `most` mutations.

    A mutation changes, removes, inserts or repeats bytes, truncates the file, or splices in the end of another file.
    """
    content = draw(st.sampled_from(files))
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.sampled_from([0, 1, 1, 2, 4, 8, 64, 1000]))
        mutation = draw(st.sampled_from(["flip", "remove", "truncate", "insert", "repeat", "splice", "number"]))
        end = min(len(content), start + length)
        if mutation == "flip":
            patch = bytes(byte ^ (1 << draw(st.integers(0, 7))) for byte in content[start : min(end, start + 4)])
            content = content[:start] + patch + content[start + len(patch) :]
        elif mutation == "remove":
            content = content[:start] + content[end:]
        elif mutation == "truncate":
            content = content[:start]
        elif mutation == "insert":
            content = content[:start] + draw(st.sampled_from(ODD) | st.binary(max_size=8)) + content[start:]
        elif mutation == "repeat":
            content = content[:end] + content[start:end] * draw(st.sampled_from([1, 3, 50])) + content[end:]
        elif mutation == "splice":
            other = draw(st.sampled_from(files))
            content = content[:start] + other[draw(st.integers(0, len(other))) :]
        else:
            number = draw(st.sampled_from([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]) | st.integers(0, 2**32 - 1))
            patch = number.to_bytes(4, draw(st.sampled_from(["big", "little"])))[: draw(st.sampled_from([2, 4]))]
            content = content[:start] + patch + content[start + len(patch) :]
    return content
