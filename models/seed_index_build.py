"""Builds the index of a version's seeds (`models.seed_index`).

The pictures are drawn in parts. Each finished part is kept in a file, so that an interrupted build continues with the next one.
Memory holds one part at a time, whatever the number of seeds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import seed_contract
from models.atomic import remove, write_atomically
from models.errors import RepositoryError
from models.manifest import sha256_of
from models.seed_index import BASIS, CODES, FILES, INFO, NORMS, OFFSETS, SEEDS, Basis, Floats, Info, Pixels, folder_of

DIMS = 64
PART = 16_384
"""Seeds of a part."""
SAMPLE = 65_536
"""Seeds, counted from 0, that the components and the cells are computed from."""
ROUNDS = 12
"""Rounds of k-means."""
REACH = 0.9999
"""Share of the coordinates that the codes reach. The others are clipped."""
PARTS, PLAN, LOCK = "parts", "plan.json", "lock"
DrawRange = Callable[[range], Pixels]
"""Draws the pictures of seeds, (N, 28, 28)."""
Progress = Callable[[int, float], None]
"""Called with the number of seeds that are done, and the seconds that they took in this process."""


@dataclass(frozen=True)
class Plan:
    """What to build."""

    generator: str
    """sha256 of the generator."""
    seeds: int
    dims: int = DIMS

    @property
    def cells(self) -> int:
        """Number of cells: about the square root of the number of seeds."""
        return int(2 ** max(0, round(np.log2(self.seeds) / 2 - 0.25)))


def build(root: Path, plan: Plan, draw: DrawRange, progress: Progress = lambda done, seconds: None) -> Path:
    """Build an index, or continue an interrupted build. Return its folder. An index that is complete is kept.

    Args:
        root: folder of all indexes.
        plan: what to build.
        draw: draws pictures.
        progress: called after each part.

    Raises:
        RepositoryError: another process is building it.
        OSError: a file cannot be written. Finished parts are kept.
    """
    folder = folder_of(root, plan.generator, plan.seeds)
    if (folder / INFO).is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / LOCK):
        if not (folder / INFO).is_file():
            _build(folder, plan, draw, progress)
    return folder


def is_being_built(root: Path, generator: str, seeds: int) -> bool:
    """Whether a process is building an index. See `build` for the arguments."""
    try:
        with _alone(folder_of(root, generator, seeds) / LOCK):
            return False
    except FileNotFoundError:
        return False
    except RepositoryError:
        return True


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RepositoryError("Another process is building this index of seeds. Wait until it is done.") from error
        yield


def _build(folder: Path, plan: Plan, draw: DrawRange, progress: Progress) -> None:
    parts = folder / PARTS
    parts.mkdir(exist_ok=True)
    start = time.monotonic()
    basis, explained = _basis(parts / BASIS, plan, draw)
    seconds = _recorded(parts)
    for first in range(0, plan.seeds, PART):
        path, seeds = parts / f"{first}.npz", range(first, min(first + PART, plan.seeds))
        if not path.exists():
            _write_part(path, basis, draw(seeds))
            elapsed, start = time.monotonic() - start, time.monotonic()
            seconds += elapsed
            write_atomically(parts / PLAN, json.dumps({"seconds": seconds}).encode())
        progress(seeds.stop, seconds)
    _merge(folder, plan, basis)
    files = {file: sha256_of(folder / file) for file in FILES}
    info = Info(
        generator=plan.generator,
        noise=seed_contract.SCHEME,
        seeds=plan.seeds,
        dims=basis.components.shape[1],
        cells=len(basis.centres),
        explained=round(explained, 4),
        created=datetime.now(UTC).replace(microsecond=0),
        seconds=round(seconds, 1),
        files=files,
    )
    write_atomically(folder / INFO, (info.model_dump_json(indent=1) + "\n").encode())
    remove(parts)


def _recorded(parts: Path) -> float:
    """Return the seconds that finished parts took in earlier processes."""
    try:
        return float(json.loads((parts / PLAN).read_bytes())["seconds"])
    except FileNotFoundError:
        return 0.0


def _basis(path: Path, plan: Plan, draw: DrawRange) -> tuple[Basis, float]:
    """Return the basis, and the share of variance that it explains. Computed once for all parts."""
    if not path.exists():
        sample = min(plan.seeds, SAMPLE)
        shown = [range(first, min(first + PART, sample)) for first in range(0, sample, PART)]
        pixels = np.concatenate([draw(each).reshape(len(each), -1) for each in shown])
        mean, components, explained = _principal(pixels, plan.dims)
        spread = Basis(mean, components, np.ones(plan.dims, np.float32), np.zeros((1, plan.dims), np.float32))
        coordinates = np.concatenate([spread.project(pixels[each.start : each.stop]) for each in shown])
        steps = (np.quantile(np.abs(coordinates), REACH, axis=0) / 127).clip(min=1e-3).astype(np.float32)
        centres = _k_means(coordinates, plan.cells)
        with path.with_suffix(".part").open("wb") as file:
            np.savez(file, mean=mean, components=components, steps=steps, centres=centres, explained=explained)
        path.with_suffix(".part").replace(path)
    with np.load(path) as arrays:
        basis = Basis(**{name: arrays[name] for name in ("mean", "components", "steps", "centres")})
        return basis, float(arrays["explained"])


def _principal(pixels: Pixels, dims: int) -> tuple[Floats, Floats, float]:
    """Return the mean (784,), the principal components (784, dims) and the explained share of variance of pictures (N, 784)."""
    total, products = np.zeros(pixels.shape[1]), np.zeros((pixels.shape[1],) * 2)
    for first in range(0, len(pixels), PART):
        part = pixels[first : first + PART].astype(np.float32)
        total += part.sum(axis=0, dtype=np.float64)
        products += part.T @ part
    mean = total / len(pixels)
    variances, vectors = np.linalg.eigh(products / len(pixels) - np.outer(mean, mean))
    components = np.ascontiguousarray(vectors[:, ::-1][:, :dims]).astype(np.float32)
    return mean.astype(np.float32), components, float(variances[::-1][:dims].sum() / max(variances.sum(), 1e-9))


def _k_means(coordinates: Floats, cells: int) -> Floats:
    """Return the centres, (cells, dims), of k-means clusters of coordinates (N, dims)."""
    random = np.random.RandomState(0)
    centres = coordinates[random.choice(len(coordinates), cells, replace=False)]
    for _ in range(ROUNDS):
        nearest = _assign(coordinates, centres)
        order = np.argsort(nearest, kind="stable")
        counts = np.bincount(nearest, minlength=cells)
        filled = np.flatnonzero(counts)
        sums = np.add.reduceat(coordinates[order], (np.cumsum(counts) - counts)[filled], axis=0)
        centres = centres.copy()
        centres[filled] = sums / counts[filled, None]
    return centres.astype(np.float32)


def _assign(coordinates: Floats, centres: Floats) -> NDArray[np.int64]:
    """Return the nearest centre of each row, (N,)."""
    norms = (centres**2).sum(axis=1)
    parts = [coordinates[first : first + 4096] for first in range(0, len(coordinates), 4096)]
    return np.concatenate([(norms - 2 * (part @ centres.T)).argmin(axis=1) for part in parts])


def _write_part(path: Path, basis: Basis, pixels: Pixels) -> None:
    coordinates = basis.project(pixels)
    codes = basis.encode(coordinates)
    norms = (basis.decode(codes) ** 2).sum(axis=1)
    with path.with_suffix(".part").open("wb") as file:
        np.savez(file, codes=codes, norms=norms, cells=_assign(coordinates, basis.centres).astype(np.uint16))
    path.with_suffix(".part").replace(path)


def _merge(folder: Path, plan: Plan, basis: Basis) -> None:
    """Write the parts into the files of the index, ordered by cell and seed."""
    paths = [(first, folder / PARTS / f"{first}.npz") for first in range(0, plan.seeds, PART)]
    counts = np.zeros(len(basis.centres), np.int64)
    for _, path in paths:
        with np.load(path) as arrays:
            counts += np.bincount(arrays["cells"], minlength=len(counts))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    np.save(folder / OFFSETS, offsets)
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        SEEDS: ("<u4", (plan.seeds,)),
        NORMS: ("<f4", (plan.seeds,)),
        CODES: ("|i1", (plan.seeds, plan.dims)),
    }
    out = {
        name: np.lib.format.open_memmap(folder / name, mode="w+", dtype=kind, shape=shape)
        for name, (kind, shape) in shapes.items()
    }
    free = offsets[:-1].copy()
    for first, path in paths:
        with np.load(path) as arrays:
            cells = arrays["cells"].astype(np.int64)
            order = np.argsort(cells, kind="stable")
            ranks = np.arange(len(cells)) - np.searchsorted(cells[order], cells[order])
            rows = free[cells[order]] + ranks
            out[SEEDS][rows] = (first + order).astype(np.uint32)
            out[NORMS][rows] = arrays["norms"][order]
            out[CODES][rows] = arrays["codes"][order]
            free += np.bincount(cells, minlength=len(counts))
    for array in out.values():
        array.flush()
    remove(folder / BASIS)
    (folder / PARTS / BASIS).replace(folder / BASIS)
