"""What a repository says when it cannot do what it was asked."""

from __future__ import annotations


class RepositoryError(Exception):
    """The repository does not hold what was asked for, or refuses what was offered. The message ends with the remedy."""


class NotFound(RepositoryError):
    """There is no such model, version or alias."""


class Changed(RepositoryError):
    """The champion is not the one a decision was based on."""


class Locked(RepositoryError):
    """Another process has been writing to the model for too long."""


class InService(RepositoryError):
    """The version cannot be removed: it is being served."""


class Damaged(RepositoryError):
    """A version is not what its manifest says."""
