"""Query parameters that others append to links, such as `utm_source`. The service ignores them."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Receive, Scope, Send

_NAMES = re.compile(
    r"_|utm_[a-z_]+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|ysclid|twclid|ttclid|igshid|mc_cid|mc_eid|_ga|_gl|_openstat"
)
"""Advertising networks and analytics append these parameters to shared links, and jQuery appends `_` to avoid caches. All other
unknown parameters are rejected, because they may be mistakes: `v=1` could mean the version."""


def is_ignored(name: str) -> bool:
    """Whether a query parameter of this name is ignored."""
    return _NAMES.fullmatch(name) is not None


class WithoutIgnoredParameters:
    """ASGI middleware that removes ignored parameters from the query of GET and HEAD requests."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["query_string"] and scope["method"] in ("GET", "HEAD"):
            pairs = scope["query_string"].split(b"&")
            kept = [pair for pair in pairs if not is_ignored(unquote_plus(pair.partition(b"=")[0].decode("latin-1")))]
            if len(kept) < len(pairs):
                scope = {**scope, "query_string": b"&".join(kept)}
        await self.app(scope, receive, send)
