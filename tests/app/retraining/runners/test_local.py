"""The local runner, tested with real processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from app.retraining.runners import Finished, FolderInUse, Handle, Runner, holder_of, is_locked, local
from app.retraining.runners.local import LocalRunner
from app.retraining.runners.lock import acquire
from models.host import LOCK_VARIABLE, pid_namespace
from tests.waiting import attempts

STUB = """
import json, os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
print(json.dumps({
    "nice": os.nice(0), "group": os.getpgid(0), "threads": os.environ["OMP_NUM_THREADS"], "arguments": sys.argv[1:],
    "temporary": os.environ["TMPDIR"], "secrets": [name for name in os.environ if name.startswith("GAN_")],
}), flush=True)
if "ignore" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ignoring", flush=True)
if "wait" in sys.argv:
    time.sleep(600)
"""


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalRunner:
    """A runner whose trainer is a program that prints how it was started."""
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__main__.py").write_text(STUB)
    (tmp_path / "training" / "__init__.py").write_text("")
    monkeypatch.setattr(local, "ROOT", tmp_path)
    monkeypatch.setenv("GAN_ADMIN_TOKEN", "secret-secret-secret")
    return LocalRunner(threads=3, nice=7)


def wait_until_finished(runner: Runner, handle: Handle) -> Finished:
    for _ in attempts(0.05):
        if finished := runner.poll(handle):
            return finished
    raise AssertionError("the trainer did not exit")


def wait_for_output(log: Path, word: str = "}") -> dict:
    for _ in attempts(0.05):
        if log.exists() and word in log.read_text():
            return json.loads(log.read_text().splitlines()[0])
    raise AssertionError("the trainer printed nothing")


def test_a_trainer_has_low_priority_limited_threads_its_own_process_group_and_no_secrets(
    runner: LocalRunner, tmp_path: Path
) -> None:
    handle = runner.start(["train", "--out", "x"], tmp_path / "log.txt")
    assert wait_until_finished(runner, handle) == Finished(0)
    printed = wait_for_output(tmp_path / "log.txt")
    assert printed == {
        **{"nice": 7, "group": handle["pid"], "threads": "3"},
        **{"arguments": ["train", "--out", "x"], "secrets": []},
        "temporary": str(tmp_path / "tmp"),
    }
    assert (tmp_path / "tmp").is_dir(), "the temporary folder is writable even if the root file system is not"
    assert json.loads(json.dumps(handle)) == handle


def test_a_trainer_is_stopped_gracefully_or_by_force(runner: LocalRunner, tmp_path: Path) -> None:
    handle = runner.start(["wait"], tmp_path / "log.txt")
    wait_for_output(tmp_path / "log.txt")
    assert runner.poll(handle) is None
    runner.stop(handle)
    assert wait_until_finished(runner, handle) == Finished(3)
    runner.stop(handle)  # has no effect

    handle = runner.start(["wait", "ignore"], tmp_path / "ignore.txt")
    wait_for_output(tmp_path / "ignore.txt", "ignoring")
    runner.stop(handle)
    time.sleep(0.3)
    assert runner.poll(handle) is None
    runner.stop(handle, force=True)
    assert wait_until_finished(runner, handle) == Finished(-signal.SIGKILL)


def test_another_supervisor_takes_over_a_trainer(runner: LocalRunner, tmp_path: Path) -> None:
    """Only the parent gets the exit status, but any supervisor can see the process and stop it."""
    handle = runner.start(["wait"], tmp_path / "log.txt")
    wait_for_output(tmp_path / "log.txt")
    other = LocalRunner(threads=1, nice=0)
    assert other.poll(handle) is None
    other.stop(handle)
    assert wait_until_finished(other, handle) == Finished(None)
    assert runner.poll(handle) == Finished(3)


def test_a_reused_process_id_is_not_mistaken_for_the_trainer(runner: LocalRunner) -> None:
    own = psutil.Process()
    started = own.create_time() - psutil.boot_time()
    handle = {"pid": own.pid, "place": pid_namespace(), "started": started, "lock": ""}
    assert runner.poll(handle) is None
    for another in (started - 100, started - 1, None):
        older = handle | {"started": another}
        assert runner.poll(older) == Finished(None)
        runner.stop(older, force=True)  # must not kill this process


@pytest.mark.parametrize("seconds", [-3600, -1, 1, 1700])
def test_a_trainer_is_found_and_stopped_after_the_clock_was_set(
    runner: LocalRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """Linux derives the time of its boot from the clock, in whole seconds, and the creation time of a process from that."""
    handle = runner.start(["wait"], tmp_path / "log.txt")
    wait_for_output(tmp_path / "log.txt")
    booted, created = psutil.boot_time(), psutil.Process(handle["pid"]).create_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + seconds)
    assert psutil.Process(handle["pid"]).create_time() == pytest.approx(created + seconds)
    other = LocalRunner(threads=1, nice=0)
    assert other.poll(handle) is None
    runner.stop(handle)
    assert wait_until_finished(runner, handle) == Finished(3)


def test_the_lock_of_a_folder_names_its_holder(runner: LocalRunner, tmp_path: Path) -> None:
    from training.loop.run_folder import RunFolder, alone_in

    folder = RunFolder(tmp_path)
    assert holder_of(folder.lock) is None
    with alone_in(folder):
        handle = holder_of(folder.lock)
        assert handle
        assert handle["pid"] == os.getpid()
        assert runner.poll(handle) is None
        remote = handle | {"place": "another-machine", "lock": str(folder.lock)}
        assert runner.poll(remote) is None, "the lock is held, so its holder is alive on some machine"
    assert holder_of(folder.lock) is None
    assert runner.poll(remote) == Finished(None)


def test_a_trainer_in_another_container_is_watched_by_its_lock_and_stopped_by_a_file(
    runner: LocalRunner, tmp_path: Path
) -> None:
    """Its process ID is meaningless here, because a local process may have the same."""
    handle = runner.start(["wait"], tmp_path / "log.txt")
    foreign = handle | {"place": "another-container"}
    assert runner.poll(foreign) is None, "the trainer holds the lock that it inherited"
    runner.stop(foreign, force=True)
    assert runner.poll(handle) is None, "the local process is not affected"
    (tmp_path / "stop").unlink()
    runner.stop(handle, force=True)
    wait_until_finished(runner, handle)
    assert runner.poll(foreign) == Finished(None), "the lock is free, so the trainer has exited"
    from training.loop.run_folder import RunFolder, alone_in

    with alone_in(RunFolder(tmp_path)):
        assert runner.poll(foreign) is None
        runner.stop(foreign)
        assert RunFolder(tmp_path).stop.exists()
    assert runner.poll(foreign) == Finished(None)


def test_a_trainer_writes_its_process_id_into_the_inherited_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor that started it may have been killed before it could write the ID."""
    from training.loop.run_folder import RunFolder, alone_in

    lock = acquire(tmp_path / ".lock")
    assert holder_of(tmp_path / ".lock") is None
    monkeypatch.setenv(LOCK_VARIABLE, str(lock))
    with alone_in(RunFolder(tmp_path)):
        found = holder_of(tmp_path / ".lock")
        assert found
        assert found["pid"] == os.getpid()
    os.close(lock)


def test_a_trainer_that_cannot_start_raises_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(OSError, match="no-python"):
        LocalRunner(1, 0).start(["train"], tmp_path / "log.txt")


def test_a_trainer_holds_the_lock_of_its_folder_from_the_start(runner: LocalRunner, tmp_path: Path) -> None:
    """Even while the trainer imports its libraries, other supervisors see the lock and do not start a second one."""
    handle = runner.start(["wait"], tmp_path / "log.txt")
    found = holder_of(tmp_path / ".lock")
    assert found == handle
    with pytest.raises(FolderInUse, match="Wait until it has ended"):
        LocalRunner(1, 0).start(["wait"], tmp_path / "log.txt")
    wait_for_output(tmp_path / "log.txt")
    runner.stop(handle, force=True)
    wait_until_finished(runner, handle)
    assert not is_locked(tmp_path / ".lock")
