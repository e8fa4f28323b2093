"""Which names models can have, and which names of folders are version numbers."""

from __future__ import annotations

import re

from models.errors import RepositoryError
from models.manifest import NAME_PATTERN


def check_name(name: str) -> None:
    """Raise RepositoryError if the name is not a valid model name."""
    if not is_name(name):
        raise RepositoryError(
            f"{name!r} is not a valid model name. Use up to 64 of a-z, 0-9, '-' and '_', starting with one of a-z, 0-9."
        )


def is_name(name: str) -> bool:
    """Whether a name is a valid model name."""
    return re.fullmatch(NAME_PATTERN, name) is not None


def is_number(text: str) -> bool:
    """Whether a text is a version number."""
    return re.fullmatch("[1-9][0-9]*", text) is not None
