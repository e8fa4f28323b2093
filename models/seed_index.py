"""The index of a version's seeds, which finds the seeds whose pictures resemble a given one.

    <root>/<sha256 of the generator>/seeds-<count>/
        index.json      what it was built for, and the sha256 of the other files (`Info`)
        basis.npz       mean picture, principal components, steps of the codes, and centres of the cells
        offsets.npy     first row of each cell, (cells + 1,)
        seeds.npy       uint32, (count,), ordered by cell
        norms.npy       float32, (count,): squared length of each decoded code
        codes.npy       int8, (count, dims)

A picture is projected on the principal components of the generator's pictures (PCA), and each coordinate is rounded to a byte.
The codes are grouped into cells by k-means (an inverted file, Jégou 2011, doi:10.1109/TPAMI.2010.57). A search reads the codes
of the cells nearest to the picture only. Its best candidates are then drawn and compared pixel by pixel, so that the order and
the errors of the result are exact.

An index is derived from the generator and the seed contract alone. It can be deleted and built again at any time
(`models.seed_index_build`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from models import seed_contract
from models.errors import Damaged
from models.manifest import sha256_of

INFO = "index.json"
BASIS, OFFSETS, SEEDS, NORMS, CODES = "basis.npz", "offsets.npy", "seeds.npy", "norms.npy", "codes.npy"
FILES = (BASIS, OFFSETS, SEEDS, NORMS, CODES)
PROBES = 48
"""Cells that a search reads."""
CANDIDATES = 192
"""Seeds that a search draws and compares pixel by pixel."""
MAX_COUNT = 100
"""Most seeds that one search returns."""
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Draw = Callable[[list[int]], Pixels]
"""Draws the pictures of seeds, (N, 28, 28)."""


class Info(BaseModel):
    """What an index was built for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    schema_version: Literal[1] = 1
    generator: str
    """sha256 of the generator."""
    noise: str
    """The seed contract (`models.seed_contract.SCHEME`)."""
    seeds: int
    """Seeds 0 to seeds - 1."""
    dims: int
    """Principal components, and bytes of a code."""
    cells: int
    explained: float
    """Share of the variance of the pictures that the components explain."""
    created: datetime
    seconds: float
    """Time that the pictures and their codes took, without interruptions."""
    files: dict[str, str]
    """sha256 of each file."""


@dataclass(frozen=True)
class Neighbour:
    """A seed whose picture resembles a given one."""

    seed: int
    error: float
    """Root mean square error of the pixels, in grey levels of 0..255."""


@dataclass(frozen=True)
class Basis:
    """The projection of pictures, and the cells."""

    mean: Floats
    """(784,), in grey levels."""
    components: Floats
    """Orthonormal columns, (784, dims)."""
    steps: Floats
    """Difference of two neighbouring codes along each component, (dims,)."""
    centres: Floats
    """Centres of the cells, (cells, dims)."""

    def project(self, pixels: Pixels) -> Floats:
        """Return the coordinates, (N, dims), of pictures (N, 28, 28)."""
        flat = pixels.reshape(len(pixels), -1).astype(np.float32)
        found: Floats = np.asarray((flat - self.mean) @ self.components, np.float32)
        return found

    def encode(self, coordinates: Floats) -> NDArray[np.int8]:
        """Return the codes, (N, dims), of coordinates."""
        found: NDArray[np.int8] = np.clip(np.rint(coordinates / self.steps), -127, 127).astype(np.int8)
        return found

    def decode(self, codes: NDArray[np.int8]) -> Floats:
        """Return the coordinates, (N, dims), that codes stand for."""
        found: Floats = codes.astype(np.float32) * self.steps
        return found

    def distances(self, coordinates: Floats) -> Floats:
        """Return the squared distances, (N, cells), to the centres, less the squared lengths of the coordinates."""
        products = coordinates @ self.centres.T
        found: Floats = ((self.centres**2).sum(axis=1) - 2 * products).astype(np.float32)
        return found


