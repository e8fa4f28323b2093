"""Decode the service's responses, where possible with other libraries than the service uses to encode them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageSequence


def pixels(content: bytes) -> np.ndarray:
    """Return the grey levels of a picture file, (H, W)."""
    return np.array(Image.open(io.BytesIO(content)).convert("L"))


def frames(content: bytes) -> list[np.ndarray]:
    """Return the grey levels of each frame of an animation."""
    return [np.array(frame.convert("L")) for frame in ImageSequence.Iterator(Image.open(io.BytesIO(content)))]


def array(content: bytes) -> np.ndarray:
    """Return the array in an npy file."""
    return np.load(io.BytesIO(content), allow_pickle=False)
