"""The minimal Python server: an ASGI application that returns the same picture for every request."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

PICTURE = Path(os.environ["BENCH_PICTURE"]).read_bytes()
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"image/png"), (b"content-length", str(len(PICTURE)).encode())],
}
BODY = {"type": "http.response.body", "body": PICTURE}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send(START)
        await send(BODY)
