"""The service: seeds in, pictures out. Never imports torch."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("seedling")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "0+unknown"
