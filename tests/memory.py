"""Run a service in a memory cgroup, as a container does, and measure its peak memory."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
LIMITS = ("memory.limit_in_bytes", "memory.max")
"""The file with the limit, in cgroup version 1 and in version 2."""
GIBIBYTE = 2**30


@contextlib.contextmanager
def cgroup(limit: int = GIBIBYTE) -> Iterator[Path | None]:
    """Create a memory cgroup with a limit in bytes. Yield None if this machine does not allow that."""
    for root, file in zip(CGROUPS, LIMITS, strict=True):
        folder = root / f"seedling-{uuid.uuid4().hex[:8]}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / file).write_text(str(limit))
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        try:
            yield folder
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()
        return
    yield None


def most_used(group: Path) -> int:
    """Return the peak memory of a cgroup in bytes, including the page cache."""
    for file in ("memory.max_usage_in_bytes", "memory.peak"):
        with contextlib.suppress(OSError):
            return int((group / file).read_text())
    return 0


def killed_for_memory(group: Path) -> int:
    """Return the number of processes in a cgroup that the kernel killed because memory ran out."""
    for file in ("memory.oom_control", "memory.events"):
        with contextlib.suppress(OSError):
            found = re.search(r"^oom_kill (\d+)$", (group / file).read_text(), re.MULTILINE)
            if found:
                return int(found[1])
    return 0


def in_cgroup(command: list[str], group: Path | None) -> list[str]:
    """Wrap a command so that it runs in a cgroup."""
    if group is None:
        return command
    return ["/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command]


def peak(pid: int) -> int:
    """Return the peak resident memory of the largest process of a service, in bytes."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return max(_peak(process.pid) for process in processes)


def _peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else psutil.Process(pid).memory_info().rss
