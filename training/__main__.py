"""python -m training"""

import atexit
import contextlib
import gc
import os
import shutil
import sys
import time
from pathlib import Path

from models.host import LOG_VARIABLE, RUNS_VARIABLE, distant_run
from models.run_files import DATASETS

FETCH_SECONDS = 600.0
"""Time for which fetching a run is tried."""


def _write_to_log(path: str) -> None:
    """Append the output of this process to a file. An engine runs this trainer, and what it collects may be lost."""
    try:
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        remedy = "Mount the service's state folder on this machine at the same path, writable for the trainer"
        sys.exit(f"Error: the log cannot be written ({error}). {remedy}.")
    print(f"The output is in {path}.", flush=True)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _fetch(folder: Path, owner: str) -> None:
    """Fetch the run of this trainer from the object storage. At its end, store its last output, and delete the folder.

    Errors are written to the output of this process, which the engine reports.
    """
    from models.bucket import Bucket, open_store
    from models.errors import RepositoryError, Unreachable
    from models.stored_run import StoredRun, Superseded

    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    deadline = time.monotonic() + FETCH_SECONDS

    def store() -> None:
        with contextlib.suppress(RepositoryError, OSError):
            run.store(owner)

    while True:
        try:
            run = StoredRun(Bucket(open_store(os.environ[RUNS_VARIABLE])), folder)
            run.receive(owner)
            atexit.register(store)
            return
        except Superseded as error:
            print(f"Error: {error}", flush=True)
            sys.exit(4)
        except (RepositoryError, OSError, ImportError, ValueError, KeyError) as error:
            print(f"Error: The run cannot be fetched. {error}", flush=True)
            if not isinstance(error, Unreachable) or time.monotonic() > deadline:
                sys.exit(1)
        time.sleep(1)


if found := distant_run():
    _fetch(*found)
if LOG_VARIABLE in os.environ:
    _write_to_log(os.environ.pop(LOG_VARIABLE))

from training.cli import main  # noqa: E402 - errors of the import belong in the log
from training.datasets import DATASETS_VARIABLE  # noqa: E402

if found and (found[0] / DATASETS).is_dir():  # the imported dataset of the run, which this machine may not have
    os.environ[DATASETS_VARIABLE] = str(found[0] / DATASETS)

gc.set_threshold(50_000)  # torch and its libraries create a million objects at import, and none of them is garbage
main()
