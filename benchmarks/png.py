"""Compares our PNG encoder with Pillow's in microseconds and bytes per picture, on pictures of the shipped digits.

python -m benchmarks.png
"""

from __future__ import annotations

import io
import timeit
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from app.images import encoding
from app.sampling.generator import LoadedGenerator, Pixels
from models.repository import Repository
from tests.live import ROOT

SEEDS = 64


def pillow(picture: Pixels, level: int) -> bytes:
    """Encode a picture, (28, 28), with Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png", compress_level=level)
    return buffer.getvalue()


def main() -> None:
    """Print time, relative time and size for each encoder."""
    repository = Repository(ROOT / "models")
    generator = LoadedGenerator(repository.get("digits", repository.aliases("digits")["champion"]))
    pixels = generator.draw([generator.point(seed)[0] for seed in range(SEEDS)])
    encoders: dict[str, Callable[[Pixels], bytes]] = {
        "app.images.encoding": encoding.png,
        "Pillow, level 6": partial(pillow, level=6),
        "Pillow, level 1": partial(pillow, level=1),
    }
    fastest = 0.0
    for name, encode in encoders.items():
        seconds = min(timeit.repeat(lambda encode=encode: [encode(p) for p in pixels], number=5, repeat=7)) / 5 / SEEDS  # type: ignore[misc]
        fastest = fastest or seconds
        size = np.mean([len(encode(picture)) for picture in pixels])
        print(f"{name:<20} {seconds * 1e6:7.1f} us  {seconds / fastest:5.2f}  {size:5.0f} bytes")


if __name__ == "__main__":
    main()
