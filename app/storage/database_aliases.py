"""Aliases in the database, so that replicas on several hosts agree without a shared file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import delete, insert, select

from app.storage.database import Database
from app.storage.database import aliases as table
from models.aliases import FileAliases
from models.errors import Damaged


class DatabaseAliases:
    """Aliases in a database, mirrored to the repository's files.

    The files are used until the first write to the database. Moving to a database, or back from one, therefore keeps the
    champions.

    Args:
        database: opens the database.
        root: root folder of the repository.
    """

    def __init__(self, database: Callable[[], Database], root: Path) -> None:
        self._database, self._files = database, FileAliases(root)

    def read(self, name: str) -> dict[str, int]:
        with self._database().read() as connection:
            found = connection.scalar(select(table.c.aliases).where(table.c.model == name))
        if found is None:
            return self._files.read(name)
        if not isinstance(found, dict) or not all(type(v) is int and v > 0 for v in found.values()):
            raise Damaged(f"The aliases of {name} in the database are not numbers. Delete their row, then promote a version.")
        return found

    def write(self, name: str, aliases: dict[str, int]) -> None:
        with self._database().write() as connection:
            connection.execute(delete(table).where(table.c.model == name))
            connection.execute(insert(table).values(model=name, aliases=aliases))
        self._files.write(name, aliases)

    def stamp(self, name: str) -> tuple[int, ...]:
        try:
            return tuple(number for _, number in sorted(self.read(name).items()))
        except Damaged:
            return (-1,)  # readers get the error from `read`, and serve the recorded champion

    def lock(self, name: str) -> AbstractContextManager[object]:
        return self._database().exclusively(f"repository/{name}")
