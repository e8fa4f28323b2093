"""The reference client of tus, run by Node, uploads to the service."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.app.api.test_uploads import MEGABYTE, SETTINGS, TOKEN, administrator
from tests.live import service

CLIENT = Path(__file__).parent / "tus_client.mjs"


def test_an_upload_that_was_broken_off_is_resumed_and_arrives_unchanged(node: str, tmp_path: Path) -> None:
    content = os.urandom(5 * MEGABYTE + 123)
    (tmp_path / "pictures.zip").write_bytes(content)

    def send(url: str, *parts: str) -> dict[str, Any]:
        arguments = [f"{url}/admin/uploads", TOKEN, str(tmp_path / "pictures.zip"), str(tmp_path / "store.json"), *parts]
        command = [str(Path(node).with_name("node")), str(CLIENT), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    with service(tmp_path / "state", **SETTINGS) as running, administrator(running) as admin:
        first = send(running.url, "2")
        upload = first["address"].rsplit("/", 1)[1]
        begun = admin.get(f"/admin/uploads/{upload}").json()
        assert (begun["complete"], begun["offset"] >= 2 * MEGABYTE) == (False, True)
        second = send(running.url)
        assert second["address"] == first["address"]
        assert second["start"] >= begun["offset"], "what had arrived is not sent again"
        ended = admin.get(f"/admin/uploads/{upload}").json()
        stored = (tmp_path / "state" / "uploads" / upload / "data").read_bytes()
    assert (ended["complete"], ended["offset"]) == (True, len(content))
    assert hashlib.sha256(stored).hexdigest() == hashlib.sha256(content).hexdigest()
