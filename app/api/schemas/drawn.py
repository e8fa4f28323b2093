"""Response models of the routes that draw pictures, for the format json."""

from __future__ import annotations

from pydantic import BaseModel, Field

from app.sampling.sharpener import Factor


class Picture(BaseModel):
    """A picture as JSON."""

    seed: int | str | None = Field(description="null if z or parents were given.")
    parents: str | None = Field(default=None, description="Of a child: its parents. Absent otherwise.")
    child: int | None = Field(default=None, description="Of a child: its number. Absent otherwise.")
    label: int | None = Field(description="Index of the class; null for a model without classes, and for a mixture.")
    class_: str | None = Field(alias="class", description="Name of the class.")
    edit: str | None = Field(default=None, description="The edit, if there is one. Absent otherwise.")
    psi: float
    model: str
    version: int
    z: list[float] = Field(description="Input of the generator, after psi and the edit are applied.")
    pixels: list[list[int]] = Field(description="Rows of grey levels, 0..255.")


class Frame(BaseModel):
    """A frame as JSON."""

    segment: int = Field(description="Index of the segment: 0 leads from the first keyframe to the second.")
    t: float = Field(description="Position along the segment, 0 to 1, after easing.")
    pixels: list[list[int]]


class Frames(BaseModel):
    """An interpolation as JSON."""

    model: str
    version: int
    frames: list[Frame]


class Sharpened(BaseModel):
    """A sharpened picture as JSON."""

    seed: int | str
    model: str
    version: int
    factor: Factor = Field(description="Degradation: from the request, or detected from the picture.")
    preprocessing: str = Field(
        description="none, the dataset whose format the picture was converted to, fitted if that format is unknown, or resized."
    )
    input: str = Field(description="Hex sha256 of the uploaded file.")
    given: str = Field(description="The picture that was sharpened, at 28x28: a PNG as a data URI (RFC 2397).")
    z: list[float] = Field(description="Latent of the seed.")
    pixels: list[list[int]] = Field(description="Rows of grey levels, 0..255.")
