"""Writes the OpenAPI document of the service to a file: `python -m tests.web.openapi build/openapi.json`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from app.main import create_app
from app.settings import Settings


def write(path: Path) -> None:
    with tempfile.TemporaryDirectory() as state:
        document = create_app(Settings(state=Path(state))).openapi()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
