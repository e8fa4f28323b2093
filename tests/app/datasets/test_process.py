"""The process of an import limits itself."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.datasets.imports import Imports, Order, reason_of
from app.datasets.process import Cancelled, Progress, in_api_terms, link
from app.errors import Busy, ImportConflict, NotFound
from tests.live import ROOT
from tests.training.datasets.pictures import contents
from training.datasets import DatasetRegistry


def order(source: Path, filename: str = "shapes.zip", **changes: object) -> Order:
    fields = {"kind": "import", "upload": "0" * 32, "source": str(source), "filename": filename, "options": {}}
    limits = {"registry": str(source.parent / "datasets"), "seconds": 60, "memory": 4 * 10**9, "name": "shapes"}
    return Order(**{**fields, **limits, **changes})  # type: ignore[arg-type]


def limited(given: Order, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process with the limits of an order."""
    program = f"from app.datasets.process import *\nlimit(Order(**{asdict(given)!r}))\n{code}"
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)


def test_more_memory_than_the_limit_cannot_be_allocated(tmp_path: Path) -> None:
    code = "try:\n bytearray(2 * 10**9)\nexcept MemoryError:\n print('refused')"
    assert limited(order(tmp_path, memory=1_500_000_000), code).stdout == "refused\n"
    assert limited(order(tmp_path, memory=8_000_000_000), code).stdout == ""


def test_if_memory_runs_out_the_import_is_killed_and_not_the_service(tmp_path: Path) -> None:
    assert limited(order(tmp_path), "print(open('/proc/self/oom_score_adj').read())").stdout.strip() == "1000"


def test_an_import_ends_when_its_time_is_over_even_without_a_service(tmp_path: Path) -> None:
    ended = limited(order(tmp_path, seconds=1), "time.sleep(60)")
    assert ended.returncode == -signal.SIGALRM
    assert "Raise GAN_IMPORT_SECONDS" in reason_of(ended.returncode)


def test_a_preview_that_took_too_long_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imports = Imports(tmp_path / "imports", tmp_path / "datasets", 60, 4 * 10**9)
    folder = imports.folder / ("0" * 12)
    folder.mkdir(parents=True)
    description = SimpleNamespace(filename="x.zip")
    upload = SimpleNamespace(id="0" * 32, path=tmp_path / "data", is_complete=True, description=description)
    ended = SimpleNamespace(wait=lambda: None, returncode=-signal.SIGALRM)
    monkeypatch.setattr(imports, "_run", lambda order: (folder, ended))
    with pytest.raises(Busy, match=r"longer than 60 seconds\. Try again when the service is less busy"):
        imports.preview(upload, {})  # type: ignore[arg-type]
    assert not folder.exists()


@pytest.mark.parametrize(
    ("status", "message"),
    [(-signal.SIGKILL, "SIGKILL, perhaps because memory ran out"), (-signal.SIGTERM, "import it again"), (1, "log.txt")],
)
def test_the_reason_of_an_end_without_a_result_has_a_remedy(status: int, message: str) -> None:
    assert message in reason_of(status)


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("My pictures (2).zip", "My pictures (2).zip"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\x.npz", "x.npz"),
        ("..", "data"),
        ("", "data"),
        ("a\0b\n.zip", "a_b_.zip"),
        ("щенки.zip", "щенки.zip"),
        ("x" * 300 + ".zip", "x" * 96 + ".zip"),
    ],
)
def test_a_file_keeps_its_name_as_far_as_it_is_safe(tmp_path: Path, filename: str, name: str) -> None:
    source = tmp_path / "data"
    source.write_bytes(b"abc")
    linked = link(order(source, filename), tmp_path)
    assert linked == tmp_path / "source" / name
    assert linked.read_bytes() == b"abc"


def test_progress_is_written_and_a_cancellation_is_noticed(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress(1, 9)
    progress(2, 9)
    assert json.loads((tmp_path / "progress.json").read_text()) == {"done": 1, "total": 9}, "not for each picture"
    progress(9, 9)
    assert json.loads((tmp_path / "progress.json").read_text()) == {"done": 9, "total": 9}
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        progress(9, 9)


def test_messages_name_the_options_of_the_api() -> None:
    assert in_api_terms("or skip them with --skip-broken, or --fit.") == "or skip them with skip_broken, or fit."


def test_an_import_that_was_interrupted_after_storing_its_dataset_has_succeeded(tmp_path: Path) -> None:
    imports = Imports(tmp_path / "imports", tmp_path / "datasets", 60, 4 * 10**9)
    for import_id in ("0" * 12, "1" * 12):
        folder = imports.folder / import_id
        folder.mkdir(parents=True)
        (folder / "request.json").write_text(json.dumps(asdict(order(tmp_path / "data"))))
        (folder / "storing.json").write_text(json.dumps({"dataset": f"shapes@{import_id}", "report": {}}))
    entry = DatasetRegistry(tmp_path / "datasets").add("shapes", contents(), title="x", licence="y")
    (imports.folder / ("0" * 12) / "storing.json").write_text(json.dumps({"dataset": entry.reference, "report": {}}))
    assert (imports.get("0" * 12).state, imports.get("0" * 12).dataset) == ("succeeded", entry.reference)
    assert (imports.get("1" * 12).state, imports.get("1" * 12).dataset) == ("interrupted", None)
    assert "import it again" in imports.get("1" * 12).detail
    for unknown in ("2" * 12, "..", "", "0" * 13):
        with pytest.raises(NotFound):
            imports.get(unknown)


def test_an_upload_can_be_imported_while_it_is_previewed_but_not_twice_at_a_time(tmp_path: Path) -> None:
    imports = Imports(tmp_path / "imports", tmp_path / "datasets", 60, 4 * 10**9)
    folder = imports.folder / ("0" * 12)
    folder.mkdir(parents=True)
    wanted = order(tmp_path / "data")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as a running process does
        (folder / "request.json").write_text(json.dumps(asdict(order(tmp_path / "data", kind="preview"))))
        imports._admit(wanted)
        (folder / "request.json").write_text(json.dumps(asdict(wanted)))
        with pytest.raises(ImportConflict, match=f"Import {folder.name} is already reading this upload"):
            imports._admit(wanted)
        imports._admit(order(tmp_path / "data", kind="preview"))
        imports._admit(order(tmp_path / "data", upload="1" * 32))
