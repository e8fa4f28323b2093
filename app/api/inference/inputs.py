"""From the tensors of a request to the inputs of a network.

Each input has one row per picture, or a single row that applies to all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.api.inference.tensors import BYTES, FLOATS, INTEGERS, Tensor
from app.errors import InvalidRequest, LabelInvalid, LatentInvalid, PictureInvalid, SeedInvalid, TooMuch
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import (
    MAX_LABEL,
    MAX_LATENT,
    MAX_PICTURES,
    Point,
    Seed,
    Vector,
    check_seed,
    label_row,
    parse_seed,
    resolve_label,
    truncate,
)
from app.sampling.sharpener import LoadedSharpener
from models import sharpening
from models.sharpening import Degraded

MAX_PSI = 2.0
Row = TypeVar("Row")
Inputs = Mapping[str, Tensor]


@dataclass(frozen=True)
class Rows:
    """The inputs of a generator for all pictures of a request."""

    generator: LoadedGenerator
    count: int
    seeds: Sequence[Seed] = ()
    latents: NDArray[np.float32] | None = None
    """(N or 1, z_dim), instead of seeds."""
    labels: Sequence[Vector] = ()
    """Label inputs (K,). Empty if the seeds choose the classes."""
    psis: Sequence[float] = (1.0,)

    def points(self, part: slice) -> list[Point]:
        """Return the inputs of some pictures."""
        return [self._point(index) for index in range(*part.indices(self.count))]

    def _point(self, index: int) -> Point:
        if self.latents is None:
            point = self.generator.point(_at(self.seeds, index))[0]
        else:
            point = Point(self.latents[index if len(self.latents) > 1 else 0], None)
        label = _at(self.labels, index) if self.labels else point.label
        return Point(truncate(point.z, _at(self.psis, index)), label)


@dataclass(frozen=True)
class SharpenRows(Rows):
    """The inputs of a sharpener for all pictures of a request."""

    degraded: Sequence[Degraded] = ()

    def _point(self, index: int) -> Point:
        assert isinstance(self.generator, LoadedSharpener)  # noqa: S101 - for the type checker
        return self.generator.sharpen_point(_at(self.seeds, index), _at(self.degraded, index))


@dataclass(frozen=True)
class Scored:
    """Pictures to score."""

    pictures: Pixels
    """(N or 1, 28, 28)."""
    labels: Sequence[Sequence[Vector | None]]
    """The label inputs (K,) to score each picture with, or those of all pictures. [None] without classes."""
    is_labelled: bool
    """Whether the request names the classes."""
    count: int

    @property
    def passes(self) -> int:
        """How often the network runs for each picture."""
        return len(self.labels[0])


def generator_rows(inputs: Inputs, generator: LoadedGenerator) -> Rows:
    """Return the inputs of a generator.

    Raises:
        InvalidRequest: an input is missing, unknown, or has another datatype or shape than the metadata say.
        SeedInvalid, LatentInvalid, LabelInvalid: a value is invalid.
        TooMuch: there are too many pictures.
    """
    _check_names(inputs, ("seed", "z", "label", "psi"))
    if ("seed" in inputs) == ("z" in inputs):
        raise InvalidRequest("A request has either the input seed or the input z. Send exactly one of them.")
    count = _batch(inputs)
    labels = _labels(inputs["label"], generator.classes) if "label" in inputs else []
    if "z" in inputs and generator.classes and not labels:
        raise InvalidRequest("An explicit z does not determine a class. Give a label with it.")
    seeds = _seeds(inputs["seed"]) if "seed" in inputs else []
    latents = _latents(inputs["z"], generator.manifest.z_dim) if "z" in inputs else None
    psis = _psis(inputs["psi"]) if "psi" in inputs else [1.0]
    return Rows(generator, count, seeds, latents, labels, psis)


def sharpener_rows(inputs: Inputs, sharpener: LoadedSharpener) -> SharpenRows:
    """Return the inputs of a sharpener.

    Raises:
        InvalidRequest, TooMuch: as `generator_rows`.
        SeedInvalid, PictureInvalid: a value is invalid.
    """
    _check_names(inputs, ("seed", "image", "factor"), required=("seed", "image"))
    count, seeds = _batch(inputs), _seeds(inputs["seed"])
    pictures = _pictures(inputs["image"])
    factors = _factors(inputs["factor"]) if "factor" in inputs else [None]
    try:
        degraded = [
            sharpening.recognise(_at(pictures, index), _at(factors, index)) for index in range(max(len(pictures), len(factors)))
        ]
    except ValueError as error:
        raise PictureInvalid(str(error)) from error
    return SharpenRows(sharpener, count, seeds, degraded=degraded)


def scored_rows(inputs: Inputs, classes: Sequence[str]) -> Scored:
    """Return the inputs of a discriminator with these classes.

    Raises:
        InvalidRequest, TooMuch: as `generator_rows`.
        LabelInvalid: a class does not exist.
    """
    _check_names(inputs, ("image", "label"), required=("image",))
    count, pictures = _batch(inputs), _pictures(inputs["image"])
    if pictures.shape[1:] != (SIDE, SIDE):
        raise InvalidRequest(
            f"The pictures of a discriminator have the shape {SIDE}, {SIDE}. Convert them, or use /discriminate."
        )
    named = _labels(inputs["label"], classes) if "label" in inputs else []
    if named:
        return Scored(pictures, [[row] for row in named], is_labelled=True, count=count)
    every: list[Vector | None] = [label_row(label, classes) for label in range(len(classes))] or [None]
    if count * len(every) > MAX_PICTURES:
        raise TooMuch(
            f"Without a label, each picture is scored for all {len(every)} classes, and the limit is {MAX_PICTURES} scores per "
            "request. Name a label, or split the pictures over several requests."
        )
    return Scored(pictures, [every], is_labelled=False, count=count)


def _check_names(inputs: Inputs, known: Sequence[str], required: Sequence[str] = ()) -> None:
    for name in inputs:
        if name not in known:
            raise InvalidRequest(f"There is no input {name!r}. Send {', '.join(known)}.")
    for name in required:
        if name not in inputs:
            raise InvalidRequest(f"The input {name} is missing. Send it.")


def _batch(inputs: Inputs) -> int:
    """Return the number of pictures."""
    sizes = {name: tensor.values.shape[0] for name, tensor in inputs.items()}
    count: int = max(sizes.values())
    if any(size not in (1, count) for size in sizes.values()):
        found = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InvalidRequest(
            f"The inputs have different numbers of rows ({found}). Give each one row per picture, or a single row."
        )
    if count > MAX_PICTURES:
        raise TooMuch(f"The limit is {MAX_PICTURES} pictures per request. Split them over several requests.")
    return count


def _at(values: Any, index: int) -> Any:  # noqa: ANN401 - arrays and sequences
    """Return the row of a picture, which is the only row if there is one."""
    return values[index if len(values) > 1 else 0]


def _column(tensor: Tensor) -> NDArray[Any]:
    """Return the elements (N,) of a tensor with one element per row."""
    if tensor.values.ndim > 2 or (tensor.values.ndim == 2 and tensor.values.shape[1] != 1) or not tensor.values.size:
        raise InvalidRequest(
            f"The input {tensor.name} has the shape {list(tensor.values.shape)}. Send one element per picture: [N]."
        )
    return tensor.values.reshape(-1)


def _unsuitable(tensor: Tensor, wanted: str) -> InvalidRequest:
    return InvalidRequest(f"The input {tensor.name} cannot be of the datatype {tensor.datatype}. Use {wanted}.")


def _seeds(tensor: Tensor) -> list[Seed]:
    values = _column(tensor)
    if tensor.datatype in INTEGERS:
        return [check_seed(seed) for seed in values.tolist()]
    if tensor.datatype != BYTES:
        raise _unsuitable(tensor, "UINT32, or BYTES for texts")
    try:
        return [parse_seed(seed.decode()) for seed in values]
    except UnicodeDecodeError as error:
        raise SeedInvalid("A seed is not valid UTF-8. Encode texts as UTF-8.") from error


def _latents(tensor: Tensor, z_dim: int) -> NDArray[np.float32]:
    values = tensor.values
    if tensor.datatype not in FLOATS:
        raise _unsuitable(tensor, "FP32")
    if values.ndim != 2 or values.shape[1] != z_dim or not values.size:
        raise LatentInvalid(f"This model's z has the shape [N, {z_dim}], not {list(values.shape)}. Send one row per picture.")
    if not (np.abs(values) <= MAX_LATENT).all():
        raise LatentInvalid(
            f"The numbers of z must be in -{MAX_LATENT}..{MAX_LATENT}. Use standard normal numbers, which lie between -6 and 6."
        )
    return values.astype(np.float32)


def _labels(tensor: Tensor, classes: Sequence[str]) -> list[Vector]:
    if tensor.datatype in FLOATS:
        if tensor.values.ndim != 2 or not tensor.values.size:
            raise LabelInvalid(
                f"A mixture has one weight per class: the shape [N, {len(classes)}]. Use that shape, or send an index as INT32."
            )
        return [_label(tuple(row), classes) for row in tensor.values.tolist()]
    values = _column(tensor)
    if tensor.datatype in INTEGERS:
        return [_label(index, classes) for index in values.tolist()]
    return [_label(_text(name, "label"), classes) for name in values]


def _label(label: int | str | tuple[float, ...], classes: Sequence[str]) -> Vector:
    found = resolve_label(label, classes)
    assert found is not None  # noqa: S101 - for the type checker
    return label_row(found, classes)


def _text(value: bytes, name: str) -> str:
    if len(value) > 4 * MAX_LABEL:
        raise InvalidRequest(f"A {name} has at most {MAX_LABEL} characters. Shorten it.")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"A {name} is not valid UTF-8. Encode it as UTF-8.") from error


def _psis(tensor: Tensor) -> list[float]:
    if tensor.datatype not in FLOATS:
        raise _unsuitable(tensor, "FP32")
    values: list[float] = _column(tensor).tolist()
    if not all(0 <= psi <= MAX_PSI for psi in values):
        raise InvalidRequest(f"psi must be in 0..{MAX_PSI:g}. Use 1 for the distribution that the model was trained on.")
    return values


def _factors(tensor: Tensor) -> list[str | None]:
    if tensor.datatype != BYTES:
        raise _unsuitable(tensor, "BYTES")
    factors: list[str | None] = [_text(value, "factor") for value in _column(tensor)]
    if any(factor not in ("2", "4", "blur") for factor in factors):
        raise InvalidRequest("A factor is 2, 4 or blur. Choose one, or omit the input: the factor is then detected.")
    return factors


def _pictures(tensor: Tensor) -> Pixels:
    """Return pictures (N, H, W)."""
    values: Pixels = tensor.values
    if tensor.datatype != "UINT8":
        raise _unsuitable(tensor, "UINT8, grey levels in 0..255")
    if values.ndim == 4 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 3 or not values.size:
        raise InvalidRequest(f"The input image has the shape {list(values.shape)}. Send [N, height, width].")
    return values
