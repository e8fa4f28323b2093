"""Trainers that take no time: a runner whose processes train when a test lets them, on KIDs that the test chooses."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.retraining.runners import Finished
from models.host import pid_namespace
from tests.live import SHIPPED

STEP = 10
Kid = Callable[[dict[str, Any], int], float | None]
"""KID of a run with a spec after a number of images. None: it diverges there."""


@dataclass
class Process:
    """A simulated trainer or evaluation."""

    folder: Path
    arguments: list[str]
    images: int = 0
    stopping: bool = False
    finished: Finished | None = None


@dataclass
class Machine:
    """A runner that survives its supervisors. Training writes an event and a checkpoint after every ten images.

    Args:
        kid: the KIDs.
    """

    kid: Kid
    processes: dict[int, Process] = field(default_factory=dict)
    most: int = 0
    """Largest number of trainers that were running at once."""
    trained: dict[Path, list[int]] = field(default_factory=dict)
    """For each folder, after which images its trainer has made a step, in order."""
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def trouble(self) -> str:
        return ""

    def start(self, arguments: Sequence[str], log: Path) -> dict[str, Any]:
        pid, process = next(self._ids), Process(log.parent, list(arguments))
        self.processes[pid] = process
        with log.open("a") as file:
            file.write(f"{arguments[0]}\n")
        if arguments[0] == "train":
            checkpoint = process.folder / "checkpoint.pt"
            process.images = int(checkpoint.read_text()) if "--resume" in arguments else 0
            self._write(process, "resumed" if process.images else "started", images=process.images)
            checkpoint.write_text(str(process.images))
        self.most = max(self.most, len(self.running("train")))
        return {"pid": pid, "place": pid_namespace(), "started": 0.0, "lock": str(log.parent / ".lock")}

    def poll(self, handle: dict[str, Any]) -> Finished | None:
        return self.processes[handle["pid"]].finished

    def stop(self, handle: dict[str, Any], *, force: bool = False) -> None:
        process = self.processes[handle["pid"]]
        if force:
            self.kill(process)
        elif not process.finished:
            process.stopping = True

    def running(self, command: str = "") -> list[Process]:
        return [p for p in self.processes.values() if not p.finished and p.arguments[0].startswith(command)]

    def kill(self, process: Process) -> None:
        """End a process as SIGKILL does."""
        process.finished = process.finished or Finished(-9)

    def work(self) -> None:
        """Let every process make one step."""
        for process in self.running("train"):
            self._train(process)
        for process in self.running("candidate"):
            if process.stopping:
                process.finished = Finished(-15)
                continue
            to = Path(process.arguments[process.arguments.index("--to") + 1])
            shutil.copytree(SHIPPED / "digits" / "1", to)
            process.finished = Finished(0)

    def _train(self, process: Process) -> None:
        spec = json.loads((process.folder / "spec.json").read_text())
        if process.stopping:
            self._write(process, "end", reason="stopped", images=process.images)
            process.finished = Finished(3)
            return
        process.images += STEP
        self.trained.setdefault(process.folder, []).append(process.images)
        kid = self.kid(spec, process.images)
        if kid is None:
            self._write(process, "end", reason="diverged", detail="The losses diverged. Use a lower learning_rate.")
            process.finished = Finished(1)
            return
        part = process.images / spec["images"]
        self._write(
            process, "progress", images=process.images, part=part, images_per_second=1.0, cpu_seconds=2.0, loss_generator=1.0
        )
        self._write(process, "metrics", images=process.images, kid=kid, fid=10 * kid, best=True)
        (process.folder / "checkpoint.pt").write_text(str(process.images))
        if process.images >= spec["images"]:
            self._write(process, "end", reason="budget", images=process.images)
            process.finished = Finished(0)

    @staticmethod
    def _write(process: Process, event: str, **fields: Any) -> None:
        with (process.folder / "events.jsonl").open("a") as file:
            file.write(json.dumps({"event": event, "time": 1.0, **fields}) + "\n")
