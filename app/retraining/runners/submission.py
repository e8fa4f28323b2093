"""The record of what was submitted to an engine, in the run's folder. It is written before the request.

An engine may run a request whose response was lost. The record has the id of the request, so the next one uses the same id and
the engine recognises it. A trainer works only if the record names its id (`training.loop.run_folder`). One that was
superseded, for example while its node was unreachable, never touches the folder again.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from models.atomic import write_atomically
from models.host import SUBMISSION_FILE


@dataclass(frozen=True)
class Submission:
    """One request to run a trainer."""

    place: str
    """The engine, as in the handles of its trainers. Empty if a local process has superseded the last submission."""
    id: str
    number: int
    """1, 2, 3, ... within the folder."""
    arguments: tuple[str, ...]
    arrived: bool = False
    """Whether the engine has confirmed it."""

    def write(self, folder: Path) -> None:
        """Store this as the last submission of a folder."""
        write_atomically(folder / SUBMISSION_FILE, json.dumps(asdict(self)).encode())


def last_submission(folder: Path) -> Submission | None:
    """Return the last submission of a folder, or None."""
    try:
        content = json.loads((folder / SUBMISSION_FILE).read_bytes())
        arguments = tuple(map(str, content["arguments"]))
        number = int(content["number"])
        return Submission(str(content["place"]), str(content["id"]), number, arguments, bool(content["arrived"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def next_submission(folder: Path, place: str, arguments: tuple[str, ...]) -> Submission:
    """Return a submission with a new id: lower-case letters, digits and hyphens, at most 60 characters."""
    last = last_submission(folder)
    number = last.number + 1 if last else 1
    name = folder.name
    if not re.fullmatch(r"[0-9a-z]{1,32}", name):  # not a folder of the job store
        name = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]
    unique = secrets.token_hex(3)  # a state folder that was restored from a backup counts from an earlier number again
    return Submission(place, f"seedling-{name}-{number}-{unique}", number, arguments)


def supersede(folder: Path) -> None:
    """Invalidate what an engine may still start in a folder."""
    last = last_submission(folder)
    if last and last.place:
        Submission("", "", last.number, ()).write(folder)
