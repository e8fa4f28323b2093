"""Request models of `/invert` and `/nearest`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from app.api.schemas.parameters import (
    EditQuery,
    InvertedLabel,
    LabelQuery,
    ModelName,
    Neighbours,
    OneSeed,
    Preprocessing,
    Psi,
    Steps,
    VersionName,
)
from app.sampling import pictures
from app.sampling.edits import edit_of
from app.sampling.latents import parse_seed


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InvertQuery(_Request):
    """The query of `POST /invert`."""

    steps: Steps = 4
    label: InvertedLabel = None
    model: ModelName = None
    version: VersionName = None
    prepare: Preprocessing = "auto"


class NearestQuery(_Request):
    """The query of `POST /nearest`."""

    k: Neighbours = 10
    model: ModelName = None
    version: VersionName = None
    prepare: Preprocessing = "auto"


class NearestSeedQuery(_Request):
    """The query of `GET /nearest`."""

    seed: OneSeed
    label: LabelQuery = None
    psi: Psi = 1.0
    edit: EditQuery = None
    k: Neighbours = 10
    model: ModelName = None
    version: VersionName = None

    def drawing(self) -> pictures.Drawing:
        """Return the picture whose nearest seeds are wanted. Raises the errors of `GenerateQuery.drawing`."""
        return pictures.Drawing(seeds=(parse_seed(self.seed),), label=self.label, psi=self.psi, edit=edit_of(self.edit))
