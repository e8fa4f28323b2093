"""Request and response models of the routes that draw pictures, with their OpenAPI descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.schemas.parameters import (
    ChildNumber,
    Columns,
    Coordinate,
    EditQuery,
    EditValue,
    FileFormat,
    LabelQuery,
    LabelValue,
    Latent,
    ModelName,
    ParentsQuery,
    ParentsValue,
    PictureFormat,
    PlaneScale,
    PlaneSide,
    PlaneStep,
    Preprocessing,
    Psi,
    Scale,
    ScoredLabel,
    ScoredSeeds,
    SeedQuery,
    SeedsQuery,
    SeedsValue,
    SeedValue,
    SharpenModelName,
    VersionName,
)
from app.discriminator import quiz
from app.errors import InvalidRequest
from app.sampling import interpolation, pictures, plane
from app.sampling.breeding import child_of, parents_of
from app.sampling.edits import edit_of
from app.sampling.latents import Seed, check_seed, fresh_seed, parse_seed, parse_seeds
from app.sampling.sharpener import Factor
from models.breeding import Child
from models.seed_contract import MAX_SEED


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Body(_Request):
    model_config = ConfigDict(extra="forbid", strict=True)  # no coercion: 0 is not false, and "1" is not 1

    @model_validator(mode="before")
    @classmethod
    def _limit_fields(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) > 4 * len(cls.model_fields):
            raise ValueError(f"An object with {len(value):,} fields is not accepted. Send only the fields listed in /docs.")
        return value


class GenerateQuery(_Request):
    """The query of `GET /generate`."""

    seed: SeedQuery = None
    seeds: SeedsQuery = None
    parents: ParentsQuery = None
    child: ChildNumber = None
    label: LabelQuery = None
    psi: Psi = 1.0
    edit: EditQuery = None
    model: ModelName = None
    version: VersionName = None
    format: PictureFormat = "png"
    scale: Scale = 1
    columns: Columns = None

    def drawing(self) -> pictures.Drawing:
        """Return the requested picture or sheet.

        Raises:
            SeedInvalid, ParentsInvalid, EditInvalid, TooMuch, InvalidRequest: see `pictures`, `latents`, `breeding` and `edits`
                of `app.sampling`.
        """
        if self.seed is not None and self.seeds is not None:
            raise InvalidRequest("seed requests one picture and seeds several. Give only one of them.")
        child = _child(self, self.parents)
        if child is not None:
            return _drawing(self, (), self.label, child=child, is_fresh=self.child is None)
        seeds: tuple[Seed, ...]
        if self.seeds is not None:
            seeds = tuple(parse_seeds(self.seeds))
        else:
            seeds = (fresh_seed() if self.seed is None else parse_seed(self.seed),)
        return _drawing(self, seeds, self.label, is_sheet=self.seeds is not None, is_fresh=self.seed is None)


class GeneratePathQuery(_Request):
    """The query of `GET /generate/{seed}.{format}`: that of `GET /generate` without what the path has."""

    label: LabelQuery = None
    psi: Psi = 1.0
    edit: EditQuery = None
    model: ModelName = None
    version: VersionName = None
    scale: Scale = 1

    def complete(self, seed: str, format: FileFormat) -> GenerateQuery:
        """Return the equivalent query of `GET /generate`."""
        return GenerateQuery(seed=seed, format=format, **self.model_dump())


class GenerateBody(_Body):
    """The body of `POST /generate`: the query parameters of GET, plus an explicit latent or a mixture of classes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seed": 42, "label": 7, "scale": 8}]})

    seed: SeedValue | None = None
    seeds: SeedsValue = None
    z: Latent | None = None
    parents: ParentsValue = None
    child: ChildNumber = None
    label: LabelValue | None = None
    psi: Psi = 1.0
    edit: EditValue = None
    model: ModelName = None
    version: VersionName = None
    format: PictureFormat = "png"
    scale: Scale = 1
    columns: Columns = None

    def drawing(self) -> pictures.Drawing:
        """Return the requested picture or sheet. Raises the errors of `GenerateQuery.drawing`."""
        given = [name for name in ("seed", "seeds", "z") if getattr(self, name) is not None]
        if len(given) > 1:
            raise InvalidRequest(f"{' and '.join(given)} cannot be combined. Give only one of them.")
        child = _child(self, self.parents)
        if child is not None:
            return _drawing(self, (), self.label, child=child, is_fresh=self.child is None)
        if self.z is not None:
            return _drawing(self, (), self.label, z=tuple(self.z))
        if self.seeds is not None:
            seeds = parse_seeds(self.seeds) if isinstance(self.seeds, str) else [check_seed(s) for s in self.seeds]
            return _drawing(self, tuple(seeds), self.label, is_sheet=True)
        seed = fresh_seed() if self.seed is None else _seed_of(self.seed)
        return _drawing(self, (seed,), self.label, is_fresh=self.seed is None)


