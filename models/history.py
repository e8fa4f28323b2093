"""The champion history of a model: which version became champion when, instead of which, who promoted it, and why.

    <root>/<name>/.history           the promotions, oldest first

It is written wherever the champion changes: beside the aliases of a folder (`models.repository`), and in the state of a model
in object storage (`models.state_log`). Champions from before the history, and those changed without it, for example by an
edited `aliases.json`, have no time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from models.atomic import write_atomically

logger = logging.getLogger("models")
MOST = 100
"""Maximum number of recorded promotions. The oldest are dropped first."""
MOST_CHARACTERS = 500
"""Maximum length of a reason."""
How = Literal["request", "job", "command", "shipped", "restored", "unknown"]
"""What changed the champion: a request of an administrator, the gate of a job, the command line, the adoption of the shipped
versions, the repair of lost aliases, or something unknown."""


class Cause(BaseModel):
    """Why a version becomes champion."""

    model_config = ConfigDict(frozen=True)

    how: How = "unknown"
    by: str | None = None
    """Name of the token, or id of the job."""
    reason: str = ""
    """Reason of the gate, or the note of whoever promoted the version."""


class Promotion(Cause):
    """A version became champion."""

    version: int
    instead_of: int | None = None
    """The champion before. None if there was none, or it is unknown."""
    time: datetime | None = None
    """None if unknown."""


UNKNOWN = Cause()
_HISTORY = TypeAdapter(list[Promotion])


def read_history(path: Path) -> list[Promotion]:
    """Return the recorded promotions, oldest first; empty if there is no record, or it is damaged."""
    try:
        return _HISTORY.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{error.error_count()} errors"
        logger.error("%s/%s cannot be read (%s). The next promotion begins a new one.", path.parent.name, path.name, reason)
        return []


def write_history(path: Path, promotions: Sequence[Promotion]) -> None:
    """Replace the recorded promotions.

    Raises:
        OSError: they cannot be written.
    """
    write_atomically(path, dump_history(promotions))


def dump_history(promotions: Sequence[Promotion]) -> bytes:
    """Return the content of the file."""
    return _HISTORY.dump_json(list(promotions), exclude_defaults=True) + b"\n"


def completed(recorded: Sequence[Promotion], promoted: Sequence[int], champion: int | None) -> list[Promotion]:
    """Return the history up to a champion, oldest first.

    Args:
        recorded: the recorded promotions.
        promoted: the promoted versions without times, oldest first. They are the history if nothing is recorded.
        champion: the champion. If the history does not end with it, it was promoted at an unknown time.
    """
    found = list(recorded) or [Promotion(version=number) for number in promoted]
    before = found[-1].version if found else None
    if champion is not None and champion != before:
        found.append(Promotion(version=champion, instead_of=before))
    return found


def extended(promotions: Sequence[Promotion], version: int, cause: Cause) -> list[Promotion]:
    """Return a history with another promotion, which happens now. The champion itself is not promoted again.

    The shipped versions of a new model are adopted one after the other, and only the last champion among them is ever served.
    It replaces the others.

    Args:
        promotions: the history up to the present champion.
        version: the new champion.
        cause: why it becomes champion.
    """
    kept, before = list(promotions), promotions[-1].version if promotions else None
    if version == before:
        return kept
    if kept and cause.how == kept[-1].how == "shipped":
        before = kept.pop().instead_of
    reason = cause.reason[:MOST_CHARACTERS]
    new = Promotion(version=version, instead_of=before, time=datetime.now(UTC), how=cause.how, by=cause.by, reason=reason)
    return [*kept, new][-MOST:]
