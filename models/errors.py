"""Errors raised by the model repository."""

from __future__ import annotations


class RepositoryError(Exception):
    """Base class of the repository's errors. The message ends with the remedy."""


class NotFound(RepositoryError):
    """The model, version or alias does not exist."""


class Changed(RepositoryError):
    """The champion has changed since the decision was made."""


class Locked(RepositoryError):
    """Another process has held the model's lock for too long."""


class InService(RepositoryError):
    """The version is the champion and cannot be removed."""


class Damaged(RepositoryError):
    """A version does not match its manifest, or a file of the repository is invalid."""


class Unreachable(RepositoryError):
    """The object storage of the versions cannot be read or written."""
