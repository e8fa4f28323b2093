"""The wheel, installed into a separate environment, serves the shipped models from any folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.offline import Model
from models.repository import Repository
from tests.live import ROOT, free_port
from tests.waiting import LIMIT_SECONDS, attempts

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@dataclass(frozen=True)
class Installation:
    wheel: Path
    environment: Path

    def command(self) -> str:
        return str(self.environment / "bin" / "seedling")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", folder, ROOT], check=True, stderr=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "-q", "--no-deps", wheel], check=True)
    # The dependencies come from this environment. The wheel's packages come before this checkout's.
    (site,) = environment.glob("lib/*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return Installation(wheel, environment)


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder that cannot be written to."""
    folder = tmp_path / "empty"
    folder.mkdir(mode=0o555)
    yield folder
    assert list(folder.iterdir()) == []


def environment(home: Path, **settings: object) -> dict[str, str]:
    """Return the environment of another user's login, without variables that turn off telemetry."""
    dropped = ("GAN_", "XDG_", "PYTHON", "ORT_", "CI", "GITHUB_", "TF_BUILD")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"HOME": str(home)} | {name: str(value) for name, value in settings.items()}


@contextlib.contextmanager
def serving(installed: Installation, folder: Path, home: Path) -> Iterator[httpx.Client]:
    port = free_port()
    process = subprocess.Popen([installed.command(), "serve"], cwd=folder, env=environment(home, GAN_PORT=port))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_SECONDS, trust_env=False, verify=False) as client:
            for _ in attempts(0.1):
                assert process.poll() is None
                with contextlib.suppress(httpx.TransportError):
                    client.get("/livez")
                    break
            yield client
    finally:
        process.terminate()
        process.wait(LIMIT_SECONDS)


def champions() -> dict[str, int]:
    repository = Repository(ROOT / "models")
    return {name: repository.aliases(name)["champion"] for name in repository.names()}


def test_the_wheel_contains_the_shipped_versions_the_pages_and_mnist(installed: Installation) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    for model, number in champions().items():
        assert {f"models/{model}/{number}/{file}" for file in ("generator.onnx", "manifest.json", "weights.pt")} <= names
    assert "training/datasets/mnist/train-images-idx3-ubyte.gz" in names
    assert {f"training/datasets/letters/{file}" for file in ("t10k-images-idx3-ubyte.gz", "fonts.tsv")} <= names
    assert "training/evaluation/classifiers/mnist.pt" in names
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "app" / "static").rglob("*.*") if path.name != ".sources"}
    assert pages <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "tools/", "var/", "web/"))]


def test_the_service_serves_the_shipped_models_and_writes_only_to_the_users_data_folder(
    installed: Installation, read_only_folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with serving(installed, read_only_folder, home) as client:
        assert client.get("/generate?seed=42").content == Model().file(seed=42)
        assert client.get("/readyz").json()["serving"] == f"digits/{champions()['digits']}"
        assert client.get("/", headers={"Accept": "text/html"}).headers["Content-Type"].startswith("text/html")
    state = home / ".local" / "share" / "seedling"
    assert {"admin-token", "models"} <= {path.name for path in state.iterdir()}
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if not path.is_relative_to(state)] == []


def test_without_a_writable_home_the_shipped_models_are_served_in_place(
    installed: Installation, read_only_folder: Path
) -> None:
    with serving(installed, read_only_folder, Path(os.devnull)) as client:
        assert client.get("/generate?seed=42").content == Model().file(seed=42)
        assert client.get("/generate?seed=42&model=fashion").content == Model("fashion").file(seed=42)
        degraded = client.get("/readyz").json()["degraded"]
        assert degraded["models"].endswith("make it writable.")
        assert degraded["state"].endswith("Make it writable.")


def test_the_command_draws_the_same_file_as_the_service(
    installed: Installation, read_only_folder: Path, tmp_path: Path
) -> None:
    def seedling(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [installed.command(), *arguments]
        return subprocess.run(command, cwd=read_only_folder, env=environment(tmp_path), capture_output=True, check=False)

    assert seedling("generate", "42", "-o", f"{tmp_path}/42.png").returncode == 0
    assert (tmp_path / "42.png").read_bytes() == Model().file(seed=42)
    sheet = seedling("generate", "--seeds", "0-3", "--format", "webp", "--scale", "2", "--model", "fashion")
    assert sheet.stdout == Model("fashion").file(seeds="0-3", format="webp", scale=2)
    rejected = seedling("generate", "-o", f"{tmp_path}/42.xyz", "--", "42")
    assert rejected.returncode == 2
    assert b"Use .png" in rejected.stderr
    unknown = seedling("generate", "42", "--label", "11", "-o", f"{tmp_path}/x.png")
    assert (unknown.returncode, unknown.stderr.count(b"\n")) == (1, 1)
    assert unknown.stderr.startswith(b"Error: There is no class '11'. Choose")
    assert b"GAN_PORT" in seedling("serve", "--help").stdout
    assert b"--preset" in seedling("train", "--help").stdout
    assert b"mnist" in seedling("datasets", "list").stdout
    assert b"Usage" in seedling("jobs", "--help").stdout


def test_the_documented_python_code_gives_seed_42_as_an_array(
    installed: Installation, read_only_folder: Path, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "installing.md").read_text()
    lines = page.split("```python\n")[1].split("```")[0]
    assert lines.count("\n") == 3
    save = f"import numpy; numpy.save({str(tmp_path / 'pixels.npy')!r}, pixels)"
    python = shutil.which("python", path=str(installed.environment / "bin"))
    assert python
    subprocess.run([python, "-c", f"{lines}\n{save}"], cwd=read_only_folder, env=environment(tmp_path), check=True)
    pixels = np.load(tmp_path / "pixels.npy")
    assert (pixels.shape, pixels.dtype) == ((28, 28), np.uint8)
    assert (pixels == Model("digits").array(42)).all()


def test_python_draws_a_picture_without_a_server(installed: Installation, read_only_folder: Path, tmp_path: Path) -> None:
    script = "import seedling, sys; sys.stdout.buffer.write(seedling.generate(42, model='fashion').tobytes())"
    command = [installed.environment / "bin" / "python", "-c", script]
    drawn = subprocess.run(command, cwd=read_only_folder, env=environment(tmp_path), capture_output=True, check=True)
    assert drawn.stdout == Model("fashion").array(42).tobytes()