class SeedIndex:
    """An index on disk, memory-mapped. Thread-safe.

    Args:
        folder: its folder.
        generator: sha256 of the generator.

    Raises:
        Damaged: a file is missing or damaged, or belongs to another generator.
    """

    def __init__(self, folder: Path, generator: str) -> None:
        remedy = "Delete the folder and build the index again."
        try:
            self.info = Info.model_validate_json((folder / INFO).read_bytes())
            if (self.info.generator, self.info.noise) != (generator, seed_contract.SCHEME):
                raise Damaged(f"The index of seeds in {folder.name} belongs to another generator. {remedy}")
            for file in FILES:
                if sha256_of(folder / file) != self.info.files.get(file):
                    raise Damaged(f"{file} of the index of seeds does not have the sha256 in {INFO}. {remedy}")
            with np.load(folder / BASIS, allow_pickle=False) as arrays:
                self.basis = Basis(**{name: arrays[name] for name in ("mean", "components", "steps", "centres")})
            self._offsets: NDArray[np.int64] = np.load(folder / OFFSETS)
            self._seeds: NDArray[np.uint32] = np.load(folder / SEEDS, mmap_mode="r")
            self._norms: Floats = np.load(folder / NORMS, mmap_mode="r")
            self._codes: NDArray[np.int8] = np.load(folder / CODES, mmap_mode="r")
        except (OSError, ValueError, KeyError, ValidationError) as error:
            raise Damaged(f"The index of seeds cannot be read ({type(error).__name__}). {remedy}") from error

    def candidates(self, picture: Pixels, count: int = CANDIDATES, probes: int = PROBES) -> list[int]:
        """Return the seeds whose codes are nearest to a picture, nearest first.

        Args:
            picture: (28, 28).
            count: most seeds to return.
            probes: number of cells to read.
        """
        query = self.basis.project(picture[None])
        cells = _smallest(self.basis.distances(query)[0], probes)
        weights = (query[0] * self.basis.steps).astype(np.float32)
        parts = [slice(self._offsets[cell], self._offsets[cell + 1]) for cell in np.sort(cells)]
        distances = np.concatenate([self._norms[part] - 2 * (self._codes[part].astype(np.float32) @ weights) for part in parts])
        seeds = np.concatenate([self._seeds[part] for part in parts])
        found: list[int] = seeds[_smallest(distances, count)].tolist()
        return found

    def nearest(self, picture: Pixels, count: int, draw: Draw) -> list[Neighbour]:
        """Return the seeds whose pictures are nearest to a picture, nearest first.

        Args:
            picture: (28, 28).
            count: number of seeds, at most `MAX_COUNT`.
            draw: draws the candidates.
        """
        seeds = self.candidates(picture)
        return compared(picture, seeds, draw(seeds))[:count]


def compared(picture: Pixels, seeds: list[int], drawn: Pixels) -> list[Neighbour]:
    """Return seeds with the pixel errors of their pictures, smallest error first.

    Args:
        picture: (28, 28).
        seeds: N seeds.
        drawn: their pictures, (N, 28, 28).
    """
    difference = drawn.astype(np.int64) - picture.astype(np.int64)
    squares = (difference**2).sum(axis=(1, 2))  # integers, so that the order does not depend on rounding
    order = np.lexsort((np.array(seeds), squares))
    return [Neighbour(seeds[n], round(float(np.sqrt(squares[n] / picture.size)), 3)) for n in order]


def folder_of(root: Path, generator: str, seeds: int) -> Path:
    """Return the folder of an index. It may not exist.

    Args:
        root: folder of all indexes.
        generator: sha256 of the generator.
        seeds: number of seeds.
    """
    return root / generator / f"seeds-{seeds}"


def find(root: Path, generator: str) -> Path | None:
    """Return the folder of the largest complete index of a generator. None if there is none."""
    found = [(int(match[1]), path) for path in (root / generator).glob("seeds-*") if (match := _FOLDER.fullmatch(path.name))]
    return max([each for each in found if (each[1] / INFO).is_file()], default=(0, None))[1]


_FOLDER = re.compile(r"seeds-([1-9][0-9]{0,9})")


def _smallest(values: Floats, count: int) -> NDArray[np.int64]:
    """Return the positions of the smallest values, ascending."""
    if count < len(values):
        positions = np.argpartition(values, count)[:count]
        return positions[np.argsort(values[positions], kind="stable")]
    return np.argsort(values, kind="stable")
