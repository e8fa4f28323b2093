"""Errors raised by the trainer. Every message ends with the remedy.

TrainingError
├── DatasetError        a dataset file is missing, truncated or has the wrong content
│   └── BrokenPicturesError  pictures of a source to import cannot be read
├── CheckpointError     a checkpoint cannot be read or does not match its spec
├── FolderInUseError    another trainer is running in the run's folder
├── DivergedError       a loss or a weight is not finite
└── ExportError         the exported network does not match the trained one
"""

from __future__ import annotations

from collections.abc import Sequence


class TrainingError(Exception):
    """Base class of errors that the user can fix."""


class DatasetError(TrainingError):
    """A dataset file is missing, truncated or has the wrong content."""


class BrokenPicturesError(DatasetError):
    """Pictures of a source to import cannot be read.

    Args:
        message: names some of them, and the remedy.
        broken: file and reason of each.
    """

    def __init__(self, message: str, broken: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.broken = tuple(broken)


class CheckpointError(TrainingError):
    """A checkpoint cannot be read or does not match its spec."""


class FolderInUseError(TrainingError):
    """Another trainer is running in the run's folder."""


class DivergedError(TrainingError):
    """A loss or a weight is not finite."""


class ExportError(TrainingError):
    """The exported network does not match the trained one."""
