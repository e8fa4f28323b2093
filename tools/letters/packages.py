"""Downloads Debian packages and unpacks them into a folder, without installing them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

FONTS = (".ttf", ".otf", ".ttc")
VERSION = "DEBIAN-VERSION"
"""File in the folder of an unpacked package."""
AT_ONCE = 50
"""Packages of one download. Most of the time of a small one is apt's start."""


class PackageMissing(RuntimeError):
    """A package cannot be downloaded."""


def unpacked(folder: Path, package: str) -> Path:
    """Return the folder that holds the files of a package."""
    return folder / package


def version_of(folder: Path, package: str) -> str:
    """Return the version of an unpacked package."""
    return (unpacked(folder, package) / VERSION).read_text().strip()


def fetch(folder: Path, packages: Iterable[str], versions: dict[str, str] | None = None) -> None:
    """Download and unpack the packages that the folder lacks.

    Args:
        folder: where each package gets a folder of its own.
        packages: names of packages.
        versions: the required version of each package. Any version if None.

    Raises:
        PackageMissing: apt does not know a package, or not its version.
    """
    downloads = folder / ".download"
    downloads.mkdir(parents=True, exist_ok=True)
    missing = [name for name in packages if not _has(folder, name, versions)]
    for start in range(0, len(missing), AT_ONCE):
        names = missing[start : start + AT_ONCE]
        _download(downloads, [f"{name}={versions[name]}" if versions else name for name in names])
        for name in names:
            archive = next(downloads.glob(f"{name}_*.deb"))
            _unpack(archive, unpacked(folder, name))
            archive.unlink()
        print(f"Unpacked {start + len(names)} of {len(missing)} packages", file=sys.stderr)


def _has(folder: Path, package: str, versions: dict[str, str] | None) -> bool:
    if not unpacked(folder, package).exists():
        return False
    return versions is None or versions[package] == version_of(folder, package)


def _download(folder: Path, wanted: list[str]) -> None:
    command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *wanted]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise PackageMissing("There is no apt-get here. Run the command on Debian 12, or in a container of it.") from error
    except subprocess.CalledProcessError as error:
        raise PackageMissing(
            f"apt-get cannot download the packages: {error.stderr.strip()} The table names versions of Debian 12 (bookworm). "
            "Run apt-get update there, or run the command in a container of debian:bookworm."
        ) from error


def _unpack(archive: Path, to: Path) -> None:
    part = to.with_name(f".part-{to.name}")
    shutil.rmtree(part, ignore_errors=True)
    subprocess.run(["dpkg-deb", "--extract", archive, part], check=True)
    version = subprocess.run(["dpkg-deb", "--field", archive, "Version"], check=True, capture_output=True, text=True)
    (part / VERSION).write_text(version.stdout)
    shutil.rmtree(to, ignore_errors=True)
    part.rename(to)


def font_files(folder: Path, package: str) -> list[str]:
    """Return the paths of the font files inside an unpacked package, sorted, without links."""
    root = unpacked(folder, package)
    found = []
    for where, _, names in os.walk(root):
        paths = [Path(where) / name for name in names if name.lower().endswith(FONTS)]
        found += [path.relative_to(root).as_posix() for path in paths if not path.is_symlink()]
    return sorted(found)
