"""python -m app.retraining: a standalone supervisor, for a separate container. Shares the state folder with the service."""

from __future__ import annotations

import argparse
import logging.config
import signal
import sys
import threading
import time

from app.observability.logs import log_config
from app.retraining.facade import Retraining, missing
from app.retraining.runners.choice import open_runner
from app.retraining.worker import run_worker
from app.settings import help_text, read_settings

logger = logging.getLogger("seedling")


def main() -> None:
    """Supervise in the foreground until SIGTERM or Ctrl-C. The trainer then writes a checkpoint and its job is queued again."""
    argparse.ArgumentParser(
        prog="python -m app.retraining",
        description="Take retraining jobs from the queue: train, evaluate, publish, promote.",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    settings = read_settings()
    logging.config.dictConfig(log_config(settings.log_level, settings.log_format))
    if lacking := missing(settings):
        sys.exit(lacking)
    signals: list[int] = []  # a signal handler must not use locks that the interrupted code may hold
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals.append(received))
    retraining = Retraining(settings)
    closing = threading.Event()
    logger.info("retraining: state in %s", settings.state)
    arguments = (settings, retraining.database, "alone", open_runner(settings), closing)
    thread = threading.Thread(target=run_worker, args=arguments, name="supervisor")
    thread.start()
    while not signals and thread.is_alive():
        time.sleep(0.1)
    closing.set()
    thread.join()
    retraining.stop()


if __name__ == "__main__":
    main()
