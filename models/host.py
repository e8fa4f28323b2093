"""Where a process id means something: it names a process only on its host, and only within its container."""

from __future__ import annotations

import os
import platform

LOCK_VARIABLE = "SEEDLING_LOCK_FD"
"""In a trainer's environment, the file descriptor by which it has inherited the lock of its folder."""


def place() -> str:
    """The host's name and, on Linux, the number of the process namespace; two processes with equal places see each other."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # as in pid:[4026531836]
    except OSError:
        return platform.node()
    return f"{platform.node()}/{''.join(filter(str.isdigit, namespace))}"
