"""How it is deployed: what stands in compose.yaml and deploy/, read as those read it who will act on it."""

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

DEPLOY, MONITORING = ROOT / "deploy", ROOT / "deploy" / "monitoring"
SETTINGS = {f"GAN_{name.upper()}" for name in Settings.model_fields}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")

Object = dict[str, Any]


def default(name: str) -> Any:
    """What a GAN_ variable is where nobody sets it."""
    return Settings.model_fields[name.removeprefix("GAN_").lower()].default


def composed(*files: Path) -> Object:
    """Files as `docker compose -f ... -f ...` reads them where none of their variables is set."""
    whole: Object = {}
    for file in files:
        whole = _merged(whole, yaml.safe_load(VARIABLE.sub(lambda found: found["default"] or "", file.read_text())))
    return {key: value for key, value in whole.items() if not key.startswith("x-")}


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: _merged(below[key], value) if key in below else value for key, value in above.items()}
    if isinstance(below, list) and isinstance(above, list):
        return below + [item for item in above if item not in below]
    return above


@pytest.fixture(scope="session")
def kubectl() -> str:
    found = shutil.which("kubectl")
    if found is None:
        skip("There is no kubectl. Install it: apt-get install kubernetes-client.")
    return found


@pytest.fixture(scope="session")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        skip("There is no promtool. Install it: apt-get install prometheus.")
    return found


def rendered(kubectl: str, folder: Path) -> list[Object]:
    """The objects that `kubectl apply -k` would send. Needs no cluster."""
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))
