"""Builds the indexes of the champions' seeds in a process of its own, on idle cores."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from app.registry import Registry
from models import seed_index
from models.aliases import CHAMPION
from models.locations import ROOT
from models.seed_index_build import is_being_built
from models.version import Version

logger = logging.getLogger("seedling")
CHECK_SECONDS = 5.0
"""Interval between two looks at the champions."""
STOP_SECONDS = 10
"""Time for a build to end. It can be killed at any moment, because finished parts are kept."""


class IndexBuilder:
    """Starts a build for each champion that has no index of enough seeds, one at a time.

    A build that was interrupted continues. One that failed is not tried again until the service starts again. If another server
    worker is building, this one waits.

    Args:
        root: folder of all indexes.
        seeds: number of seeds of each index. 0 builds none.
    """

    def __init__(self, root: Path, seeds: int) -> None:
        self.root, self.seeds = root, seeds
        self._process: subprocess.Popen[bytes] | None = None
        self._building = ""
        self._failed: set[str] = set()
        self._next = 0.0
        self._lock = threading.Lock()
        self._is_stopped = False

    def check(self, registry: Registry) -> None:
        """Look after the running build, or start the next one. Cheap enough to be called twice a second."""
        with self._lock:
            if self._is_stopped or time.monotonic() < self._next:
                return
            self._next = time.monotonic() + CHECK_SECONDS
            if self._process is not None:
                status = self._process.poll()
                if status is None:
                    return
                self._process = None
                self._note(status)
            version = self._due(registry)
            if version is not None:
                self._start(version)

    def stop(self) -> None:
        """End the running build. The next start of the service continues it."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.terminate()
                try:
                    self._process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
                self._process = None

    def _due(self, registry: Registry) -> Version | None:
        """Return a champion without an index of enough seeds."""
        for view in registry.models().values():
            number = view.aliases.get(CHAMPION)
            if view.task == "generate" and number is not None and number in view.versions:
                version = view.versions[number]
                digest = version.manifest.digest
                if digest in self._failed or self._is_built(digest):
                    continue
                if is_being_built(self.root, digest, self.seeds):  # by another server worker
                    return None
                return version
        return None

    def _is_built(self, digest: str) -> bool:
        found = seed_index.find(self.root, digest)
        return found is not None and int(found.name.rpartition("-")[2]) >= self.seeds

    def _start(self, version: Version) -> None:
        title, self._building = f"{version.name}/{version.number}", version.manifest.digest
        environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("GAN_")}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = subprocess.Popen(  # noqa: S603 - our own program; the arguments are ours
            [sys.executable, "-m", "app.inversion.process", str(version.path), str(self.root), str(self.seeds)],
            cwd=ROOT,
            env=environment | threads,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            process_group=0,  # keeps the service's Ctrl-C from it
        )
        if hasattr(os, "SCHED_IDLE"):
            with contextlib.suppress(OSError):  # then it is only niced
                os.sched_setscheduler(self._process.pid, os.SCHED_IDLE, os.sched_param(0))
        logger.info("building the index of %s seeds of %s in the background", f"{self.seeds:,}", title)

    def _note(self, status: int) -> None:
        if status == 0 and self._is_built(self._building):
            logger.info("the index of seeds is built")
        elif status != BUSY:
            self._failed.add(self._building)
            logger.error("the index of seeds cannot be built (exit status %s); see the lines above", status)


BUSY = 75
"""Exit status of a build when another process is building the same index (EX_TEMPFAIL of sysexits.h)."""
