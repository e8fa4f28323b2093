"""Aliases of versions, such as the champion: stored in a file next to the versions, or in another backend."""

from __future__ import annotations

import contextlib
import json
import uuid
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from models.atomic import write_atomically
from models.errors import Damaged

CHAMPION, PREVIOUS = "champion", "previous"
"""The aliases: the version that is served by default, and the champion before it."""


class Aliases(Protocol):
    """Storage of each model's mapping from alias to version number."""

    def read(self, name: str) -> dict[str, int]:
        """Return a model's aliases, or an empty dict if there are none.

        Raises:
            Damaged: the stored aliases are invalid.
        """

    def write(self, name: str, aliases: dict[str, int]) -> None:
        """Replace a model's aliases atomically.

        Raises:
            OSError: the aliases cannot be written.
        """

    def stamp(self, name: str) -> tuple[int, ...]:
        """Return a value that changes whenever the aliases change. Cheap enough for frequent polling."""

    def lock(self, name: str) -> AbstractContextManager[object]:
        """Lock a model for writing, across hosts that `Repository`'s file lock may not cover."""


class FileAliases:
    """Aliases in `<root>/<name>/aliases.json`, for example {"champion": 3, "previous": 2}.

    Args:
        root: root of the repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> dict[str, int]:
        try:
            found = json.loads(self._path(name).read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise Damaged(f"{name}/aliases.json is not JSON ({reason}). Promote a version to repair it.") from error
        if not isinstance(found, dict) or not all(type(v) is int and v > 0 for v in found.values()):
            raise Damaged(f"{name}/aliases.json does not map aliases to numbers. Promote a version to repair it.")
        return found

    def write(self, name: str, aliases: dict[str, int]) -> None:
        path = self._path(name)
        if path.is_dir():  # created by mistake; keep its content
            path.rename(path.with_name(f"aliases.json.{uuid.uuid4().hex[:8]}.damaged"))
        write_atomically(path, f"{json.dumps(aliases)}\n".encode())

    def stamp(self, name: str) -> tuple[int, ...]:
        try:
            status = self._path(name).stat()
        except FileNotFoundError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_ino)

    def lock(self, name: str) -> AbstractContextManager[object]:
        return contextlib.nullcontext()

    def _path(self, name: str) -> Path:
        return self.root / name / "aliases.json"
