"""Which versions of a model were in service, in order: what may be served again when its aliases are lost.

    <root>/<name>/.promotions        the numbers, as in [1, 4, 3]; the last one is champion

A retrained version that the gate rejected lies beside the others and looks like them. Without a record, a damaged
`aliases.json` would leave a choice between serving nothing and serving a version that was found to be worse.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from models.atomic import write_atomically

MOST = 100
"""Promotions that are remembered."""


class Promotions:
    """The record of a repository.

    Args:
        root: of the repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> list[int]:
        """The numbers, oldest first; none if there is no record, or it is damaged."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found = json.loads(self._path(name).read_bytes())
            if isinstance(found, list) and all(type(number) is int and number > 0 for number in found):
                return found
        return []

    def add(self, name: str, numbers: Iterable[int]) -> None:
        """Record that versions were promoted, in this order. The caller holds the model's lock.

        Raises:
            OSError: it cannot be written.
        """
        before = self.read(name)
        after = before
        for number in numbers:
            after = [*(other for other in after if other != number), number]
        if after != before:
            write_atomically(self._path(name), f"{json.dumps(after[-MOST:])}\n".encode())

    def _path(self, name: str) -> Path:
        return self.root / name / ".promotions"