def _seed_of(value: int | str) -> Seed:
    return check_seed(value) if isinstance(value, int) else parse_seed(value)


def _child(request: GenerateQuery | GenerateBody | KeyframeObject, parents: str | Sequence[int | str] | None) -> Child | None:
    """Return the child that a request names, with a random number if it has none. None if it names no parents."""
    if parents is None:
        if request.child is not None:
            raise InvalidRequest("A child needs parents. Give them, as in parents=42,7, or use seed instead of child.")
        return None
    given = [name for name in ("seed", "seeds", "z") if getattr(request, name, None) is not None]
    if given:
        raise InvalidRequest(f"parents and {given[0]} cannot be combined. Give only one of them.")
    return child_of(parents_of(parents), fresh_seed() if request.child is None else request.child)


def _drawing(
    request: GenerateQuery | GenerateBody,
    seeds: tuple[Seed, ...],
    label: int | str | list[float] | None,
    *,
    z: tuple[float, ...] | None = None,
    child: Child | None = None,
    is_sheet: bool = False,
    is_fresh: bool = False,
) -> pictures.Drawing:
    return pictures.Drawing(
        seeds=seeds,
        z=z,
        child=child,
        label=tuple(label) if isinstance(label, list) else label,
        psi=request.psi,
        edit=edit_of(request.edit),
        format=request.format,
        scale=request.scale,
        columns=request.columns,
        is_sheet=is_sheet,
        is_fresh=is_fresh and not is_sheet,
    )


class KeyframeObject(_Body):
    """A keyframe of an interpolation: a seed, an explicit latent or a child, with its label and psi."""

    seed: SeedValue | None = None
    z: Latent | None = None
    parents: ParentsValue = None
    child: ChildNumber = None
    label: LabelValue | None = None
    psi: Psi = 1.0
    edit: EditValue = None

    @model_validator(mode="after")
    def _has_seed_or_latent(self) -> KeyframeObject:
        if sum(given is not None for given in (self.seed, self.z, self.parents)) != 1:
            raise ValueError("A keyframe has a seed, a z or parents. Give exactly one of them.")
        if (self.parents is None) != (self.child is None):
            raise ValueError("A keyframe with parents needs the number of their child, and vice versa. Give both.")
        return self

    def drawing(self) -> pictures.Drawing:
        """Return the picture of this keyframe, as drawn by `/generate`."""
        label = tuple(self.label) if isinstance(self.label, list) else self.label
        seeds = () if self.seed is None else (_seed_of(self.seed),)
        z = None if self.z is None else tuple(self.z)
        child, edit = _child(self, self.parents), edit_of(self.edit)
        return pictures.Drawing(seeds=seeds, z=z, child=child, label=label, psi=self.psi, edit=edit)


