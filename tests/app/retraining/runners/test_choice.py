"""The choice of a runner: what is not installed is not imported, and what is missing is named with the remedy."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import NoTrainer
from app.retraining.facade import Retraining, missing
from app.retraining.runners.choice import open_runner
from app.retraining.runners.local import LocalRunner
from app.settings import Settings
from tests.live import ROOT

WITHOUT_CLIENTS = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("ray", "kubernetes", "requests", "torch"):
            raise ImportError(name + " is not installed")
sys.meta_path.insert(0, Blocker())
import app.main, app.retraining.worker, app.retraining.__main__
from app.retraining.runners.choice import open_runner
from app.settings import Settings
print(type(open_runner(Settings())).__name__)
"""


def test_without_an_engine_its_client_is_not_imported() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_CLIENTS], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "LocalRunner\n", done.stderr


@pytest.mark.parametrize("engine", ["ray", "kubernetes"])
def test_a_missing_client_is_named_with_the_command_that_installs_it(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == engine else find_spec(name))
    settings = Settings(state=tmp_path, runner=engine, kubernetes_image="x")
    expected = f"GAN_RUNNER={engine} needs the package {engine}, which is not installed here. Run: pip install -c "
    assert missing(settings) == expected + f"constraints.txt '.[{engine}]'."
    retraining = Retraining(settings)
    retraining.start()
    with pytest.raises(NoTrainer, match=f"GAN_RUNNER={engine} needs the package"):
        retraining.require_trainer()
    retraining.stop()


def test_a_service_whose_trainers_run_elsewhere_needs_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    assert missing(Settings(runner="ray")) == ""
    assert "make setup-train" in missing(Settings())


def test_trainers_are_local_processes_by_default() -> None:
    assert isinstance(open_runner(Settings()), LocalRunner)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("runner", "slurm"),
        ("ray_address", "ray://localhost:10001"),
        ("ray_address", "http://user:secret@localhost:8265"),
        ("kubernetes_namespace", "Not A Name"),
        ("kubernetes_memory", "much"),
        ("kubernetes_cpus", "many"),
    ],
)
def test_an_invalid_setting_of_an_engine_is_rejected(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: value})


def test_settings_of_engines_can_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_RAY_RESOURCES", json.dumps({"trainer": 1}))
    monkeypatch.setenv("GAN_KUBERNETES_POD", json.dumps({"nodeSelector": {"pool": "training"}}))
    settings = Settings()
    assert settings.ray_resources == {"trainer": 1}
    assert settings.kubernetes_pod == {"nodeSelector": {"pool": "training"}}
