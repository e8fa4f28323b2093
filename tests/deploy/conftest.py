"""Read compose.yaml and the files in deploy/ the way Docker Compose and kustomize do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from tests.live import ROOT
from tests.skipping import skip
from tests.waiting import LIMIT_SECONDS

DEPLOY, MONITORING = ROOT / "deploy", ROOT / "deploy" / "monitoring"
SETTINGS = {f"GAN_{name.upper()}" for name in Settings.model_fields}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")

Object = dict[str, Any]


def default(name: str) -> Any:
    """Return the default value of a GAN_ variable."""
    return Settings.model_fields[name.removeprefix("GAN_").lower()].default


def composed(*files: Path) -> Object:
    """Merge files like `docker compose -f ... -f ...` when none of their variables is set."""
    merged: Object = {}
    for file in files:
        merged = _merged(merged, yaml.safe_load(VARIABLE.sub(lambda match: match["default"] or "", file.read_text())))
    return {key: value for key, value in merged.items() if not key.startswith("x-")}


def _merged(base: Any, override: Any) -> Any:
    if isinstance(base, dict) and isinstance(override, dict):
        return base | {key: _merged(base[key], value) if key in base else value for key, value in override.items()}
    if isinstance(base, list) and isinstance(override, list):
        return base + [item for item in override if item not in base]
    return override


@pytest.fixture(scope="session")
def kubectl() -> str:
    path = shutil.which("kubectl")
    if path is None:
        skip("kubectl is missing. Install it: apt-get install kubernetes-client.")
    return path


@pytest.fixture(scope="session")
def promtool() -> str:
    path = shutil.which("promtool")
    if path is None:
        skip("promtool is missing. Install it: apt-get install prometheus.")
    return path


def rendered(kubectl: str, folder: Path) -> list[Object]:
    """Return the objects that `kubectl apply -k` would send. Needs no cluster."""
    result = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert result.returncode == 0, result.stderr
    return list(yaml.safe_load_all(result.stdout))
