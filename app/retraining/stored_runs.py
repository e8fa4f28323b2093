"""The runs of jobs in object storage, from the supervisor's side. Without `GAN_RUNS=bucket`, all of this does nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from app.retraining.job_folder import JobFolder
from app.settings import Settings
from models.bucket import Bucket, open_store
from models.errors import RepositoryError
from models.run_files import DATASETS
from models.stored_run import StoredRun, stored_runs

FOLLOW_SECONDS, PULL_SECONDS = 1.0, 2.0
logger = logging.getLogger("seedling")


class Runs:
    """Runs that survive their host.

    Args:
        settings: settings of the service.
    """

    def __init__(self, settings: Settings) -> None:
        self._bucket = Bucket(open_store(settings.models_url)) if settings.runs == "bucket" and settings.models_url else None
        self._is_engine = settings.runner != "local"
        self._pulled: dict[str, float] = {}
        """Monotonic time of the last download for each run."""
        self._failing: set[str] = set()
        """Runs whose last download has failed."""

    @property
    def is_used(self) -> bool:
        """Whether runs are in object storage."""
        return self._bucket is not None

    @property
    def are_distant(self) -> bool:
        """Whether trainers run on machines that do not share the state folder."""
        return self.is_used and self._is_engine

    def bring(self, folder: JobFolder) -> None:
        """Make a job's folder the newest one. See `StoredRun.bring`."""
        if self._bucket:
            StoredRun(self._bucket, folder.path).bring()

    def take(self, folder: JobFolder) -> str | None:
        """Make the next trainer in a job's folder the owner of the run. Return its id if it must fetch the run.

        See `StoredRun.take` and `StoredRun.hand_over`.
        """
        if self._bucket is None:
            return None
        run = StoredRun(self._bucket, folder.path)
        if self.are_distant:
            return run.hand_over()
        run.take()
        return None

    def follow(self, folder: JobFolder) -> None:
        """Download what a trainer without the state folder has stored, apart from checkpoints and the dataset."""
        if self._bucket is None or not self.are_distant or not self._is_due(folder, FOLLOW_SECONDS):
            return
        self._pull(self._bucket, folder, lambda name: not name.endswith(".pt") and not name.startswith(f"{DATASETS}/"))

    def drop_candidate(self, folder: JobFolder) -> None:
        """Remove the candidate and the dataset of a job that has been published."""
        self._drop(folder, lambda name: name.startswith(("candidate/", f"{DATASETS}/")))

    def drop_checkpoints(self, folder: JobFolder) -> None:
        """Remove the checkpoints of a run that will not be resumed."""
        self._drop(folder, lambda name: name.endswith(".pt"))

    def pull(self, folder: JobFolder) -> None:
        """Download the log and the samples of a run that another host trains, at most once in `PULL_SECONDS`."""
        if self._bucket is None or not self._is_due(folder, PULL_SECONDS):
            return
        self._pull(self._bucket, folder, lambda name: name == "log.txt" or name.startswith("samples/"))

    def _pull(self, bucket: Bucket, folder: JobFolder, chosen: Callable[[str], bool]) -> None:
        try:
            StoredRun(bucket, folder.path).pull(chosen)
        except (RepositoryError, OSError) as error:
            if folder.job_id not in self._failing:
                logger.warning("retraining: the displayed state of %s is out of date: %s", folder.job_id, error)
            self._failing.add(folder.job_id)
        else:
            self._failing.discard(folder.job_id)

    def _is_due(self, folder: JobFolder, seconds: float) -> bool:
        now = time.monotonic()
        is_due = now - self._pulled.get(folder.job_id, -seconds) >= seconds
        if is_due:
            self._pulled[folder.job_id] = now
        return is_due

    def _drop(self, folder: JobFolder, chosen: Callable[[str], bool]) -> None:
        if self._bucket:
            try:
                StoredRun(self._bucket, folder.path).drop(chosen)
            except RepositoryError as error:
                logger.warning("retraining: %s These files stay until their job is pruned.", error)

    def stored(self) -> list[str]:
        """Return the ids of the runs in the object storage.

        Raises:
            Unreachable: it cannot be read.
        """
        return stored_runs(self._bucket) if self._bucket else []

    def delete(self, folder: JobFolder) -> None:
        """Delete a run from the object storage.

        Raises:
            Unreachable: it cannot be written.
        """
        if self._bucket:
            StoredRun(self._bucket, folder.path).delete()
