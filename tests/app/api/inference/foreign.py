"""Run the clients of other projects, unmodified, in environments of their own.

tritonclient and KServe need an older protobuf than OpenTelemetry does, and MLServer an older FastAPI than KServe, so they
cannot be installed into the environment of the tests. `make clients` creates one for tritonclient and KServe (500 MB), and one
for MLServer (330 MB).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.live import ROOT
from tests.skipping import skip

ENVIRONMENTS = Path(os.environ.get("SEEDLING_CLIENTS", ROOT / ".venv-clients"))
SCRIPTS = Path(__file__).parent / "clients"


def program(environment: str, name: str) -> Path:
    """Return the path of a program of an environment. Skip the test if it is not installed."""
    path = ENVIRONMENTS / environment / "bin" / name
    if not path.exists():
        skip(f"The inference clients ({environment}) are missing. Install them: make clients.")
    return path


def run(*command: str | Path) -> str:
    """Run a program without our packages and settings. Return its output."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONWARNINGS")}
    done = subprocess.run(command, env=inherited, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def call(script: str, address: str) -> dict[str, Any]:
    """Run a script of `clients/` against a service. Return what it found."""
    found: dict[str, Any] = json.loads(run(program("kserve", "python"), SCRIPTS / script, address).splitlines()[-1])
    return found
