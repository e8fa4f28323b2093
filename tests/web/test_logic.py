"""The pages' own tests and what is generated for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.web.conftest import WEB
from tests.web.openapi import write


def test_vitest_passes(node: str) -> None:
    done = subprocess.run([node, "run", "--silent", "test"], cwd=WEB, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_of_the_calls_are_those_of_the_openapi_document(node: str, tmp_path: Path) -> None:
    """Mend it with `make types`."""
    write(tmp_path / "openapi.json")
    made = tmp_path / "schema.d.ts"
    command = [str(WEB / "node_modules" / ".bin" / "openapi-typescript"), str(tmp_path / "openapi.json"), "-o", str(made)]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True)
    assert made.read_text() == (WEB / "src" / "api" / "schema.d.ts").read_text()
