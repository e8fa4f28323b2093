"""What can go wrong in the trainer. Every message ends with the remedy.

TrainingError
├── DatasetError        a dataset file is missing, truncated or not what it should be
├── CheckpointError     a checkpoint cannot be read or does not fit its spec
├── DivergedError       a loss is no longer a number
└── ExportError         the exported network is not the trained one
"""


class TrainingError(Exception):
    """Something the person who started the trainer can mend."""


class DatasetError(TrainingError):
    """A dataset file is missing, truncated or not what it should be."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be read or does not fit its spec."""


class FolderInUseError(TrainingError):
    """Another trainer is at work in the run's folder."""


class DivergedError(TrainingError):
    """A loss is no longer a number."""


class ExportError(TrainingError):
    """The exported network is not the trained one."""
