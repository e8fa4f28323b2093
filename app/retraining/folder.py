"""Reads the folder of a job, which the trainer writes (`training.loop.run`)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_AT_A_TIME = 1024 * 1024
LOG_TAIL = 1024 * 1024
JOB_ID = re.compile("[0-9a-f]{12}")
NO_WORD = "The trainer ended without saying why. See the job's log, then resume it."


def job_folders(state: Path) -> list[str]:
    """Ids of the jobs that have a folder."""
    try:
        return sorted(path.name for path in (state / "jobs").iterdir() if JOB_ID.fullmatch(path.name) and path.is_dir())
    except OSError:
        return []


@dataclass(frozen=True)
class JobFolder:
    """The names inside it.

    Args:
        state: the service's folder.
        job_id: of the job, as the store made it.
    """

    state: Path
    job_id: str

    @property
    def path(self) -> Path:
        return self.state / "jobs" / self.job_id

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    @property
    def initial(self) -> Path:
        return self.path / "initial.pt"

    @property
    def candidate(self) -> Path:
        return self.path / "candidate"

    @property
    def has_checkpoint(self) -> bool:
        """Whether a run can go on here."""
        return (self.path / "checkpoint.pt").exists()

    def samples(self) -> dict[int, Path]:
        """The sample grids by the images seen when they were drawn, ascending."""
        return {int(path.stem): path for path in sorted((self.path / "samples").glob("*.png")) if path.stem.isdecimal()}

    def read_events(self, offset: int) -> tuple[list[dict[str, Any]], int]:
        """The whole lines after an offset, and the offset after them. A line that is no JSON object is passed over."""
        try:
            with self.events.open("rb") as file:
                if file.seek(0, 2) < offset:  # a power cut took the end of it
                    return [], file.tell()
                file.seek(offset)
                content = file.read(MOST_AT_A_TIME)
        except FileNotFoundError:
            return [], offset
        whole = content[: content.rfind(b"\n") + 1]
        if not whole and len(content) == MOST_AT_A_TIME:  # nothing that a trainer writes: pass over it
            return [], offset + len(content)
        found = []
        for line in whole.splitlines():
            try:
                event = json.loads(line, parse_constant=lambda _: None)
            except (ValueError, RecursionError):
                continue
            if isinstance(event, dict):
                found.append(event)
        return found, offset + len(whole)

    def read_log(self, most: int = LOG_TAIL) -> bytes:
        """The end of what the trainer printed, at most so many bytes."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - most))
                return file.read()
        except FileNotFoundError:
            return b""

    def last_error(self) -> str:
        """The last line in which the trainer said what was wrong."""
        lines = self.read_log(65_536).decode(errors="replace").splitlines()
        errors = [line for line in lines if re.match(r"(Error|\w+(\.\w+)*(Error|Exception)): ", line)]
        return errors[-1].removeprefix("Error: ") if errors else NO_WORD
