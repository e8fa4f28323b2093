"""Response models of `/models` and of the health routes, with their OpenAPI descriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from models.manifest import Manifest, Task


class VersionSummary(BaseModel):
    """Summary of a version."""

    version: int
    state: Literal["loaded", "available", "refused"]
    reason: str | None = Field(default=None, description="Why the version is not served.")
    aliases: list[str]
    created: datetime | None = None
    dataset: str | None = None
    preset: str | None = None
    images: int | None = Field(default=None, description="Number of real images shown in training.")
    metrics: dict[str, float | None] = Field(default_factory=dict)
    warning: str | None = Field(
        default=None, description="A problem of a version that is served anyway: it copies its training pictures."
    )
    url: str


class ModelSummary(BaseModel):
    """A model and its versions."""

    name: str
    task: Task = Field(description="generate: draws pictures from seeds. sharpen: sharpens uploaded pictures.")
    default: bool = Field(description="Whether this is the model of requests that do not name one.")
    aliases: dict[str, int]
    versions: list[VersionSummary]
    url: str


class ModelList(BaseModel):
    """All models."""

    models: list[ModelSummary]


class VersionDetail(BaseModel):
    """A version in full."""

    state: Literal["loaded", "available", "refused"]
    reason: str | None = None
    aliases: list[str]
    warning: str | None = Field(
        default=None, description="A problem of a version that is served anyway: it copies its training pictures."
    )
    manifest: Manifest
    card: str = Field(description="URL of the model card (Markdown).")
    samples: str = Field(description="URL of the sample sheet (PNG).")
    directions: str | None = Field(description="URL of the directions that `edit` can name. null if none have been measured.")
    nearest_seeds: int | None = Field(description="Number of seeds that `/nearest` searches. null if there is no index.")


class Alive(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """The service can serve."""

    status: Literal["ok"] = "ok"
    serving: str = Field(description="Version that is used for requests that do not name a model.", examples=["digits/1"])
    refused: dict[str, str] = Field(description="Versions that are not served, with the reason.")
    degraded: dict[str, str] = Field(
        description="Functions that do not work, with the reason; pictures are still drawn. Keys: `aliases`, `database`, "
        "`jobs`, `models`, `state`, `storage`, `training`."
    )
