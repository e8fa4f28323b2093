"""Request and response models of the routes for datasets and uploads."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from app.datasets.uploads import Upload


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
