"""The parameters that routes share: what each may be, in the words of the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, StrictStr

from app.images import preprocessing
from app.sampling import pictures, plane
from app.sampling.latents import MAX_LABEL, MAX_LATENT, MAX_PICTURES
from models.noise import MAX_SEED, MAX_TEXT

# What a seed must be is said in the schema and checked in `app.sampling.latents`, for the same error wherever it came from.
_SeedText = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": MAX_TEXT})]
_SeedNumber = Annotated[StrictInt, Field(json_schema_extra={"minimum": 0, "maximum": MAX_SEED})]
_ANY_SEED = f"An integer in 0..{MAX_SEED}, or any other text. Left out: a fresh one, told in `X-Seed`."
SeedQuery = Annotated[_SeedText | None, Field(description=_ANY_SEED, examples=["42"])]
SeedValue = Annotated[
    _SeedNumber | Annotated[StrictStr, Field(json_schema_extra={"minLength": 1, "maxLength": MAX_TEXT})],
    Field(description=f"An integer in 0..{MAX_SEED}, or any other text.", examples=[42]),
]
_SeedsText = Annotated[str, Field(min_length=1, max_length=65_536)]
_SeedsInUrl = Annotated[str, Field(min_length=1, max_length=5_000)]  # the server reads no address beyond 64 KiB
_SEVERAL = f"Several integer seeds, as `0-63,100`; at most {MAX_PICTURES}. Gives one sheet, an array or a zip."
SeedsQuery = Annotated[_SeedsInUrl | None, Field(description=_SEVERAL + " POST a longer list.", examples=["0-63"])]
JudgedSeeds = Annotated[
    _SeedsInUrl, Field(description=f"Integer seeds, as `0-63,100`; at most {MAX_PICTURES}.", examples=["0-199"])
]
SeedsValue = Annotated[
    _SeedsText | Annotated[list[_SeedNumber], Field(min_length=1, max_length=MAX_PICTURES, fail_fast=True)] | None,
    Field(description=_SEVERAL + " Or a list of numbers.", examples=["0-63"]),
]
_LabelText = Annotated[str, Field(max_length=MAX_LABEL)]
_MIXED = "or a mixture of classes, as `3:0.5,8:0.5`, whose weights sum to 1"
LabelQuery = Annotated[
    _LabelText | None,
    Field(description=f"Class, by index or name, {_MIXED}. Left out: the one the seed chooses.", examples=["7"]),
]
JudgedLabel = Annotated[
    _LabelText | None,
    Field(
        description=f"Class to judge it as, by index or name, {_MIXED}. Left out: the mean over all classes counts.",
        examples=["7"],
    ),
]
Preparation = Annotated[
    preprocessing.Prepare,
    Field(description="auto: as the training data was made. none: only grey, and scaled to 28x28."),
]
Mixture = Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=1, max_length=1000, fail_fast=True)]
LabelValue = Annotated[
    StrictInt | Annotated[StrictStr, Field(max_length=MAX_LABEL)] | Mixture,
    Field(description="Class by index or name, or a mixture: as `3:0.5,8:0.5`, or one weight a class.", examples=[7]),
]
Psi = Annotated[
    float,
    Field(ge=0, le=2, description="Truncation: scales z. Below 1 pictures get safer and more alike, above 1 wilder."),
]
Latent = Annotated[
    list[Annotated[float, Field(ge=-MAX_LATENT, le=MAX_LATENT)]],
    Field(
        min_length=1,
        max_length=1024,
        fail_fast=True,
        description="The latent itself: z_dim numbers, standard normal in training. The generator clips them at -8 and 8.",
    ),
]
ModelName = Annotated[
    str | None,
    Field(max_length=64, description="Model; by default the one the service is set up with.", examples=["digits"]),
]
VersionName = Annotated[
    str | None,
    Field(
        max_length=32,
        description="Version number, for an answer that never changes, or an alias: `champion` (default) or `previous`.",
        examples=["1"],
    ),
]
Scale = Annotated[int, Field(ge=1, le=32, description="Each pixel becomes a square of so many.")]
Columns = Annotated[
    int | None, Field(ge=1, le=MAX_PICTURES, description="Pictures a row of a sheet; by default as square as it gets.")
]


PictureFormat = Annotated[
    pictures.Format,
    Field(description="png, webp and npy (pixels as uint8) for one or several; json for one seed; zip of PNGs for several."),
]
Coordinate = Annotated[
    float, Field(ge=-plane.SIZE, le=2 * plane.SIZE, examples=[42], json_schema_extra={"multipleOf": min(plane.STEPS)})
]
PlaneSide = Annotated[int, Field(ge=1, le=plane.MAX_SIDE)]
PlaneStep = Annotated[
    float,
    Field(
        description="How far neighbours are apart. x and y must be multiples of it.",
        json_schema_extra={"enum": list(plane.STEPS)},
    ),
]
PlaneScale = Annotated[int, Field(ge=1, le=8, description="Each pixel becomes a square of so many.")]
