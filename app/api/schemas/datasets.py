"""Request and response models of the routes for datasets and uploads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.datasets.catalogue import Described
from app.datasets.imports import Import, State
from app.datasets.uploads import UPLOAD_ID, Upload
from models.manifest import NAME_PATTERN
from training.datasets import PUBLISHED, Split
from training.datasets.importing.options import MOST_TEST_SHARE, Fit, Invert
from training.datasets.importing.report import FileProblem, Report
from training.datasets.splitting import TEST_SHARE


class UploadView(BaseModel):
    """An upload as JSON."""

    id: str
    filename: str
    length: int | None = Field(description="Bytes of the whole file; null while a file of unannounced size arrives.")
    offset: int = Field(description="Bytes that have arrived.")
    complete: bool = Field(description="Whether all bytes have arrived, so that the file can be imported.")
    by: str = Field(description="Name of the token that began the upload.")
    created: datetime
    expires: datetime = Field(description="When the upload will be deleted, unless more bytes arrive.")

    @classmethod
    def of(cls, upload: Upload) -> UploadView:
        """Build the view of an upload."""
        about = upload.description
        return cls(
            id=upload.id,
            filename=about.filename,
            length=about.length,
            offset=upload.offset,
            complete=upload.is_complete,
            by=about.by,
            created=datetime.fromtimestamp(about.created, UTC),
            expires=datetime.fromtimestamp(upload.expires, UTC),
        )


class UploadList(BaseModel):
    """Uploads, newest first."""

    uploads: list[UploadView]


class _Conversion(BaseModel):
    """How pictures are converted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fit: Fit = Field(
        default="fit",
        description="How a picture becomes 28x28. `fit`: the whole picture, padded. `crop`: the square in its middle. `mnist`: "
        "its ink, scaled into 20x20 pixels and placed by its centre of mass.",
    )
    invert: Invert = Field(default="auto", description="Whether dark and bright are swapped. `auto` decides by the borders.")
    skip_broken: bool = Field(default=False, description="Leave out pictures that cannot be read, instead of failing.")
    test_share: float = Field(
        default=TEST_SHARE,
        gt=0,
        le=MOST_TEST_SHARE,
        description="Share of test pictures, if the file has no splits of its own.",
    )

    def options(self) -> dict[str, object]:
        """Return the arguments of `training.datasets.importing.Options`."""
        return {name: getattr(self, name) for name in ("fit", "invert", "skip_broken", "test_share")}


class PreviewBody(_Conversion):
    """The body of `POST /admin/datasets/preview`: an upload, and how its pictures are converted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"upload": "0" * 32, "fit": "mnist"}]})

    upload: str = Field(pattern=UPLOAD_ID, description="Id of a complete upload.")


class ImportOptions(_Conversion):
    """The fields that describe an import, without the upload. A form or a query has them as text."""

    name: str = Field(
        pattern=NAME_PATTERN, description="Name of the dataset. A name that exists gets a new version.", examples=["mine"]
    )
    title: str = Field(default="", max_length=200, description="Title for people. Default: the name.")
    licence: str = Field(default="not stated", min_length=1, max_length=200, description="Terms of use of the pictures.")

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in PUBLISHED:
            raise ValueError(f"{name} is the name of a published dataset. Choose another one.")
        return name


class ImportBody(ImportOptions):
    """The body of `POST /admin/datasets`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"upload": "0" * 32, "name": "mine", "licence": "CC0", "fit": "mnist"}]}
    )

    upload: str = Field(pattern=UPLOAD_ID, description="Id of a complete upload.")


class DatasetPreview(BaseModel):
    """What an import would do."""

    report: Report
    sheet: str = Field(description="PNG as a data URI (RFC 2397): pictures before and after conversion, side by side.")


