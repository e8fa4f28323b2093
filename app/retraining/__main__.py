"""python -m app.retraining: the supervisor alone, for a container of its own. Shares the state folder with the service."""

from __future__ import annotations

import argparse
import logging.config
import signal
import sys
import threading
import time

from app.__main__ import help_text, read_settings
from app.errors import StoreUnavailable
from app.logs import log_config
from app.retraining.database import Database
from app.retraining.lease import Workers
from app.retraining.runner import LocalRunner
from app.retraining.service import can_train, store_place
from app.retraining.store import JobStore
from app.retraining.supervisor import Supervisor

logger = logging.getLogger("seedling")


def main() -> None:
    """Supervise in the foreground until SIGTERM or Ctrl-C; then the trainer checkpoints, and its job waits for the next."""
    argparse.ArgumentParser(
        prog="python -m app.retraining",
        description="Take retraining jobs from the queue: train, evaluate, publish, promote.",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    settings = read_settings()
    logging.config.dictConfig(log_config(settings.log_level, settings.log_format))
    if not can_train():
        sys.exit("The trainer is not installed here. Run: make setup-train (or pip install -c constraints.txt '.[train]').")
    signals: list[int] = []  # a handler may not touch what its own thread could be waiting on
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals.append(received))
    try:
        database = Database(store_place(settings))
    except StoreUnavailable as error:
        sys.exit(str(error))
    workers = Workers(database, "alone")
    runner = LocalRunner(settings.training_threads, settings.training_nice)
    logger.info("retraining: worker %s, state in %s", workers.id, settings.state)
    closing = threading.Event()
    supervisor = Supervisor(settings, JobStore(database), workers, runner)
    thread = threading.Thread(target=supervisor.run, args=(closing,), name="supervisor")
    thread.start()
    while not signals and thread.is_alive():
        time.sleep(0.1)
    closing.set()
    thread.join()
    database.close()


if __name__ == "__main__":
    main()
