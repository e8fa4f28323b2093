"""Redaction of secrets that clients put into URLs by mistake, so that they are not logged."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

REDACTED = "[redacted]"
_SECRET = re.compile(
    r"token|secret|passw|passphrase|authorization|credential|bearer|api[-_. ]?key"
    r"|(^|[-_. ])(key|auth|pwd?|sig|signature|jwt|session)$"
)


def without_secrets(query: str) -> str:
    """Return the raw query string with the values of parameters named like secrets replaced."""
    if "=" not in query:
        return query
    return re.sub(r"[^&;]+", lambda part: _redacted(part[0]), query)


def _redacted(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={REDACTED}" if equals and value and _SECRET.search(unquote_plus(name).lower()) else pair