class DatasetView(BaseModel):
    """A dataset as JSON."""

    name: str
    reference: str = Field(description="Name that denotes exactly this version: `mine@1a2b3c4d5e6f`.")
    title: str
    licence: str
    published: bool = Field(description="Whether it was published by its authors, and not imported.")
    version: str | None = Field(description="First 12 digits of the digest. null for a published dataset.")
    digest: str = Field(description="sha256 of the content.")
    classes: list[str] = Field(description="Names of the classes. Empty for pictures without labels.")
    counts: dict[Split, int] = Field(description="Pictures of each split. Empty if the files are missing on this server.")
    class_counts: dict[Split, list[int]] = Field(description="Pictures of each class in each split.")
    created: datetime | None = Field(description="When it was imported.")
    url: str
    samples: str = Field(description="URL of a sheet of pictures.")

    @classmethod
    def of(cls, found: Described, root_path: str) -> Self:
        """Build the view of a dataset. Links include the root path of a reverse proxy."""
        info = found.info
        url = f"{root_path}/datasets/{info.reference}"
        return cls(
            name=info.name,
            reference=info.reference,
            title=info.title,
            licence=info.licence,
            published=found.published,
            version=found.version,
            digest=info.digest,
            classes=list(info.classes),
            counts=dict(found.counts),
            class_counts={split: list(counts) for split, counts in found.class_counts.items()},
            created=found.created,
            url=url,
            samples=f"{url}/samples.png",
        )


class DatasetDetail(DatasetView):
    """A dataset with the report of its import and the versions that were trained on it."""

    versions: list[str] = Field(default=[], description="All versions of an imported dataset.")
    report: Report | None = Field(default=None, description="What the import found and did. null for other sources.")
    models: list[str] = Field(default=[], description="Versions of models that were trained on this dataset: `digits/3`.")


class DatasetList(BaseModel):
    """The newest version of every dataset."""

    datasets: list[DatasetView]


class ImportLinks(BaseModel):
    """Links to the parts of an import."""

    self: str
    events: str = Field(description="Server-sent events.")
    dataset: str | None = Field(description="The dataset, once the import has succeeded.")


class ImportView(BaseModel):
    """An import as JSON."""

    id: str
    state: State
    detail: str = Field(description="Reason for the state. If the import failed, it includes the remedy.")
    name: str
    upload: str = Field(description="Id of the upload. It is deleted when the import succeeds.")
    filename: str
    by: str = Field(description="Name of the token that requested the import.")
    created: datetime
    ended: datetime | None
    done: int = Field(description="Number of pictures read so far.")
    total: int = Field(description="Number of all pictures; 0 while they are being counted.")
    dataset: str | None = Field(description="Reference of the dataset, once the import has succeeded.")
    report: Report | None = Field(description="What the import found and did, once it has succeeded.")
    broken: list[FileProblem] = Field(
        description="If the import failed because pictures cannot be read: the first of them. POST /admin/datasets with this "
        "upload and skip_broken leaves them out."
    )
    broken_count: int = Field(description="Number of these pictures.")
    links: ImportLinks

    @classmethod
    def of(cls, found: Import, root_path: str) -> ImportView:
        """Build the view of an import. Links include the root path of a reverse proxy."""
        base = f"{root_path}/admin/imports/{found.id}"
        order = found.order
        return cls(
            id=found.id,
            state=found.state,
            detail=found.detail,
            name=order.name,
            upload=order.upload,
            filename=order.filename,
            by=order.by,
            created=datetime.fromtimestamp(order.created, UTC),
            ended=datetime.fromtimestamp(found.ended, UTC) if found.ended else None,
            done=found.done,
            total=found.total,
            dataset=found.dataset,
            report=Report.model_validate(found.report) if found.report else None,
            broken=[FileProblem(**problem) for problem in found.broken],
            broken_count=found.broken_count,
            links=ImportLinks(
                self=base,
                events=f"{base}/events",
                dataset=f"{root_path}/datasets/{found.dataset}" if found.dataset else None,
            ),
        )


class ImportList(BaseModel):
    """Imports, newest first."""

    imports: list[ImportView]
