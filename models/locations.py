"""Default folders of the software: what it comes with, and what it writes."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent
"""The folder that contains the packages: a checkout, or site-packages."""
SHIPPED = ROOT / "models"
"""The versions that come with the software."""


def default_state() -> Path:
    """Return the default folder for everything that is written.

    It is `var` in a checkout, and the user's data folder of the platform in an installation, for example
    ~/.local/share/seedling on Linux.
    """
    if (ROOT / "pyproject.toml").is_file():
        return ROOT / "var"
    return platformdirs.user_data_path("seedling", appauthor=False)


def state_folder() -> Path:
    """Return the folder for everything that is written: GAN_STATE, or else `default_state()`."""
    return Path(os.environ.get("GAN_STATE") or default_state()).absolute()


def shipped_folder() -> Path:
    """Return the folder of the shipped versions: GAN_SHIPPED, or else `SHIPPED`."""
    return Path(os.environ.get("GAN_SHIPPED") or SHIPPED).absolute()
