"""Identifies the host, boot and container in which a process id is valid."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

LOCK_VARIABLE = "SEEDLING_LOCK_FD"
"""Environment variable with the file descriptor of the folder's lock that a trainer inherits."""


def pid_namespace() -> str:
    """Return the host name and, on Linux, the PID namespace and the boot. Processes with equal values can see each other.

    A namespace has the same number after every boot, and so may a process: without the boot, a process id of before a restart
    could denote another process.
    """
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")  # for example pid:[4026531836]
        parts.append("".join(filter(str.isdigit, namespace)))
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text()[:8])
    return "/".join(parts)
