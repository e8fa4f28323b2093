"""Forked processes behave like those that are started as new ones."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.forked import Forked
from tests.live import ROOT
from tests.training.small import SMALL
from tests.waiting import attempts


def start(log: Path, *arguments: str, pass_fds: tuple[int, ...] = (), start_process: Callable[..., Any] = Forked) -> Any:
    with log.open("ab") as output:
        return start_process(
            [sys.executable, "-m", "training", *arguments],
            cwd=ROOT,
            env=os.environ | {"COLUMNS": "160", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            process_group=0,
        )


def ended(process: Any) -> int:
    while (status := process.poll()) is None:
        time.sleep(0.01)
    return status


@pytest.mark.parametrize("arguments", [("train", "--help"), ("train", "--resume"), ("nonsense",), ("train", "--set", "gamma")])
def test_a_forked_trainer_has_the_output_and_status_of_a_new_process(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    forked, new = tmp_path / "forked", tmp_path / "new"
    status = ended(start(forked, *arguments))
    assert status == ended(start(new, *arguments, start_process=subprocess.Popen))
    assert forked.read_text() == new.read_text() != ""


def test_a_forked_trainer_can_be_found_signalled_and_killed(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    small = [f"--set={name}={list(value) if isinstance(value, tuple) else value}" for name, value in SMALL.items()]
    arguments = ("train", "--out", str(tmp_path / "run"), *small, "--set=images=1000000")
    first = start(tmp_path / "log", *arguments, pass_fds=(lock,))
    os.close(lock)
    try:
        process = psutil.Process(first.pid)
        for _ in attempts(0.01):
            if (shown := [part for part in process.cmdline() if part]) == [sys.executable, "-m", "training", *arguments]:
                break
        assert shown[3:] == list(arguments)
        assert os.getpgid(first.pid) == first.pid
        while not (tmp_path / "run" / "checkpoint.pt").exists():
            assert first.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.01)
        with (tmp_path / "lock").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.killpg(first.pid, signal.SIGTERM)
        assert ended(first) == 3
        with (tmp_path / "lock").open() as other:
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        second = start(tmp_path / "log", "train", "--resume", "--out", str(tmp_path / "run"))
        os.kill(second.pid, signal.SIGKILL)
        assert ended(second) == -signal.SIGKILL
    finally:
        first.kill()
