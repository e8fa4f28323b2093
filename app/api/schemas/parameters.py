"""Request parameters shared by several routes, with their bounds and OpenAPI descriptions."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field, StrictInt, StrictStr

from app.images import preprocessing
from app.sampling import pictures, plane
from app.sampling.breeding import MAX_TEXT as MAX_PARENTS_TEXT
from app.sampling.edits import MAX_AMOUNT, MAX_TERMS
from app.sampling.edits import MAX_TEXT as MAX_EDIT_TEXT
from app.sampling.latents import MAX_LABEL, MAX_LATENT, MAX_PICTURES
from models.breeding import MAX_PARENTS
from models.inversion import MAX_STEPS
from models.seed_contract import MAX_SEED, MAX_TEXT
from models.seed_index import MAX_COUNT

# The schema documents the bounds of a seed. `app.sampling.latents` checks them, so the error is the same for every route.
_SeedText = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": MAX_TEXT})]
_SeedNumber = Annotated[StrictInt, Field(json_schema_extra={"minimum": 0, "maximum": MAX_SEED})]
_ANY_SEED = f"An integer in 0..{MAX_SEED}, or any other text. Omitted: a random seed, returned in `X-Seed`."
SeedQuery = Annotated[_SeedText | None, Field(description=_ANY_SEED, examples=["42"])]
OneSeed = Annotated[_SeedText, Field(description=f"An integer in 0..{MAX_SEED}, or any other text.", examples=["42"])]
SeedValue = Annotated[
    _SeedNumber | Annotated[StrictStr, Field(json_schema_extra={"minLength": 1, "maxLength": MAX_TEXT})],
    Field(description=f"An integer in 0..{MAX_SEED}, or any other text.", examples=[42]),
]
_SeedsText = Annotated[str, Field(min_length=1, max_length=65_536)]
_SeedsInUrl = Annotated[str, Field(min_length=1, max_length=5_000)]  # the server rejects URLs beyond 64 KiB
_SEVERAL = f"Several integer seeds, such as `0-63,100`; at most {MAX_PICTURES}. Returns one sheet, array or zip."
SeedsQuery = Annotated[_SeedsInUrl | None, Field(description=_SEVERAL + " Use POST for a longer list.", examples=["0-63"])]
ScoredSeeds = Annotated[
    _SeedsInUrl, Field(description=f"Integer seeds, such as `0-63,100`; at most {MAX_PICTURES}.", examples=["0-199"])
]
SeedsValue = Annotated[
    _SeedsText | Annotated[list[_SeedNumber], Field(min_length=1, max_length=MAX_PICTURES, fail_fast=True)] | None,
    Field(description=_SEVERAL + " Or a list of integers.", examples=["0-63"]),
]
_PARENTS = (
    "Two to eight parents of a child: seeds, or children as in `(42,7,3),99`, where 3 is the number of the child of 42 and 7. "
)
_ParentsText = Annotated[str, Field(min_length=1, max_length=MAX_PARENTS_TEXT)]
ParentsQuery = Annotated[_ParentsText | None, Field(description=_PARENTS, examples=["42,7"])]
ParentsValue = Annotated[
    _ParentsText
    | Annotated[
        list[_SeedNumber | Annotated[_ParentsText, Field(strict=True)]],
        Field(min_length=1, max_length=MAX_PARENTS, fail_fast=True),
    ]
    | None,
    Field(description=_PARENTS + "As a text, or as a list.", examples=["42,7"]),
]
ChildNumber = Annotated[
    int | None,
    Field(
        ge=0,
        le=MAX_SEED,
        description=f"Number of the child, in 0..{MAX_SEED}. It determines what the child inherits from which parent, and what "
        "mutates. Omitted: a random number, returned in `X-Child`.",
        examples=[3],
    ),
]
_LabelText = Annotated[str, Field(max_length=MAX_LABEL)]
_MIXED = "or a mixture such as `3:0.5,8:0.5`, whose weights sum to 1"
LabelQuery = Annotated[
    _LabelText | None,
    Field(description=f"Class, by index or name, {_MIXED}. Omitted: the seed chooses the class.", examples=["7"]),
]
ScoredLabel = Annotated[
    _LabelText | None,
    Field(
        description=f"Class to score the picture as, by index or name, {_MIXED}. Omitted: the mean over all classes.",
        examples=["7"],
    ),
]
InvertedLabel = Annotated[
    Annotated[str, Field(max_length=MAX_LABEL)] | None,
    Field(description="Class of the latent, by index or name. Omitted: the one that the encoder recognises.", examples=["7"]),
]
Steps = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_STEPS,
        description="Maximum number of refinement steps. Each draws about a hundred pictures. More steps never increase the "
        "error.",
    ),
]
Neighbours = Annotated[int, Field(ge=1, le=MAX_COUNT, description="Number of seeds.")]
Preprocessing = Annotated[
    preprocessing.Mode,
    Field(description="auto: preprocess the picture like the training data. none: only convert to grey and scale to 28x28."),
]
Mixture = Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=1, max_length=1000, fail_fast=True)]
LabelValue = Annotated[
    StrictInt | Annotated[StrictStr, Field(max_length=MAX_LABEL)] | Mixture,
    Field(
        description="Class by index or name, or a mixture: `3:0.5,8:0.5`, or a list with one weight per class.", examples=[7]
    ),
]
Psi = Annotated[
    float,
    Field(
        ge=0,
        le=2,
        description="Truncation: scales z. Below 1, pictures are more typical and less varied; above 1, more varied.",
    ),
]
_EDIT = (
    "Amounts of directions of the version, such as `slant:1.5,thickness:-0.5`. One unit is one standard deviation of the "
    "latents along the direction. `/models/{name}/versions/{version}/directions.json` lists them."
)
_EditText = Annotated[str, Field(min_length=1, max_length=MAX_EDIT_TEXT)]
EditQuery = Annotated[_EditText | None, Field(description=_EDIT, examples=["slant:1.5"])]
EditValue = Annotated[
    Annotated[_EditText, Field(strict=True)]
    | Annotated[dict[str, Annotated[float, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]], Field(max_length=MAX_TERMS)]
    | None,
    Field(description=_EDIT + " As a text, or as an object.", examples=["slant:1.5"]),
]
Latent = Annotated[
    list[Annotated[float, Field(ge=-MAX_LATENT, le=MAX_LATENT)]],
    Field(
        min_length=1,
        max_length=1024,
        fail_fast=True,
        description="An explicit latent of z_dim numbers, standard normal in training. The generator clips them to -8..8.",
    ),
]
ModelName = Annotated[
    str | None,
    Field(
        max_length=64,
        description="Name of a model. Default: the model that the service is configured with.",
        examples=["digits"],
    ),
]
SharpenModelName = Annotated[
    str | None,
    Field(
        max_length=64,
        description="Name of a model that sharpens. Default: the one that the service is configured with.",
        examples=["sharpen-digits"],
    ),
]
VersionName = Annotated[
    str | None,
    Field(
        max_length=32,
        description="A version number, whose response never changes, or an alias: `champion` (default) or `previous`.",
        examples=["1"],
    ),
]
Scale = Annotated[int, Field(ge=1, le=32, description="Enlargement: each pixel becomes a square with this side.")]
Columns = Annotated[
    int | None, Field(ge=1, le=MAX_PICTURES, description="Pictures per row of a sheet. Default: as square as possible.")
]


PictureFormat = Annotated[
    pictures.Format,
    Field(description="png, webp and npy (uint8 pixels) for one picture or several; json for one; zip (of PNGs) for several."),
]
FileFormat = Annotated[Literal["png", "webp", "json", "npy"], Path(description="The format, as an extension.")]
SeedInPath = Annotated[
    _SeedText, Path(description=f"An integer in 0..{MAX_SEED}, or any other text, percent-encoded.", examples=["42"])
]
Coordinate = Annotated[
    float, Field(ge=-plane.SIZE, le=2 * plane.SIZE, examples=[42], json_schema_extra={"multipleOf": min(plane.STEPS)})
]
PlaneSide = Annotated[int, Field(ge=1, le=plane.MAX_SIDE)]
PlaneStep = Annotated[
    float,
    Field(
        description="Distance between neighbouring pictures. x and y must be multiples of it.",
        json_schema_extra={"enum": list(plane.STEPS)},
    ),
]
PlaneScale = Annotated[int, Field(ge=1, le=8, description="Enlargement: each pixel becomes a square with this side.")]
