"""Downloads Debian packages and unpacks them into a folder, without installing them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

FONTS = (".ttf", ".otf", ".ttc")


class PackageMissing(RuntimeError):
    """A package cannot be downloaded."""


def unpacked(folder: Path, package: str) -> Path:
    """Return the folder that holds the files of a package."""
    return folder / package


def version_of(folder: Path, package: str) -> str:
    """Return the version of an unpacked package."""
    return (unpacked(folder, package) / "DEBIAN-VERSION").read_text().strip()


def fetch(folder: Path, packages: Iterable[str], versions: dict[str, str] | None = None) -> None:
    """Download and unpack the packages that the folder lacks.

    Args:
        folder: where each package gets a folder of its own.
        packages: names of packages.
        versions: the required version of each package. Any version if None.

    Raises:
        PackageMissing: apt does not know a package, or not its version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        wanted = versions[package] if versions else None
        to = unpacked(folder, package)
        if to.exists() and wanted in (None, version_of(folder, package)):
            continue
        _fetch_one(folder, package, wanted)


def _fetch_one(folder: Path, package: str, version: str | None) -> None:
    downloads = folder / ".download"
    downloads.mkdir(exist_ok=True)
    wanted = f"{package}={version}" if version else package
    command = ["apt-get", "download", "-qq", wanted]
    try:
        subprocess.run(command, cwd=downloads, check=True, capture_output=True)
        archive = next(downloads.glob(f"{package}_*.deb"))
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        raise PackageMissing(
            f"{wanted} cannot be downloaded ({error}). The table names versions of Debian 12 (bookworm): run apt-get update "
            "there, or run the command in a container of debian:bookworm."
        ) from error
    part = folder / f".part-{package}"
    subprocess.run(["rm", "-rf", part, unpacked(folder, package)], check=True)
    subprocess.run(["dpkg-deb", "--extract", archive, part], check=True)
    found = subprocess.run(["dpkg-deb", "--field", archive, "Version"], check=True, capture_output=True, text=True)
    (part / "DEBIAN-VERSION").write_text(found.stdout)
    part.rename(unpacked(folder, package))
    archive.unlink()


def font_files(folder: Path, package: str) -> list[str]:
    """Return the paths of the font files inside an unpacked package, sorted, without links."""
    root = unpacked(folder, package)
    found = []
    for where, _, names in os.walk(root):
        paths = [Path(where) / name for name in names if name.lower().endswith(FONTS)]
        found += [path.relative_to(root).as_posix() for path in paths if not path.is_symlink()]
    return sorted(found)
