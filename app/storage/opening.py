"""Where jobs and versions are kept, as the settings have it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import Settings
from models.repository import Repository

if TYPE_CHECKING:
    from app.storage.database import Database


def store_location(settings: Settings) -> Path | str:
    """Where jobs are kept: SQLite's file, or PostgreSQL's URL."""
    return settings.database_url.get_secret_value() if settings.database_url else settings.state / "jobs.db"


def open_repository(settings: Settings, database: Callable[[], Database]) -> Repository:
    """The service's versions; their aliases are in its database if that is shared, else beside them."""
    root = settings.state / "models"
    if not settings.database_url:
        return Repository(root)
    from app.storage.aliases import StoredAliases

    return Repository(root, StoredAliases(database, root))
