"""Whether a version copies its training pictures."""

from __future__ import annotations

from collections.abc import Mapping

from models.manifest import Figure

MOST_COPIES = 0.1
"""Share of copies of training pictures, above the floor, that is allowed. Shipped generators have none."""


def copies(figures: Mapping[str, Figure]) -> bool:
    """Whether more pictures of a version copy a training picture than is allowed. Older versions lack the figure."""
    found = figures.get("copied")
    return found is not None and found.value is not None and found.value > (found.floor or 0.0) + MOST_COPIES


def warning(figures: Mapping[str, Figure]) -> str | None:
    """Return a warning about a version that copies its training pictures, with the remedy, else None."""
    if not copies(figures):
        return None
    value, floor = figures["copied"].value or 0.0, figures["copied"].floor or 0.0
    return (
        f"It copies: {value:.1%} of its pictures are copies of training pictures, against {floor:.1%} of real test "
        "pictures. Train on more pictures, for fewer images, or with augment 'adaptive'."
    )
