"""Errors raised by the trainer. Every message ends with the remedy.

TrainingError
├── DatasetError        a dataset file is missing, truncated or has the wrong content
├── CheckpointError     a checkpoint cannot be read or does not match its spec
├── FolderInUseError    another trainer is running in the run's folder
├── DivergedError       a loss or a weight is not finite
└── ExportError         the exported network does not match the trained one
"""


class TrainingError(Exception):
    """Base class of errors that the user can fix."""


class DatasetError(TrainingError):
    """A dataset file is missing, truncated or has the wrong content."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be read or does not match its spec."""


class FolderInUseError(TrainingError):
    """Another trainer is running in the run's folder."""


class DivergedError(TrainingError):
    """A loss or a weight is not finite."""


class ExportError(TrainingError):
    """The exported network does not match the trained one."""
