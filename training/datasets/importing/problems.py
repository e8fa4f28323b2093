"""Pictures that cannot be read, and how names from a source are shown."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

MOST_LISTED = 1000
"""Names that a report lists. Further ones are only counted."""
MOST_SHOWN = 200
"""Characters of a name in a message."""


class Unreadable(Exception):
    """One picture cannot be read. The message is the reason, without the name of the file."""


def composed(name: str) -> str:
    """Return a name from a source with composed letters (NFC). macOS decomposes the names of files, other systems do not."""
    return unicodedata.normalize("NFC", name)


def shown(name: str | PurePath) -> str:
    """Return a name from a source for messages: on one line, without control characters, of at most 200 characters."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in str(name))
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN // 2]}...{text[-MOST_SHOWN // 2 :]}"


def enumerated(names: list[str], most: int = 5) -> str:
    """Return the first names for a message, with the number of the others."""
    listed = ", ".join(shown(name) for name in names[:most])
    return listed if len(names) <= most else f"{listed} and {len(names) - most:,} more"
