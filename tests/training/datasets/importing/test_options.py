"""The limits of sources."""

from __future__ import annotations

from tests.documentation import DATASETS, limits_table, with_limits


def test_the_documentation_lists_every_limit_with_its_description() -> None:
    page = DATASETS.read_text()
    assert with_limits(page) == page, "run make fix"
    assert "| `pictures` | 1,000,000 | Pictures of a dataset." in page
    assert "|  |" not in limits_table()
