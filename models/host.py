"""Identifies the host, boot and container in which a process id is valid, and the names that runners and trainers share."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from pathlib import Path
from typing import Any

LOCK_VARIABLE = "SEEDLING_LOCK_FD"
"""Environment variable with the file descriptor of the folder's lock that a trainer inherits."""
LOG_VARIABLE = "SEEDLING_LOG"
"""Environment variable with the file to which a trainer appends its output, if an engine runs it."""
SUBMISSION_VARIABLE = "SEEDLING_SUBMISSION"
"""Environment variable with the engine and the id of a trainer that an engine runs, as JSON: {"place": ..., "id": ...}."""
RUNS_VARIABLE = "SEEDLING_RUNS_URL"
"""Environment variable with the object storage in which a trainer stores its run. Unset: it does not."""
RUN_VARIABLE = "SEEDLING_RUN"
"""Environment variable with the run of a trainer on a machine without the state folder, as JSON: {"folder": ..., "owner": ...}.
It fetches the run from the object storage into this folder, and deletes the folder at the end."""
SUBMISSION_FILE = "submission.json"
"""Name of the file in a run's folder with the last submission to an engine."""


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


def submission() -> dict[str, str] | None:
    """Return the engine and the id under which this trainer was submitted, or None if no engine runs it."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        found = json.loads(os.environ[SUBMISSION_VARIABLE])
        return {"place": str(found["place"]), "id": str(found["id"])}
    return None


def distant_run() -> tuple[Path, str] | None:
    """Return the folder and the owner id of the run that this trainer fetches, or None if it sees the state folder."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        found = json.loads(os.environ[RUN_VARIABLE])
        return Path(found["folder"]), str(found["owner"])
    return None


def this_process() -> dict[str, Any]:
    """Return what the lock file of a run's folder says about this process: `pid`, `place` and, on an engine, `id`."""
    return {"pid": os.getpid(), "place": pid_namespace(), **(submission() or {})}
