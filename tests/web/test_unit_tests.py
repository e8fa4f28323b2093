"""The unit tests of the pages, and their generated types."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.web.conftest import WEB
from tests.web.openapi import write


def test_vitest_passes(node: str) -> None:
    result = subprocess.run([node, "run", "--silent", "test"], cwd=WEB, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_generated_types_match_the_openapi_document(node: str, tmp_path: Path) -> None:
    """Run `make types` if it fails."""
    write(tmp_path / "openapi.json")
    generated = tmp_path / "schema.d.ts"
    command = [str(WEB / "node_modules" / ".bin" / "openapi-typescript"), str(tmp_path / "openapi.json"), "-o", str(generated)]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True)
    assert generated.read_text() == (WEB / "src" / "api" / "schema.d.ts").read_text()
