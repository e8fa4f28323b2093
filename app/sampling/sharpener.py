"""A loaded sharpener, and resolved requests for it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.errors import PictureInvalid
from app.images import encoding
from app.images.decoding import decode
from app.images.preprocessing import Convert, Mode, native, prepare
from app.sampling.generator import SIDE, LoadedGenerator, Pixels, Shapes
from app.sampling.latents import Point, Vector
from app.sampling.pictures import Drawing, Resolved
from models import seed_contract, sharpening
from models.manifest import Manifest
from models.sharpening import Degraded, Kind
from models.version import Version

Factor = Literal["2", "4", "blur"]
NATIVE_SIDES: dict[Factor | None, Sequence[int]] = {None: (7, 14, SIDE), "2": (14, SIDE), "4": (7, SIDE), "blur": (SIDE,)}
"""Sides of the pictures that are used unchanged, by factor."""


@dataclass(frozen=True)
class SharpenPoint(Point):
    """The input of a sharpener for one output."""

    degraded: NDArray[np.float32]
    """The degraded picture, in 0..1, (1, 28, 28)."""
    kind: Vector
    """One-hot kind of degradation, (K,)."""


class LoadedSharpener(LoadedGenerator):
    """A verified version of the task `sharpen` in memory. Thread-safe. See `LoadedGenerator`."""

    def extra_inputs(self) -> Shapes:
        return {"given": [1, SIDE, SIDE], "kind": [len(self.manifest.degradations)]}

    def sharpen_point(self, seed: int | str, degraded: Degraded) -> SharpenPoint:
        """Return the input for a seed and a degraded picture."""
        z, _ = seed_contract.draw(seed, self.manifest.z_dim)
        pixels = degraded.pixels[None].astype(np.float32) / np.float32(255)
        return SharpenPoint(z, None, pixels, _one_hot(degraded.kind, self.manifest.degradations))

    def golden_points(self) -> list[Point]:
        pictures, kinds = sharpening.golden_inputs(range(self.manifest.golden.seeds), self.manifest.degradations)
        pairs = zip(pictures, kinds, strict=True)
        return [self.sharpen_point(seed, Degraded(picture, kind)) for seed, (picture, kind) in enumerate(pairs)]

    def _feed(self, points: Sequence[Point]) -> dict[str, NDArray[np.float32]]:
        sharpened = [point for point in points if isinstance(point, SharpenPoint)]
        return {
            "z": np.stack([point.z for point in sharpened]),
            "given": np.stack([point.degraded for point in sharpened]),
            "kind": np.stack([point.kind for point in sharpened]),
        }


def load(version: Version) -> LoadedGenerator:
    """Load a version of either task.

    Raises:
        VersionUnusable: the version does not match its manifest.
    """
    return LoadedSharpener(version) if version.manifest.task == "sharpen" else LoadedGenerator(version)


@dataclass(frozen=True)
class Upload:
    """An uploaded picture, converted to the network's input."""

    degraded: Degraded
    sha256: str
    """Hex sha256 of the uploaded file."""
    preprocessing: str
    """What was done to the picture (`app.images.preprocessing.Prepared`)."""


def read_upload(
    content: bytes,
    factor: Factor | None,
    mode: Mode,
    manifest: Manifest,
    converter: Callable[[], Convert | None] = lambda: None,
) -> Upload:
    """Decode an uploaded picture and find out how it was degraded.

    A picture of 28x28, 14x14 or 7x7 pixels, or its exact enlargement, is used unchanged. Any other one is first converted to
    28x28 like the pictures of the dataset.

    Args:
        content: the file.
        factor: 2, 4 or blur, or None to find out.
        mode: see `app.images.preprocessing.prepare`.
        manifest: the manifest of the sharpener.
        converter: returns what converts a picture as those of the dataset were. It may read a file, so it is only called for
            pictures that are not used unchanged.

    Raises:
        PictureUnsupported, PictureTooLarge, PictureInvalid: see `app.images.decoding.decode`.
        PictureInvalid: the size does not fit the factor, or the sharpener was not trained for the kind of degradation.
    """
    decoded = decode(content)
    side = decoded.grey.height
    picture = native(decoded, (side,) if side in (7, 14) else NATIVE_SIDES[factor])
    preprocessing = "none"
    if picture is None:
        prepared = prepare(decoded, manifest.dataset.name, mode, converter())
        picture, preprocessing = prepared.pixels, prepared.preprocessing
    try:
        degraded = sharpening.recognise(picture, factor)
    except ValueError as error:
        raise PictureInvalid(str(error)) from error
    if degraded.kind not in manifest.degradations:
        raise PictureInvalid(
            f"{manifest.name}/{manifest.version} was not trained on pictures with the degradation {degraded.kind}, only on "
            f"{', '.join(manifest.degradations)}. Choose another version, or another factor."
        )
    return Upload(degraded, hashlib.sha256(content).hexdigest(), preprocessing)


