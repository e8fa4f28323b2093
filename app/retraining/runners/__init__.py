"""Where trainers run: as processes of this machine, as Ray Jobs or as Kubernetes Jobs.

An engine only starts and stops a trainer. Everything else, events, checkpoints, the log and the candidate, is in the run's
folder, which the engine's machines share. A run can therefore continue on another engine.
"""

from app.retraining.runners.contract import EngineUnavailable, Finished, FolderInUse, Handle, Runner
from app.retraining.runners.lock import holder_of, is_locked

__all__ = ["EngineUnavailable", "Finished", "FolderInUse", "Handle", "Runner", "holder_of", "is_locked"]
