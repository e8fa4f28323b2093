"""Builds the web pages before the package is built. Everything else is in pyproject.toml."""

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BUILD = Path(__file__).parent / "web" / "build.py"


class BuildPages(build_py):
    """Builds the pages if Node is available. Without them the package works, and / explains how to build them."""

    def run(self) -> None:
        if not self.editable_mode and BUILD.is_file():
            subprocess.run([sys.executable, str(BUILD), "build", "--if-possible"], check=True)  # noqa: S603 - our own script
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)  # it may contain the files of an earlier build
        super().run()


setup(cmdclass={"build_py": BuildPages})