@dataclass(frozen=True)
class ResolvedSharpening(Resolved):
    """A request to sharpen an uploaded picture, resolved against a sharpener."""

    upload: Upload = field(kw_only=True)

    @property
    def degraded(self) -> Degraded:
        """The degraded picture."""
        return self.upload.degraded

    @functools.cached_property
    def factor(self) -> str:
        """2, 4 or blur."""
        factor = sharpening.FACTORS[self.degraded.kind]
        return str(factor) if factor > 1 else "blur"

    @functools.cached_property
    def _given(self) -> str:
        """The degraded picture in its own size, as a PNG in base64."""
        step = sharpening.FACTORS[self.degraded.kind]
        return base64.b64encode(encoding.png(self.degraded.pixels[::step, ::step])).decode()

    def cache_key(self) -> list[object]:
        # Without its dataset, a sharpener of an imported dataset converts the same file to other pixels.
        pixels = hashlib.sha256(self.degraded.pixels.tobytes()).hexdigest()
        return ["sharpen", self.upload.sha256, pixels, self.upload.preprocessing, self.factor, *super().cache_key()]

    def pinned_url(self) -> str | None:
        return None  # the picture is in the body

    def points(self, part: slice = slice(None)) -> tuple[list[Point], list[int | None]]:
        assert isinstance(self.generator, LoadedSharpener)  # noqa: S101 - for the type checker
        points = [self.generator.sharpen_point(seed, self.degraded) for seed in self.drawing.seeds[part]]
        return list(points), [None] * len(points)

    def _draw(self, part: slice) -> tuple[Pixels, list[Point], list[int | None]]:
        points, labels = self.points(part)
        return self.generator.draw(points), points, labels

    def text(self, seed: str | None, label: int | None) -> dict[str, str]:
        """The text chunks from which an output can be reproduced."""
        chunks = super().text(seed, label)
        del chunks["psi"]
        return chunks | {"factor": self.factor, "input": self.upload.sha256, "given": self._given}

    def headers(self, labels: Sequence[int | None]) -> dict[str, str]:
        return super().headers(labels) | {
            "X-Factor": self.factor,
            "X-Input": self.upload.sha256,
            "X-Preprocessing": self.upload.preprocessing,
        }

    def _json(self, pixels: Pixels, point: Point, label: int | None) -> bytes:
        manifest = self.generator.manifest
        body = {
            "seed": self.drawing.seeds[0],
            "model": manifest.name,
            "version": manifest.version,
            "factor": self.factor,
            "preprocessing": self.upload.preprocessing,
            "input": self.upload.sha256,
            "given": encoding.data_uri(encoding.png(self.degraded.pixels)),
            "z": [float(value) for value in point.z],
            "pixels": pixels.tolist(),
        }
        return json.dumps(body, ensure_ascii=False).encode()


def resolve_sharpening(drawing: Drawing, sharpener: LoadedSharpener, upload: Upload) -> ResolvedSharpening:
    """Combine a request, the sharpener and the uploaded picture."""
    return ResolvedSharpening(drawing, sharpener, None, upload=upload)


@functools.lru_cache(maxsize=64)
def _one_hot(kind: Kind, columns: tuple[Kind, ...]) -> Vector:
    row: Vector = sharpening.one_hot([kind], columns)[0]
    row.flags.writeable = False
    return row
