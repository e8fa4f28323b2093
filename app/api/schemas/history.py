"""Response models of the champion history."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from models.history import How


class ComparisonView(BaseModel):
    """The Frechet distance that the gate compares, of a new champion and of the previous one. Lower is better."""

    figure: Literal["fid_test", "fid_sum"] = Field(
        description="fid_test; for a sharpener fid_sum, the sum over the tests of its ledger."
    )
    value: float = Field(description="Of the new champion.")
    before: float | None = Field(description="Of the previous champion; null if there was none, or it was deleted.")
    by_gate: bool = Field(
        description="Whether the gate measured both on the same seeds. If not, the values are from the two model cards."
    )


class PromotionView(BaseModel):
    """A version became champion."""

    version: int
    instead_of: int | None = Field(description="The previous champion; null if there was none, or it is unknown.")
    time: datetime | None = Field(
        description="null if it is unknown, because the champion changed before the history was recorded, or without being "
        "recorded."
    )
    until: datetime | None = Field(
        description="When the next version became champion; null for the champion, or if it is unknown."
    )
    how: How = Field(
        description="`request`: an administrator. `job`: the gate of a retraining job. `command`: python -m training. "
        "`shipped`: the version came with the release. `restored`: lost aliases were repaired."
    )
    job: str | None = Field(description="Id of the job.")
    by: str | None = Field(description="Name of the token. Only in the response to administrators.")
    reason: str = Field(description="Reason of the gate. For administrators, also the reason that an administrator gave.")
    comparison: ComparisonView | None = Field(description="null if the version was deleted or has no such figure.")
    url: str | None = Field(description="URL of the version; null if it was deleted.")


class ModelHistory(BaseModel):
    """The champions of a model, newest first. The first one is the champion."""

    name: str
    promotions: list[PromotionView]
