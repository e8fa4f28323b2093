"""CPU time per line of the access log, relative to a line written through `logging`: python -m benchmarks.access_log"""

from __future__ import annotations

import asyncio
import logging.config
import os
import sys
import time
from collections.abc import Callable
from typing import Literal

from app.observability.access_log import AccessLog
from app.observability.logs import log_config
from app.observability.tracing import CURRENT, take_over

LINES, REPEATS = 2_000, 7
SHAPES: tuple[Literal["text", "json"], ...] = ("text", "json")


def microseconds(step: Callable[[int], None]) -> float:
    """Return the CPU time of a step: the fastest of several rounds."""
    rounds = []
    for _ in range(REPEATS):
        began = time.process_time()
        for number in range(LINES):
            step(number)
        rounds.append((time.process_time() - began) / LINES * 1e6)
    return min(rounds)


async def compare() -> None:
    """Print the CPU time of both ways for both formats."""
    trace = take_over(None)
    CURRENT.set(trace)
    logger = logging.getLogger("seedling.access")
    for shape in SHAPES:
        logging.config.dictConfig(log_config("info", shape))

        def by_logging(number: int) -> None:
            target, client = f"/generate?seed={number}", "127.0.0.1"
            fields = {"client": client, "method": "GET", "target": target, "status": 200, "seconds": 0.0004}
            logger.info('%s "%s %s" %s %.1f ms', client, "GET", target, 200, 0.4, extra=fields)

        log = AccessLog(shape)

        def batched(number: int, log: AccessLog = log) -> None:
            log.write("127.0.0.1", "GET", f"/generate?seed={number}", 200, 0.0004, trace)

        before, after = microseconds(by_logging), microseconds(batched)
        print(f"{shape}: {after:.1f} us a line, {before:.1f} through logging, {before / after:.1f} times as long")


if __name__ == "__main__":
    sys.stderr = open(os.devnull, "w")
    asyncio.run(compare())
