"""The local runner, with real processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from app.retraining import trainer_process
from app.retraining.trainer_process import Finished, FolderInUse, Handle, LocalRunner, Runner, holder_of, is_locked
from models.host import LOCK_VARIABLE, pid_namespace

STUB = """
import json, os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
print(json.dumps({
    "nice": os.nice(0), "group": os.getpgid(0), "threads": os.environ["OMP_NUM_THREADS"], "arguments": sys.argv[1:],
    "temporary": os.environ["TMPDIR"], "secrets": [name for name in os.environ if name.startswith("GAN_")],
}), flush=True)
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
if "wait" in sys.argv:
    time.sleep(600)
"""


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalRunner:
    """A runner whose trainer is a program that tells what it was given."""
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__main__.py").write_text(STUB)
    (tmp_path / "training" / "__init__.py").write_text("")
    monkeypatch.setattr(trainer_process, "ROOT", tmp_path)
    monkeypatch.setenv("GAN_ADMIN_TOKEN", "secret-secret-secret")
    return LocalRunner(threads=3, nice=7)


def until_finished(runner: Runner, handle: Handle) -> Finished:
    for _ in range(600):
        if finished := runner.poll(handle):
            return finished
        time.sleep(0.05)
    raise AssertionError("it does not end")


def until_said(log: Path, word: str = "}") -> dict:
    for _ in range(600):
        if log.exists() and word in log.read_text():
            return json.loads(log.read_text().splitlines()[0])
        time.sleep(0.05)
    raise AssertionError("it says nothing")


def test_a_trainer_is_niced_bounded_alone_in_its_group_and_knows_no_secret(runner: LocalRunner, tmp_path: Path) -> None:
    handle = runner.start(["train", "--out", "x"], tmp_path / "log.txt")
    assert until_finished(runner, handle) == Finished(0)
    said = until_said(tmp_path / "log.txt")
    assert said == {
        **{"nice": 7, "group": handle["pid"], "threads": "3"},
        **{"arguments": ["train", "--out", "x"], "secrets": []},
        "temporary": str(tmp_path / "tmp"),
    }
    assert (tmp_path / "tmp").is_dir(), "where a root file system is only read, there is no other"
    assert json.loads(json.dumps(handle)) == handle


def test_a_trainer_is_asked_to_stop_and_then_made_to(runner: LocalRunner, tmp_path: Path) -> None:
    handle = runner.start(["wait"], tmp_path / "log.txt")
    until_said(tmp_path / "log.txt")
    assert runner.poll(handle) is None
    runner.stop(handle)
    assert until_finished(runner, handle) == Finished(3)
    runner.stop(handle)  # nothing happens

    handle = runner.start(["wait", "deaf"], tmp_path / "deaf.txt")
    until_said(tmp_path / "deaf.txt", "deaf")
    runner.stop(handle)
    time.sleep(0.3)
    assert runner.poll(handle) is None
    runner.stop(handle, force=True)
    assert until_finished(runner, handle) == Finished(-signal.SIGKILL)


def test_another_supervisor_takes_a_trainer_over(runner: LocalRunner, tmp_path: Path) -> None:
    """It is not its parent, so it is told no exit status; but it sees the process, and can stop it."""
    handle = runner.start(["wait"], tmp_path / "log.txt")
    until_said(tmp_path / "log.txt")
    other = LocalRunner(threads=1, nice=0)
    assert other.poll(handle) is None
    other.stop(handle)
    assert until_finished(other, handle) == Finished(None)
    assert runner.poll(handle) == Finished(3)


def test_a_process_number_used_again_is_not_mistaken_for_the_trainer(runner: LocalRunner) -> None:
    mine = psutil.Process()
    handle = {"pid": mine.pid, "place": pid_namespace(), "created": mine.create_time(), "lock": ""}
    assert runner.poll(handle) is None
    older = handle | {"created": mine.create_time() - 100}
    assert runner.poll(older) == Finished(None)
    runner.stop(older, force=True)  # or this test would end here


def test_the_lock_of_a_folder_tells_who_is_at_work_there(runner: LocalRunner, tmp_path: Path) -> None:
    from training.loop.run_folder import RunFolder, alone_in

    folder = RunFolder(tmp_path)
    assert holder_of(folder.lock) is None
    with alone_in(folder):
        handle = holder_of(folder.lock)
        assert handle
        assert handle["pid"] == os.getpid()
        assert runner.poll(handle) is None
        elsewhere = handle | {"place": "another-machine", "lock": str(folder.lock)}
        assert runner.poll(elsewhere) is None, "the lock is held, so it is alive wherever it is"
    assert holder_of(folder.lock) is None
    assert runner.poll(elsewhere) == Finished(None)


def test_a_trainer_of_another_container_lives_as_long_as_its_lock_and_is_asked_by_a_file(
    runner: LocalRunner, tmp_path: Path
) -> None:
    """Its process id means nothing here, though a process of ours may have the same."""
    handle = runner.start(["wait"], tmp_path / "log.txt")
    foreign = handle | {"place": "another-container"}
    assert runner.poll(foreign) is None, "it holds the lock that it was started with"
    runner.stop(foreign, force=True)
    assert runner.poll(handle) is None, "ours was not touched"
    (tmp_path / "stop").unlink()
    runner.stop(handle, force=True)
    until_finished(runner, handle)
    assert runner.poll(foreign) == Finished(None), "no lock, so nobody is there"
    from training.loop.run_folder import RunFolder, alone_in

    with alone_in(RunFolder(tmp_path)):
        assert runner.poll(foreign) is None
        runner.stop(foreign)
        assert RunFolder(tmp_path).stop.exists()
    assert runner.poll(foreign) == Finished(None)


def test_a_trainer_writes_its_own_number_into_the_lock_that_it_inherits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor that started it may have been killed before it could."""
    from training.loop.run_folder import RunFolder, alone_in

    held = trainer_process._acquire(tmp_path / ".lock")
    assert holder_of(tmp_path / ".lock") is None
    monkeypatch.setenv(LOCK_VARIABLE, str(held))
    with alone_in(RunFolder(tmp_path)):
        found = holder_of(tmp_path / ".lock")
        assert found
        assert found["pid"] == os.getpid()
    os.close(held)


def test_what_cannot_be_started_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(OSError, match="no-python"):
        LocalRunner(1, 0).start(["train"], tmp_path / "log.txt")


def test_a_trainer_holds_its_folder_from_its_first_moment_on(runner: LocalRunner, tmp_path: Path) -> None:
    """Whoever looks while it still imports its libraries sees that it is there, and starts no second one."""
    handle = runner.start(["wait"], tmp_path / "log.txt")
    found = holder_of(tmp_path / ".lock")
    assert found == handle
    with pytest.raises(FolderInUse, match="Wait until it has ended"):
        LocalRunner(1, 0).start(["wait"], tmp_path / "log.txt")
    until_said(tmp_path / "log.txt")
    runner.stop(handle, force=True)
    until_finished(runner, handle)
    assert not is_locked(tmp_path / ".lock")
