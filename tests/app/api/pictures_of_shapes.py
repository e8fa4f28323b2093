"""Archives of small pictures, as users upload them."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image


def archive(per_class: int = 30, classes: tuple[str, ...] = ("bars", "dots"), side: int = 40, broken: int = 0) -> bytes:
    """Return a zip with a folder of PNGs per class, or with PNGs only if there are no classes."""
    random, file = np.random.default_rng(7), io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for number, name in enumerate(classes or ("",)):
            for n in range(per_class):
                levels = random.integers(0, 40, (side, side), np.uint8)
                place = 5 + n % (side - 15)
                levels[5 : side - 5, place : place + 3 + 5 * number] = 220
                picture = io.BytesIO()
                Image.fromarray(levels).save(picture, "PNG")
                target.writestr(f"{name}/{n}.png" if name else f"{n}.png", picture.getvalue())
        for n in range(broken):
            target.writestr(f"{classes[0]}/broken-{n}.png" if classes else f"broken-{n}.png", b"\x89PNG\r\n\x1a\nnothing")
    return file.getvalue()
