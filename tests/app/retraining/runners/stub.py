"""A trainer that does nothing, in place of the commands of `training`. The rest of the package is the real one."""

from __future__ import annotations

from pathlib import Path

from tests.live import ROOT

PACKAGE = """
from pathlib import Path
__path__.append({root!r} + "/training")
"""
COMMANDS = """
import json, os, signal, sys, time
from pathlib import Path
from training.errors import FolderInUseError
from training.loop.run_folder import RunFolder, alone_in

folder, mode = RunFolder(Path(sys.argv[1])), sys.argv[2]
stopping = []


def main():
    signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "stubborn" else lambda *_: stopping.append(1))
    try:
        with alone_in(folder):
            run()
    except FolderInUseError as error:
        print(f"Error: {error}", flush=True)
        sys.exit(4)


def run():
    names = sorted(name for name in os.environ if name.startswith("GAN_"))
    told = {"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"], "secrets": names, "arguments": sys.argv[1:]}
    print(json.dumps(told), flush=True)
    if mode == "fail":
        print("Error: nothing works. Repair it.", flush=True)
        sys.exit(1)
    while mode != "done" and not stopping and (mode == "stubborn" or not folder.stop.exists()):
        time.sleep(0.02)
    if mode == "slow":
        time.sleep(6)
    if mode != "done":
        print("wrote a checkpoint", flush=True)
        sys.exit(3)
"""


def install(folder: Path) -> str:
    """Write the package to a folder. Return the PYTHONPATH with which `python -m training` runs it."""
    package = folder / "training"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE.format(root=str(ROOT)))
    (package / "cli.py").write_text(COMMANDS)
    return f"{folder}:{ROOT}"


SLOW = """
import runpy, time
from pathlib import Path

globals().update(runpy.run_path({root!r} + "/training/checkpoint.py", run_name="training.checkpoint"))
_save = save_checkpoint


def save_checkpoint(state: dict, path: Path) -> None:
    if path.name == "checkpoint.pt":
        time.sleep({seconds})
    _save(state, path)
"""


def install_slow_checkpoints(folder: Path, seconds: float) -> str:
    """Like `install`, but the trainer is the real one, and takes so long to write each checkpoint."""
    package = folder / "training"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE.format(root=str(ROOT)))
    (package / "checkpoint.py").write_text(SLOW.format(root=str(ROOT), seconds=seconds))
    return f"{folder}:{ROOT}"


TENTH = """
import runpy
from tests.training import tenth

tenth.use()
runpy.run_path({root!r} + "/training/__main__.py", run_name="__main__")
"""


def install_tenth(folder: Path) -> str:
    """Like `install`, but the trainer is the real one, with a tenth of MNIST."""
    package = folder / "training"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE.format(root=str(ROOT)))
    (package / "__main__.py").write_text(TENTH.format(root=str(ROOT)))
    return f"{folder}:{ROOT}"
