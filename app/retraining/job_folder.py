"""Reads the folder of a job. The trainer writes it (`training.loop.run`)."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.run_files import DATASETS

MOST_AT_A_TIME = 1024 * 1024
LOG_TAIL = 1024 * 1024
JOB_ID = re.compile("[0-9a-f]{12}")
NO_ERROR = "The trainer ended without an error message. See the job's log, then resume the job."


def job_folders(state: Path) -> list[str]:
    """Return the sorted ids of the jobs that have a folder."""
    try:
        return sorted(path.name for path in (state / "jobs").iterdir() if JOB_ID.fullmatch(path.name) and path.is_dir())
    except OSError:
        return []


@dataclass(frozen=True)
class JobFolder:
    """The paths in a job's folder.

    Args:
        state: the service's state folder.
        job_id: the job's id in the job store.
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
    def datasets(self) -> Path:
        """A registry with the imported dataset of the run, for other hosts (`app.retraining.run_datasets`)."""
        return self.path / DATASETS

    @property
    def has_checkpoint(self) -> bool:
        """Whether training can be resumed."""
        return (self.path / "checkpoint.pt").exists()

    def samples(self) -> dict[int, Path]:
        """Return the sample grids by the number of images seen when they were drawn, in ascending order."""
        return {int(path.stem): path for path in sorted((self.path / "samples").glob("*.png")) if path.stem.isdecimal()}

    def read_events(self, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Return the events in complete lines after an offset, and the offset after them.

        Lines that are not JSON objects are skipped.
        """
        try:
            with self.events.open("rb") as file:
                if file.seek(0, 2) < offset:  # a power failure truncated the file
                    return [], file.tell()
                file.seek(offset)
                content = file.read(MOST_AT_A_TIME)
        except FileNotFoundError:
            return [], offset
        whole = content[: content.rfind(b"\n") + 1]
        if not whole and len(content) == MOST_AT_A_TIME:  # a trainer never writes such a long line: skip it
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
        """Return the end of the trainer's output, at most `most` bytes."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - most))
                return file.read()
        except FileNotFoundError:
            return b""

    def delete_checkpoints(self) -> None:
        """Delete the checkpoints of a run that will not be resumed. Its samples and its log are kept."""
        for path in self.path.glob("*.pt"):
            with contextlib.suppress(OSError):
                path.unlink()

    def last_error(self, otherwise: str = "") -> str:
        """Return the last error message in the trainer's output, or `otherwise` if there is none."""
        lines = self.read_log(65_536).decode(errors="replace").splitlines()
        errors = [line for line in lines if re.match(r"(Error|\w+(\.\w+)*(Error|Exception)): ", line)]
        return errors[-1].removeprefix("Error: ") if errors else otherwise or NO_ERROR


def read_logs(folders: Mapping[str, JobFolder], most: int = LOG_TAIL) -> bytes:
    """Return the ends of several logs, each below its title as `tail` prints several files: `most` bytes without the titles."""
    each = most // max(len(folders), 1)
    return b"\n".join(f"==> {title} <==\n".encode() + folder.read_log(each) for title, folder in folders.items())
