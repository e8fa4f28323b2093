"""Checkpoints: everything a run needs to go on, in one file that is whole or not there."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from models.atomic import write_atomically
from training.errors import CheckpointError


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint, its sha256 before it, so that a crash at any moment leaves the old one or the new one, whole.

    Raises:
        CheckpointError: it cannot be written; the old one is still there.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    try:
        write_atomically(path, hashlib.sha256(content).digest() + content)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error}). Make room, then go on with --resume.") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint as tensors and plain values only: nothing in it is executed.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}). Name a run's folder that has one.") from None
    digest, content = whole[:32], whole[32:]
    if hashlib.sha256(content).digest() != digest:
        raise CheckpointError(f"{path} is damaged: its checksum is wrong. Remove it and start the run again without --resume.")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle may break its reader anywhere
        raise CheckpointError(
            f"{path} is no checkpoint of tensors and plain values. Remove it and start the run again."
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is not a checkpoint of this trainer. Remove it and start the run again.")
    return state
