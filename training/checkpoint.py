"""Reads, checks and atomically writes checkpoints, which contain everything needed to resume a run."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from models.atomic import write_atomically
from training.errors import CheckpointError
from training.spec import TrainingSpec

NEWER_FIELDS = (
    "held_out",
    "patience",
    "match_tones",
    "stem_channels",
    "noise_map",
    "grey_scale",
    "final_gamma",
    "augment",
    "augment_turns",
    "decay_from",
    "task",
    "degradation_label",
    "consistency",
    "initial_networks",
)
"""Spec fields that checkpoints of earlier releases lack."""


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Atomically write a checkpoint, prefixed with its sha256. After a crash the file is either the old or the new one.

    Raises:
        CheckpointError: the file cannot be written. The old one is unchanged.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    try:
        write_atomically(path, hashlib.sha256(content).digest() + content)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error}). Free some space, then use --resume.") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, restricted to tensors and plain values, so that no code in it is executed.

    Raises:
        CheckpointError: the checkpoint is missing or damaged.
    """
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}). Name the folder of a run with a checkpoint."
        ) from None
    digest, content = whole[:32], whole[32:]
    if hashlib.sha256(content).digest() != digest:
        raise CheckpointError(f"{path} is damaged: wrong checksum. Remove it and restart the run without --resume.")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a malformed pickle can raise anything
        raise CheckpointError(
            f"{path} is not a checkpoint of tensors and plain values. Remove it and restart the run."
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is not a checkpoint of this trainer. Remove it and restart the run.")
    return state


def check_spec(state: dict[str, Any], spec: TrainingSpec) -> None:
    """Check that a checkpoint was made with a spec, so that its run can be resumed.

    Raises:
        CheckpointError: it was made with another one.
    """
    defaults = {name: TrainingSpec.model_fields[name].default for name in NEWER_FIELDS}
    saved, expected = defaults | (state.get("spec") or {}), spec.model_dump(mode="json")
    if saved != expected:
        names = sorted(name for name in expected if saved.get(name) != expected[name])
        raise CheckpointError(
            f"The checkpoint was made with another spec (it differs in {', '.join(names)}). Resume with the original spec, "
            "or start a new run in another folder."
        )
