"""Runs a training worker: a supervisor in a thread, of a server worker or of `python -m app.retraining`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.errors import StoreUnavailable
from app.retraining.lease import Kind, Workers
from app.retraining.runners import Runner
from app.retraining.store import JobStore
from app.retraining.supervisor import Supervisor
from app.settings import Settings
from app.storage.database import Database

logger = logging.getLogger("seedling")
RETRY_SECONDS = 2.0
"""Interval of attempts to open the job store."""


def run_worker(
    settings: Settings,
    database: Callable[[], Database],
    kind: Kind,
    runner: Runner,
    closing: threading.Event,
    registered: threading.Event | None = None,
) -> None:
    """Supervise until `closing` is set. What fails at the start, such as opening the job store, is tried again.

    Args:
        settings: settings of the service.
        database: opens the job store, or returns the open one.
        kind: whether this process is part of a server worker.
        runner: runs the trainers.
        closing: set to stop the supervisor.
        registered: set once this process is registered as able to train, or the first attempt has failed.
    """
    workers, last = None, ""
    while workers is None:
        try:
            workers = Workers(database(), kind)
            workers.beat()
        except StoreUnavailable as error:
            workers = None
            if str(error) != last:
                logger.error("retraining: %s Trying again.", error)
            last = str(error)
        if registered:
            registered.set()
        if workers is None and closing.wait(RETRY_SECONDS):
            return
    logger.info("retraining: worker %s is ready", workers.id)
    while not closing.is_set():
        try:
            supervisor = Supervisor(settings, JobStore(database()), workers, runner)
        except Exception:
            logger.exception("retraining: the supervisor cannot start; trying again")
            closing.wait(RETRY_SECONDS)
        else:
            supervisor.run(closing)
