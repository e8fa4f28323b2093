"""The warning about versions that copy their training pictures."""

from __future__ import annotations

import pytest

from models import card, copying
from models.manifest import MANIFEST, Figure, Manifest
from tests.live import SHIPPED


def figures(value: float | None, floor: float | None) -> dict[str, Figure]:
    return {"copied": Figure(value=value, floor=floor, better="lower", what="")}


@pytest.mark.parametrize(
    ("value", "floor", "copies"),
    [(0.0, 0.0, False), (0.1, 0.0, False), (0.11, 0.0, True), (0.34, 0.25, False), (0.4, None, True), (None, 0.0, False)],
)
def test_more_copies_than_among_test_pictures_give_a_warning(value: float | None, floor: float | None, copies: bool) -> None:
    assert copying.copies(figures(value, floor)) is copies
    assert (copying.warning(figures(value, floor)) is not None) is copies


def test_versions_without_the_figure_get_no_warning() -> None:
    assert copying.warning({}) is None


def test_the_card_of_a_version_that_copies_begins_with_the_warning() -> None:
    manifest = Manifest.model_validate_json((SHIPPED / "digits" / "1" / MANIFEST).read_bytes())
    assert "Warning" not in card.render(manifest)
    copier = manifest.model_copy(update={"metrics": manifest.metrics | figures(0.42, 0.01)})
    before, warning, after = card.render(copier).partition("\n> **Warning.** It copies: 42.0% of its pictures")
    assert warning
    assert "![samples]" in after
    assert "## Evaluation" not in before
