"""Entity tags and cache policies (RFC 9110, RFC 9111).

A picture of a numbered version never changes, so clients may cache it for good. A picture of an alias may change with the
next promotion, so clients revalidate it each time. Revalidation draws nothing, because the entity tag is computed from the
request and the digest of the generator.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

import PIL

from app import __version__

FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
NEVER = "no-store"
_ENCODERS = (__version__, PIL.__version__, zlib.ZLIB_RUNTIME_VERSION)
"""Versions of the encoders. Two releases may encode the same pixels as different bytes, and a strong tag must differ too."""


def etag(digest: str, request: Sequence[object]) -> str:
    """Return a strong entity tag for a normalised request to the generator with this sha256."""
    return etag_of_content(key(digest, request).encode())


def key(digest: str, request: Sequence[object]) -> str:
    """Return the text that determines every byte of the response, of which `etag` is the hash."""
    return repr((_ENCODERS, digest, request))


def etag_of_content(content: bytes) -> str:
    """Return a strong entity tag for a body."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def matches(if_none_match: Sequence[str], tag: str) -> bool:
    """Whether If-None-Match matches the tag, by weak comparison (RFC 9110 13.1.2)."""
    candidates = [part.strip().removeprefix("W/") for line in if_none_match for part in line.split(",")]
    return "*" in candidates or tag in candidates


def sent_tags(headers: Sequence[tuple[bytes, bytes]]) -> list[str]:
    """Return the values of If-None-Match in the headers of an ASGI scope."""
    return [value.decode("latin-1") for name, value in headers if name == b"if-none-match"]


def is_pinned(version: str | None) -> bool:
    """Whether a request names a version by its number. The response never changes."""
    return version is not None and version.isdecimal()


def policy(*, pinned: bool, fresh: bool = False) -> str:
    """Return the Cache-Control header of a picture.

    Args:
        pinned: the request names a version, not an alias.
        fresh: the seed is random.
    """
    if fresh:
        return NEVER
    return FOREVER if pinned else REVALIDATE
