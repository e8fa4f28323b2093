"""Caches the results of evaluations in a folder, which can be deleted at any time."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.checkpoint import load_checkpoint, save_checkpoint
from training.errors import CheckpointError

LIBRARIES = ("numpy", "onnxruntime", "torch", "torchmetrics")


def cached(folder: Path | None, inputs: tuple[str | int, ...], compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the cached result for these inputs, or compute and cache it.

    The key includes the code of this package and the versions of the libraries, so a change of either computes anew.

    Args:
        folder: the cache folder. None: always compute.
        inputs: everything that determines the result, with files as their sha256.
        compute: computes the result, which consists of tensors and plain values.
    """
    if folder is None:
        return compute()
    path = folder / f"{hashlib.sha256(repr((inputs, _code())).encode()).hexdigest()[:32]}.pt"
    with suppress(CheckpointError):  # it is missing or damaged
        return load_checkpoint(path)
    result = compute()
    with suppress(CheckpointError, OSError):  # the disk may be full
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(result, path)
    return result


def _code() -> list[str]:
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return [hashlib.sha256(module.read_bytes()).hexdigest() for module in modules] + [
        importlib.metadata.version(library) for library in LIBRARIES
    ]
