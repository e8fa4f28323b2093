"""Request models of the routes for other sites: films, previews and embedded pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.parameters import ModelName, Scale, VersionName
from app.sampling import interpolation
from app.sampling.keyframes import MAX_TEXT, parse_keyframes
from app.sampling.preview import State


class FilmQuery(BaseModel):
    """The query of `GET /film.webp`, with the names and defaults of the page Walk."""

    model_config = ConfigDict(extra="forbid")

    keyframes: str = Field(
        min_length=1,
        max_length=MAX_TEXT,
        description="Two to 256 seeds, each optionally with its class and psi after tildes. In a seed or class, write a comma "
        "as `!c`, a tilde as `!t`, `%` as `!p` and `!` as `!!`.",
        examples=["5,17~3,anna~8~0.7"],
    )
    steps: Annotated[
        int, Field(ge=2, le=interpolation.MAX_FRAMES, description="Frames per segment, both keyframes included.")
    ] = 16
    method: Annotated[interpolation.Method, Field(description="slerp follows a great arc, lerp a straight line.")] = "slerp"
    easing: Annotated[interpolation.Easing, Field(description="Speed along each segment.")] = "linear"
    loop: Annotated[bool, Field(description="Return to the first keyframe and repeat.")] = True
    fps: Annotated[float, Field(ge=1, le=60, description="Frames per second; a GIF has at most 50.")] = 12
    scale: Scale = 8
    model: ModelName = None
    version: VersionName = None

    def walk(self, kind: interpolation.Format) -> interpolation.Walk:
        """Return the requested interpolation as a file of this format.

        Raises:
            SeedInvalid, InvalidRequest, TooMuch: see `app.sampling.keyframes` and `app.sampling.interpolation.Walk`.
        """
        keyframes = parse_keyframes(self.keyframes)
        return interpolation.Walk(keyframes, self.steps, self.method, self.easing, self.loop, self.fps, self.scale, kind)


class PreviewQuery(BaseModel):
    """The query of `GET /preview.png`: parameters of the pages. None of them is validated here (`app.sampling.preview`)."""

    page: Annotated[str, Field(description="Path of the page.", examples=["/gallery"])] = "/"
    seed: Annotated[str | None, Field(description="Explore: the seed.", examples=["42"])] = None
    x: Annotated[str | None, Field(description="Explore: column of a point between seeds.")] = None
    y: Annotated[str | None, Field(description="Explore: row of a point between seeds.")] = None
    zoom: Annotated[str | None, Field(description="Explore: pixels between two seeds.")] = None
    seeds: Annotated[str | None, Field(description="Gallery: integer seeds, of which the first 135 are shown.")] = None
    keyframes: Annotated[str | None, Field(description="Walk: the keyframes, as in `/film.webp`.")] = None
    method: Annotated[str | None, Field(description="Walk: slerp or lerp.")] = None
    loop: Annotated[str | None, Field(description="Walk: whether the film returns to its first keyframe.")] = None
    parents: Annotated[str | None, Field(description="Breed: the parents.")] = None
    start: Annotated[str | None, Field(alias="from", description="Breed: number of the first child.")] = None
    z: Annotated[str | None, Field(description="Explore: the numbers of a latent, separated by commas.")] = None
    dz: Annotated[str | None, Field(description="Explore: numbers of the latent that are replaced, such as 3:1.5,17:-0.2.")] = (
        None
    )
    drawing: Annotated[str | None, Field(description="Find: the code of a drawing.")] = None
    label: Annotated[str | None, Field(description="Class or mixture.")] = None
    psi: Annotated[str | None, Field(description="Truncation.")] = None
    edit: Annotated[str | None, Field(description="Amounts of directions.")] = None
    model: Annotated[str | None, Field(description="Name of a model that draws. Default: that of the service.")] = None
    version: Annotated[str | None, Field(description="A version number, or an alias.")] = None

    def state(self) -> State:
        """Return the state of the page."""
        return State(**self.model_dump(exclude={"model", "version"}))
