"""The resources that a run uses: time, processor cores, memory and GPU.

Times are totals of the run. They continue after a resume, from the last event of the previous attempt, so a killed trainer
loses at most the time since that event. They begin when the run begins, and include neither the import of torch nor the
evaluation of the candidate afterwards.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

TOTALS = ("wall_seconds", "cpu_seconds", "gpu_seconds")
_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in a unit of ru_maxrss."""


@dataclass(frozen=True)
class Totals:
    """The time that a run has used so far, in seconds."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Time of all cores together, in user and in kernel mode."""
    gpu_seconds: float = 0.0
    """Time during which the run had a GPU, busy or not."""

    @classmethod
    def of_earlier_attempts(cls, events: Path) -> Totals:
        """Read the totals of the last event that has them. Zero without one."""
        with suppress(OSError):
            for line in reversed(events.read_bytes().splitlines()):
                with suppress(ValueError, TypeError, AttributeError, RecursionError):
                    event = json.loads(line)
                    if "cpu_seconds" in event:
                        return cls(*(_amount(event.get(name, 0.0)) for name in TOTALS))
        return cls()


class UsageMeter:
    """Measures this process.

    Args:
        device: torch device of the run.
        before: what earlier attempts have used.
    """

    def __init__(self, device: str = "cpu", before: Totals | None = None) -> None:
        self.device, self.before = device, before or Totals()
        self.has_gpu = device.startswith("cuda")
        self.knows_utilization = self.has_gpu
        self._began = self._last = (time.monotonic(), _cpu_seconds())

    def totals(self) -> dict[str, float]:
        """Return the totals of the run, without those of a GPU if it has none."""
        return self._totals(time.monotonic(), _cpu_seconds())

    def measure(self) -> dict[str, float | int]:
        """Return the totals, the use since the last measurement and the memory.

        `cores` is the mean number of cores in use since the last measurement, `threads` their number now. `peak_memory` is the
        largest resident memory of the process in bytes. On a GPU, `gpu_utilization` is the share of a recent second during
        which it computed, and `gpu_peak_memory` the most memory that torch has reserved, in bytes. What the system or the
        driver does not tell is missing.
        """
        wall, cpu = time.monotonic(), _cpu_seconds()
        elapsed = wall - self._last[0]
        found: dict[str, float | int] = {**self._totals(wall, cpu)}
        if elapsed > 0:
            found["cores"] = round((cpu - self._last[1]) / elapsed, 2)
        self._last = (wall, cpu)
        found["peak_memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
        with suppress(OSError):
            found["threads"] = len(os.listdir("/proc/self/task"))
        return found | self._gpu()

    def _totals(self, wall: float, cpu: float) -> dict[str, float]:
        attempt = wall - self._began[0]
        found = {
            "wall_seconds": round(self.before.wall_seconds + attempt, 2),
            "cpu_seconds": round(self.before.cpu_seconds + cpu - self._began[1], 2),
        }
        gpu = self.before.gpu_seconds + (attempt if self.has_gpu else 0.0)
        return found | ({"gpu_seconds": round(gpu, 2)} if gpu else {})

    def _gpu(self) -> dict[str, float | int]:
        if not self.has_gpu:
            return {}
        found: dict[str, float | int] = {"gpu_peak_memory": torch.cuda.max_memory_reserved(self.device)}
        if self.knows_utilization:
            try:
                found["gpu_utilization"] = torch.cuda.utilization(self.device) / 100
            except (ImportError, RuntimeError):  # without nvidia-ml-py, or without permission
                self.knows_utilization = False
        return found


def _amount(value: float | str) -> float:
    """Return a finite number that is at least 0."""
    found = float(value)
    return max(found, 0.0) if math.isfinite(found) else 0.0


def _cpu_seconds() -> float:
    """Return the CPU time of this process, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
