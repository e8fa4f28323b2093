"""Record of the promoted versions of a model, used to recover the champion if the aliases are lost.

    <root>/<name>/.promotions        the numbers in order, for example [1, 4, 3]; the last one is champion

Versions that the gate rejected are stored like all others. Without this record, if `aliases.json` were damaged, the
service could only serve nothing, or risk serving a rejected version.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from models.atomic import write_atomically

MOST = 100
"""Maximum number of recorded promotions."""


class Promotions:
    """The promotions of a repository.

    Args:
        root: root of the repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> list[int]:
        """Return the version numbers, oldest first; empty if the record is missing or damaged."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found = json.loads(self._path(name).read_bytes())
            if isinstance(found, list) and all(type(number) is int and number > 0 for number in found):
                return found
        return []

    def add(self, name: str, numbers: Iterable[int]) -> None:
        """Append promoted versions in this order. The caller must hold the model's lock.

        Raises:
            OSError: the record cannot be written.
        """
        before = self.read(name)
        after = before
        for number in numbers:
            after = [*(other for other in after if other != number), number]
        if after != before:
            write_atomically(self._path(name), f"{json.dumps(after[-MOST:])}\n".encode())

    def _path(self, name: str) -> Path:
        return self.root / name / ".promotions"
