"""The supervisor's thread: what fails at its start is reported, and does not end it in silence."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from app.errors import NoTrainer
from app.retraining import worker
from app.retraining.facade import Retraining
from app.retraining.runners import choice
from app.settings import Settings


def retraining(tmp_path: Path) -> Retraining:
    return Retraining(Settings(state=tmp_path))


def test_a_supervisor_that_cannot_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attempts, closing = [], threading.Event()

    class Failing:
        def __init__(self, *_: Any) -> None:
            attempts.append(1)
            if len(attempts) < 3:
                raise RuntimeError("not yet")

        def run(self, closing: threading.Event) -> None:
            closing.set()

    monkeypatch.setattr(worker, "Supervisor", Failing)
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.01)
    ours = retraining(tmp_path)
    worker.run_worker(ours.settings, ours.database, "alone", choice.open_runner(ours.settings), closing)
    ours.stop()
    assert (len(attempts), closing.is_set()) == (3, True)
    assert "the supervisor cannot start; trying again" in caplog.text


def test_a_service_serves_without_trainers_if_its_runner_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Settings) -> None:
        raise ImportError("a module of the client is missing")

    monkeypatch.setattr(choice, "open_runner", fail)
    ours = retraining(tmp_path)
    with caplog.at_level(logging.ERROR):
        ours.start()
    with pytest.raises(NoTrainer):
        ours.require_trainer()
    ours.stop()
    assert "GAN_RUNNER=local cannot be used. Install its package again." in caplog.text
