"""A state in object storage: a log of whole states that are created and never overwritten.

    <prefix>/<name>/.log/000000000017.json        the state of a model
    <prefix>/.runs/<job>/log/000000000017.json    the state of a run (`models.stored_run`)

The entry with the highest number is the state. A writer reads it, and creates the next entry on the condition that its number
is free (If-None-Match). If another writer was faster, it reads again and decides again. Neither a lock nor an overwrite is
needed, and every object store supports it, as does a folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from models.bucket import Bucket
from models.errors import Damaged, Unreachable
from models.history import Promotion

KEPT = 50
"""Entries that are kept besides the newest, as a record of promotions."""
MOST_ATTEMPTS = 100


class StoredVersion(BaseModel):
    """A version in the state of a model."""

    manifest: str
    """sha256 of its manifest, which contains those of all other files."""
    digest: str
    """sha256 of its generator."""


class ModelState(BaseModel):
    """Everything about a model that can change."""

    versions: dict[int, StoredVersion] = {}
    aliases: dict[str, int] = {}
    promoted: list[int] = []
    """Promoted versions, the last one is champion."""
    history: list[Promotion] = []
    """When and why versions became champion, oldest first. Hosts with an earlier release drop it."""
    deleted: list[str] = []
    """sha256 of the deleted generators."""
    highest: int = 0
    """The highest version number ever used."""


State = TypeVar("State", bound=BaseModel)


class StateLog(Generic[State]):
    """A log of states.

    Args:
        bucket: the objects.
        folder: path of the log.
        kind: the states' type. Without entries, the state is its default.
    """

    def __init__(self, bucket: Bucket, folder: str, kind: type[State]) -> None:
        self.bucket, self.folder, self.kind = bucket, folder, kind
        self._number, self._state = 0, kind()

    def read(self) -> tuple[int, State]:
        """Return the number of the newest entry and its state; 0 and the default without entries.

        Raises:
            Unreachable: the store cannot be read.
            Damaged: the newest entry is invalid.
        """
        after = self._path(self._number) if self._number else None
        found = self.bucket.paths(self.folder, after)
        if found:
            number = int(found[-1].rpartition("/")[2].partition(".")[0])
            try:
                state = self.kind.model_validate_json(self.bucket.get(found[-1]))
            except FileNotFoundError:  # pruned by a writer, who has created newer ones
                self._number = number
                return self.read()
            except ValidationError as error:
                reason = f"{found[-1]} is not a valid state ({error})."
                raise Damaged(f"{reason} Delete it to return to the previous state.") from error
            self._number, self._state = number, state
        return self._number, self._state

    def change(self, decide: Callable[[State], State | None]) -> State:
        """Replace the state. `decide` gets the newest state, and is called again if another writer was faster.

        Args:
            decide: returns the new state, or None to keep it. It may raise.

        Raises:
            Unreachable: the store cannot be read or written.
        """
        for _ in range(MOST_ATTEMPTS):
            number, state = self.read()
            new = decide(state.model_copy(deep=True))
            if new is None:
                return state
            if self.bucket.create(self._path(number + 1), new.model_dump_json().encode()):
                self._number, self._state = number + 1, new
                self._prune(number + 1)
                return new
        raise Unreachable(f"{self.folder} has been changed {MOST_ATTEMPTS} times by others. Try again later.")

    def _prune(self, newest: int) -> None:
        if newest % KEPT == 0 and newest > KEPT:
            with contextlib.suppress(Unreachable):
                self.bucket.delete([self._path(number) for number in range(max(1, newest - 2 * KEPT), newest - KEPT)])

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number:012d}.json"


class ModelLog(StateLog[ModelState]):
    """The log of a model.

    Args:
        bucket: the objects.
        name: name of the model.
    """

    def __init__(self, bucket: Bucket, name: str) -> None:
        super().__init__(bucket, f"{name}/.log", ModelState)
