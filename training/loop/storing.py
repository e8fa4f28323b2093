"""Stores a run in object storage while it trains, so that another host can continue it.

The supervisor has made this trainer the owner of the run (`models.stored_run`). A thread uploads what has changed. Training
never waits for it: while the object storage fails, the run continues, its event log says so, and the thread tries again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from models.atomic import Stamp, stamp_of
from models.bucket import Bucket, open_store
from models.errors import RepositoryError
from models.host import RUNS_VARIABLE, distant_run
from models.stored_run import StoredRun, Superseded
from training.errors import FolderInUseError, TrainingError
from training.loop.run_folder import RunFolder

LOOK_SECONDS = 0.5
"""Interval at which the thread looks for a new checkpoint, which is stored at once."""
STORE_SECONDS = 5.0
"""Interval at which everything else is stored, and at which a failed attempt is repeated."""
LAST_SECONDS = 10.0
"""Time after the end of the run for which storing it is tried. The supervisor of this host stores the folder again before it
starts another trainer."""
LAST_SECONDS_DISTANT = 1800.0
"""The same on a machine without the state folder, where everything else would be lost."""


class Storing:
    """Stores the folder of a run in a thread.

    Args:
        run: the run.
        owner: the owner's id.
        folder: the same run's folder.
        stop: called when another trainer has continued the run.
    """

    def __init__(self, run: StoredRun, owner: str, folder: RunFolder, stop: Callable[[], None]) -> None:
        self.run, self.owner, self.folder, self.stop = run, owner, folder, stop
        self.warn: Callable[[str], None] | None = None
        """Writes a warning into the event log, while that is open."""
        self.superseded: Superseded | None = None
        self._trouble = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._store_until_end, name="storing")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self) -> None:
        """Store the final state of the folder.

        Raises:
            FolderInUseError: another trainer has continued the run.
        """
        self._ending.set()
        self._thread.join()
        deadline = time.monotonic() + (LAST_SECONDS_DISTANT if distant_run() else LAST_SECONDS)
        while not self.superseded and not self._store() and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        if self.superseded:
            raise FolderInUseError(str(self.superseded))

    def _store_until_end(self) -> None:
        at, checkpoint = time.monotonic(), self._checkpoint()
        while not self.superseded and not self._ending.wait(LOOK_SECONDS):
            is_new = not self._trouble and self._checkpoint() != checkpoint
            if is_new or time.monotonic() - at >= STORE_SECONDS:
                checkpoint = self._checkpoint()
                self._store()
                at = time.monotonic()

    def _checkpoint(self) -> Stamp:
        return stamp_of(self.folder.checkpoint)[:2]  # a new name of the same file changes nothing

    def _store(self) -> bool:
        """Make an attempt. Return whether it has succeeded."""
        try:
            self.run.store(self.owner)
        except Superseded as error:
            self.superseded = error
            self.stop()
            return False
        except (RepositoryError, OSError) as error:
            if not self._trouble:
                self._say(f"The run cannot be stored: {error} Training continues, and this is tried again.")
            self._trouble = True
            return False
        if self._trouble:
            self._say("The run is stored again.")
        self._trouble = False
        return True

    def _say(self, text: str) -> None:
        print(text, flush=True)
        if self.warn:
            with suppress(OSError, ValueError):  # the disk is full, or the event log was just closed
                self.warn(text)


@contextmanager
def stored(folder: RunFolder, stop: Callable[[], None] = lambda: None) -> Iterator[Storing | None]:
    """Store a run's folder while the block runs, and its final state afterwards, if the supervisor wants it stored.

    Args:
        folder: the run's folder.
        stop: called in another thread when another trainer has continued the run.

    Raises:
        FolderInUseError: another trainer has continued the run.
        TrainingError: the supervisor has not made this trainer the owner, or obstore is not installed.
    """
    url = os.environ.get(RUNS_VARIABLE)
    if not url:
        yield None
        return
    try:
        run = StoredRun(Bucket(open_store(url)), folder.path.absolute())
    except (ImportError, ValueError) as error:
        raise TrainingError(f"The run cannot be stored. {error}") from error
    owners = run.owners
    if not owners:
        raise TrainingError(f"{folder.path} has no owner. Start the trainer from the service.")
    storing = Storing(run, owners[-1], folder, stop)
    storing.start()
    try:
        yield storing
    finally:
        storing.end()
