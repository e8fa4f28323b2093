"""Which version of a model is champion: in a file beside the versions, or wherever else somebody keeps it."""

from __future__ import annotations

import contextlib
import json
import uuid
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from models.atomic import write_atomically
from models.errors import Damaged


class Aliases(Protocol):
    """Alias to version number, for each model."""

    def read(self, name: str) -> dict[str, int]:
        """A model's aliases; none, if none were ever written.

        Raises:
            Damaged: they are not what was written.
        """

    def write(self, name: str, aliases: dict[str, int]) -> None:
        """Replace a model's aliases, all of them or none.

        Raises:
            OSError: they cannot be written.
        """

    def stamp(self, name: str) -> tuple[int, ...]:
        """Changes whenever the aliases do; cheap enough to ask often."""

    def lock(self, name: str) -> AbstractContextManager[object]:
        """Held by the one who writes, over what `Repository`'s own lock, a file's, may not reach."""


class FileAliases:
    """`<root>/<name>/aliases.json`, as in {"champion": 3, "previous": 2}.

    Args:
        root: of the repository.
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
            raise Damaged(f"{name}/aliases.json is not JSON ({reason}). Promote a version to mend it.") from error
        if not isinstance(found, dict) or not all(type(v) is int and v > 0 for v in found.values()):
            raise Damaged(f"{name}/aliases.json does not map aliases to numbers. Promote a version to mend it.")
        return found

    def write(self, name: str, aliases: dict[str, int]) -> None:
        path = self._path(name)
        if path.is_dir():  # somebody's mistake, which is kept
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
