"""The statements in docs/operations.md and docs/security.md are true."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.repository import Repository
from models.version import copier
from tests import fresh
from tests.live import ROOT, service

OPERATIONS, SECURITY = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("operations", "security"))
TOKEN = "a-token-for-an-administrator"


def commands(heading: str) -> list[str]:
    """Return the indented lines of a section, which are shell commands."""
    section = OPERATIONS.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line.strip() for line in re.findall(r"^    (.+)$", section, re.MULTILINE)]


def run(command: str, folder: Path) -> None:
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def test_a_backup_of_a_running_service_restores_models_jobs_and_audit_log(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    save_jobs, save_files, restore, restore_jobs = (
        f'PATH="{tmp_path}/bin:$PATH"; {c}' for c in commands("Back up and restore")
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with service(tmp_path / "var", admin_token=TOKEN, embedded_worker=False) as running:
        repository = Repository(tmp_path / "var" / "models")
        number = repository.publish("digits", copier(repository.get("digits", 1))).number
        body = {"version": number}
        path = f"{running.url}/admin/models/digits/champion"
        promoted = fresh.put(path, json=body, headers={**headers, "If-Match": "*"})
        assert promoted.status_code == 200, promoted.text
        audit = fresh.get(f"{running.url}/admin/audit", headers=headers).json()
        pinned = fresh.get(f"{running.url}/generate?seed=42&version=1").content
        run(save_jobs, tmp_path)
        run(save_files, tmp_path)
    shutil.rmtree(tmp_path / "var" / "models")
    run(restore, tmp_path)
    run(restore_jobs, tmp_path)
    with service(tmp_path / "var", admin_token=TOKEN, embedded_worker=False) as running:
        assert fresh.get(f"{running.url}/generate?seed=42").headers["x-model"] == f"digits/{number}"
        assert fresh.get(f"{running.url}/generate?seed=42&version=1").content == pinned
        assert fresh.get(f"{running.url}/admin/audit", headers=headers).json() == audit


def test_after_an_upgrade_old_urls_give_the_same_pixels_and_the_champion_stays(tmp_path: Path) -> None:
    with service(tmp_path / "state", embedded_worker=False) as running:  # shipped with digits/1 alone
        before = fresh.get(f"{running.url}/generate?seed=42&model=digits&version=1").content
    with service(tmp_path / "state", embedded_worker=False, shipped=ROOT / "models") as running:
        with running.client() as client:
            assert client.get("/generate?seed=42&model=digits&version=1").content == before
            assert client.get("/generate?seed=42").headers["x-model"] == "digits/1"
            assert [version["version"] for version in client.get("/models/digits").json()["versions"]] == [1, 2, 3, 4]


def test_the_documented_log_line_has_the_fields_of_a_real_one(tmp_path: Path) -> None:
    documented = set(re.findall(r'"(\w+)":', OPERATIONS.split("one object per line to stderr:")[1].split("If `OTEL")[0]))
    with service(tmp_path / "state", embedded_worker=False, log_format="json") as running:
        fresh.get(f"{running.url}/generate?seed=42")
    lines = [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
    assert set(next(line for line in lines if line["logger"] == "seedling.access")) == documented


def test_every_row_of_the_security_page_names_existing_tests() -> None:
    rows = [line for line in SECURITY.splitlines() if line.startswith("|") and not re.match(r"\|( what is|---)", line)]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, test in named:
            assert (ROOT / file).is_file(), row
            assert not test or re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{test}"


@pytest.mark.parametrize("page", sorted(path.stem for path in (ROOT / "docs").glob("*.md")))
def test_links_between_pages_have_existing_targets(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", (ROOT / "docs" / f"{page}.md").read_text()):
        assert (ROOT / "docs" / target).exists(), target