class InterpolateBody(_Body):
    """The body of `POST /interpolate`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"keyframes": [1, 42], "steps": 8, "format": "gif"},
                {
                    "keyframes": [{"seed": 5, "label": 3}, {"seed": 5, "label": 8}],
                    "steps": 24,
                    "format": "strip",
                    "scale": 2,
                },
            ]
        }
    )

    keyframes: list[SeedValue | KeyframeObject] = Field(
        min_length=2,
        max_length=256,
        fail_fast=True,
        description="Pictures between which to interpolate, in order: seeds or objects.",
    )
    steps: int = Field(
        default=16,
        ge=2,
        le=interpolation.MAX_FRAMES,
        description="Frames per segment, including both keyframes. A keyframe between two segments is drawn once.",
    )
    method: interpolation.Method = Field(
        default="slerp", description="Path between two latents: slerp follows a great arc, lerp a straight line."
    )
    easing: interpolation.Easing = Field(default="linear", description="Speed along each segment.")
    loop: bool = Field(
        default=False,
        description="Return to the first keyframe and repeat. The frame that would duplicate the first one is omitted.",
    )
    fps: float = Field(default=12, ge=1, le=60, description="Frames per second of gif (at most 50), apng and webp.")
    scale: Scale = 1
    format: interpolation.Format = Field(default="gif", description="strip: one PNG with the frames side by side.")
    model: ModelName = None
    version: VersionName = None

    def walk(self) -> interpolation.Walk:
        """Return the requested interpolation.

        Raises:
            SeedInvalid: a seed is invalid.
            TooMuch: the request exceeds the limits of one call.
        """
        keyframes = [
            k.drawing() if isinstance(k, KeyframeObject) else pictures.Drawing(seeds=(_seed_of(k),)) for k in self.keyframes
        ]
        return interpolation.Walk(
            tuple(keyframes), self.steps, self.method, self.easing, self.loop, self.fps, self.scale, self.format
        )


class DiscriminateQuery(_Request):
    """The query of `POST /discriminate`."""

    label: ScoredLabel = None
    model: ModelName = None
    version: VersionName = None
    prepare: Preprocessing = "auto"


class DiscriminateSeedsQuery(_Request):
    """The query of `GET /discriminate`."""

    seeds: ScoredSeeds
    label: LabelQuery = None
    psi: Psi = 1.0
    edit: EditQuery = None
    model: ModelName = None
    version: VersionName = None

    def drawing(self) -> pictures.Drawing:
        """Return the pictures to score.

        Raises:
            SeedInvalid, TooMuch: see `app.sampling.latents.parse_seeds`.
        """
        seeds, edit = tuple(parse_seeds(self.seeds)), edit_of(self.edit)
        return pictures.Drawing(seeds=seeds, label=self.label, psi=self.psi, edit=edit, is_sheet=True)


class SharpenQuery(_Request):
    """The query of `POST /sharpen`."""

    factor: Factor | None = Field(
        default=None,
        description="Degradation of the picture: shrunk by 2 (14x14) or 4 (7x7), or blur. Default: detected from the picture.",
    )
    seed: SeedQuery = None
    seeds: SeedsQuery = None
    model: SharpenModelName = None
    version: VersionName = None
    format: PictureFormat = "png"
    scale: Scale = 1
    columns: Columns = None
    prepare: Preprocessing = "auto"

    def drawing(self) -> pictures.Drawing:
        """Return the requested output, or sheet of outputs. Raises the errors of `GenerateQuery.drawing`."""
        query = {name: getattr(self, name) for name in ("seed", "seeds", "format", "scale", "columns")}
        return GenerateQuery(**query).drawing()


class PlaneQuery(_Request):
    """The query of `GET /plane`."""

    x: Coordinate = Field(description="Column of the first picture. The plane repeats every 65,536.")
    y: Coordinate = Field(description="Row of the first picture. The integer point (x, y) is seed 65,536 y + x.")
    columns: PlaneSide = Field(default=8, description="Pictures per row.")
    rows: PlaneSide = Field(default=8, description="Rows of pictures.")
    step: PlaneStep = 1.0
    label: LabelQuery = None
    psi: Psi = 1.0
    edit: EditQuery = None
    model: ModelName = None
    version: VersionName = None
    format: plane.Format = Field(
        default="png", description="A sheet as png or webp, or the pixels of each picture as npy, row by row."
    )
    scale: PlaneScale = 1

    def window(self) -> plane.Window:
        """Return the requested part of the plane.

        Raises:
            InvalidRequest, TooMuch: see `app.sampling.plane.Window`.
        """
        return plane.Window(
            x=self.x,
            y=self.y,
            columns=self.columns,
            rows=self.rows,
            step=self.step,
            label=self.label,
            psi=self.psi,
            edit=edit_of(self.edit),
            format=self.format,
            scale=self.scale,
        )


class QuizQuery(_Request):
    """The query of `GET /quiz`."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = Field(
        default=None, description="Determines the questions. Omitted: a random seed, returned in the response.", examples=[7]
    )
    count: int = Field(default=10, ge=1, le=quiz.MAX_QUESTIONS, description="Number of pictures.")
    model: ModelName = None
    version: VersionName = None
