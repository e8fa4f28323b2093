"""Trains the judge of an imported dataset at the beginning of a run, which takes up to a minute."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.evaluation import judges
from training.loop.run_folder import Events

REPORT_SECONDS = 5
"""Minimum interval between two events."""


def prepare_judge(data: Dataset, events: Events, check: Callable[[], None]) -> None:
    """Train the judge of a dataset, unless it is published or has one.

    Writes `preparing` events with the part that is done, and then a `judge` event with the judge's quality on test pictures.

    Args:
        data: the training split.
        events: the event log of the run.
        check: called after each epoch. It may raise to end the training.
    """
    if judges.path_of(data.info).exists():
        return
    started, reported = time.monotonic(), -math.inf

    def after_epoch(part: float) -> None:
        nonlocal reported
        check()
        if time.monotonic() - reported >= REPORT_SECONDS:
            reported = time.monotonic()
            events.write("preparing", dataset=data.info.reference, part=round(part, 3))

    judge, _ = judges.ensure(data, after_epoch=after_epoch)
    found = judges.quality(judge, tensors.load(data.info.reference, "test"))
    events.write("judge", dataset=data.info.reference, **found, seconds=round(time.monotonic() - started, 1))
