"""What `/models` and the health routes answer, as pydantic models: the words of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from models.manifest import Manifest


class VersionSummary(BaseModel):
    """A version among others."""

    version: int
    state: Literal["loaded", "available", "refused"]
    reason: str | None = Field(default=None, description="Why it is refused.")
    aliases: list[str]
    created: datetime | None = None
    dataset: str | None = None
    preset: str | None = None
    images: int | None = Field(default=None, description="Real images it was trained on.")
    metrics: dict[str, float | None] = Field(default_factory=dict)
    url: str


class ModelSummary(BaseModel):
    """A model and its versions."""

    name: str
    default: bool = Field(description="Whether it is served when a request names no model.")
    aliases: dict[str, int]
    versions: list[VersionSummary]
    url: str


class ModelList(BaseModel):
    """All models."""

    models: list[ModelSummary]


class VersionDetail(BaseModel):
    """All there is to know of a version."""

    state: Literal["loaded", "available", "refused"]
    reason: str | None = None
    aliases: list[str]
    manifest: Manifest
    card: str = Field(description="Where its card is, as Markdown.")
    samples: str = Field(description="Where its sample sheet is, as PNG.")


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """The service can serve."""

    status: Literal["ok"] = "ok"
    serving: str = Field(description="What a request gets that names no model.", examples=["digits/1"])
    refused: dict[str, str] = Field(description="Versions that are not served, and why.")
    degraded: dict[str, str] = Field(
        description="What does not work although pictures are drawn, and why: `aliases`, `database`, `jobs`, `models`, "
        "`state`, `training`."
    )
