"""Chooses the storage backends of jobs and aliases according to the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import Settings
from models.repository import Repository

if TYPE_CHECKING:
    from app.storage.database import Database


def store_location(settings: Settings) -> Path | str:
    """Return the location of the job store: the path of the SQLite file, or the URL of the PostgreSQL database."""
    return settings.database_url.get_secret_value() if settings.database_url else settings.state / "jobs.db"


def open_repository(settings: Settings, database: Callable[[], Database]) -> Repository:
    """Return the service's model repository.

    With `models_url`, versions and aliases are in object storage. Otherwise versions are in the state folder, and aliases in
    the database if `database_url` is set, or else in files.
    """
    root = settings.state / "models"
    if settings.models_url:
        from models.bucket_repository import BucketRepository

        return BucketRepository(settings.state / "bucket", settings.models_url)
    if not settings.database_url:
        return Repository(root)
    from app.storage.database_aliases import DatabaseAliases

    return Repository(root, DatabaseAliases(database, root))
