"""Identifies the host and container in which a process id is valid."""

from __future__ import annotations

import os
import platform

LOCK_VARIABLE = "SEEDLING_LOCK_FD"
"""Environment variable with the file descriptor of the folder's lock that a trainer inherits."""


def pid_namespace() -> str:
    """Return the host name and, on Linux, the PID namespace. Processes with equal values can see each other."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # for example pid:[4026531836]
    except OSError:
        return platform.node()
    return f"{platform.node()}/{''.join(filter(str.isdigit, namespace))}"
