"""A service in a memory cgroup, as a container limits it, and the most memory that its processes have held."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
LIMITS = ("memory.limit_in_bytes", "memory.max")
"""The file that holds the limit, in version 1 and in version 2."""
GIBIBYTE = 2**30


@contextlib.contextmanager
def cgroup(limit: int = GIBIBYTE) -> Iterator[Path | None]:
    """A memory cgroup with a limit in bytes; None where this machine lets nobody make one."""
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
    """The most memory that a cgroup has held, in bytes; page cache included."""
    for file in ("memory.max_usage_in_bytes", "memory.peak"):
        with contextlib.suppress(OSError):
            return int((group / file).read_text())
    return 0


def killed_for_memory(group: Path) -> int:
    """How many processes of a cgroup the kernel killed because there was no memory left."""
    for file in ("memory.oom_control", "memory.events"):
        with contextlib.suppress(OSError):
            found = re.search(r"^oom_kill (\d+)$", (group / file).read_text(), re.MULTILINE)
            if found:
                return int(found[1])
    return 0


def confined(command: list[str], group: Path | None) -> list[str]:
    """A command that runs in a cgroup."""
    if group is None:
        return command
    return ["/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command]


def peak(pid: int) -> int:
    """The most resident memory that any process of a service has held, in bytes."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return max(_peak(process.pid) for process in processes)


def _peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else psutil.Process(pid).memory_info().rss
