"""Trainers on machines without the state folder. `test_service.py` retrains with them from the request to the promotion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.retraining.job_folder import JobFolder
from app.retraining.run_datasets import include
from models.bucket import Bucket, open_store
from models.host import LOG_VARIABLE, RUN_VARIABLE, RUNS_VARIABLE, SUBMISSION_VARIABLE
from models.stored_run import StoredRun
from tests.live import ROOT
from tests.training.conftest import small_spec
from tests.training.datasets.pictures import contents
from training.datasets import DatasetRegistry

RUN = "0123456789ab"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'bucket'}"


@pytest.fixture
def here(tmp_path: Path, url: str) -> StoredRun:
    """The run on the supervisor's machine."""
    run = StoredRun(Bucket(open_store(url)), tmp_path / "state" / "jobs" / RUN)
    run.folder.mkdir(parents=True)
    (run.folder / "spec.json").write_text(small_spec(images=64).model_dump_json())
    return run


def train(folder: Path, owner: str, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a trainer as an engine does."""
    variables = {
        RUNS_VARIABLE: url,
        RUN_VARIABLE: json.dumps({"folder": str(folder), "owner": owner}),
        LOG_VARIABLE: str(folder / "log.txt"),
        SUBMISSION_VARIABLE: json.dumps({"place": "ray:test", "id": "seedling-test"}),
    }
    command = [sys.executable, "-m", "training", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True)


def test_a_trainer_fetches_its_run_and_stores_it_and_leaves_nothing(here: StoredRun, tmp_path: Path, url: str) -> None:
    node = tmp_path / "node" / "submission" / RUN
    begin = ("train", "--spec", str(node / "spec.json"), "--restartable", "--out", str(node))
    done = train(node, here.hand_over(), url, *begin)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not node.parent.exists()
    assert [path.name for path in here.folder.glob("*.pt")] == []
    here.bring()
    events = [json.loads(line) for line in (here.folder / "events.jsonl").read_text().splitlines()]
    assert (events[0]["event"], events[-1]["event"], events[-1]["reason"]) == ("started", "end", "budget")
    assert "Done. Publish with: " in (here.folder / "log.txt").read_text(), "the last output was stored too"
    assert (here.folder / "checkpoint.pt").stat().st_size > 1000


def test_a_trainer_uses_the_imported_dataset_of_its_run(here: StoredRun, tmp_path: Path, url: str) -> None:
    imported = DatasetRegistry(tmp_path / "imported").add("shapes", contents(), title="Shapes", licence="CC0")
    spec = small_spec(images=64, dataset=imported.reference)
    (here.folder / "spec.json").write_text(spec.model_dump_json())
    include(JobFolder(tmp_path / "state", RUN), imported.reference, DatasetRegistry(tmp_path / "imported"))
    node = tmp_path / "node" / "submission" / RUN
    begin = ("train", "--spec", str(node / "spec.json"), "--restartable", "--out", str(node))
    done = train(node, here.hand_over(), url, *begin)
    assert done.returncode == 0, done.stdout + done.stderr
    here.bring()
    events = [json.loads(line) for line in (here.folder / "events.jsonl").read_text().splitlines()]
    assert (events[-1]["event"], events[-1]["reason"]) == ("end", "budget")


def test_a_trainer_that_starts_too_late_changes_nothing_and_says_so_to_the_engine(
    here: StoredRun, tmp_path: Path, url: str
) -> None:
    stale = here.hand_over()
    here.hand_over()
    before = here._log.read()
    node = tmp_path / "node" / "submission" / RUN
    done = train(node, stale, url, "train", "--out", str(node))
    assert done.returncode == 4
    assert done.stdout.splitlines()[-1] == f"Error: Another trainer has continued the run {RUN}. No action is needed."
    assert here._log.read() == before
    assert not node.parent.exists()


def test_the_error_of_a_trainer_reaches_the_service(here: StoredRun, tmp_path: Path, url: str) -> None:
    node = tmp_path / "node" / "submission" / RUN
    owner = here.hand_over()
    done = train(node, owner, url, "candidate", str(node), "--name", "digits", "--to", str(node / "candidate"))
    assert done.returncode == 1
    here.bring()
    assert "Error: " in (here.folder / "log.txt").read_text().splitlines()[-1]
