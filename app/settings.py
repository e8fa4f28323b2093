"""Everything an operator can set, from the environment. Each field describes itself; README's table is made from here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Read once at start, from variables named GAN_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="GAN_", frozen=True, extra="ignore", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on. 0.0.0.0 listens on all of them, as a container must."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    workers: int = Field(default=1, ge=1, le=64)
    """Server processes. Each holds its own copy of the generators, about 0.1 GB in all."""
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path under which a proxy mounts the service, such as /seedling; the proxy takes it off before it passes a request on."""
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"
    """How much to log."""
    access_log: bool = True
    """Whether to log each request."""
    state: Path = Path("var")
    """Folder the service may write to; versions lie in its models/. Made when missing."""
    shipped: Path = ROOT / "models"
    """Folder of the versions that come with the software. Only read."""
    model: str = "digits"
    """The model that is served when a request names none."""
    max_loaded: int = Field(default=8, ge=1, le=1024)
    """Versions besides those with an alias that each worker keeps in memory for pinned requests."""
    bulk_concurrency: int = Field(default=2, ge=1, le=64)
    """Sheets, archives and animations that each worker draws at a time; more of them wait their turn."""
    poll_seconds: float = Field(default=0.5, gt=0, le=60)
    """How often each worker looks for new versions and promotions."""
    shutdown_seconds: int = Field(default=10, ge=1, le=600)
    """How long requests in flight may take to end when the service is stopped."""
