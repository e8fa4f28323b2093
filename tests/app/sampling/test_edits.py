"""Edits as text, and the directions that they name."""

from __future__ import annotations

import numpy as np
import pytest

from app.errors import EditInvalid, VersionUnusable
from app.sampling.edits import edit_of, parse_edit
from app.sampling.generator import LoadedGenerator
from app.sampling.pictures import Drawing, resolve
from models.directions import FILE, shifted
from models.repository import Repository
from tests.made_directions import add_to


def test_an_edit_is_a_list_of_names_with_amounts() -> None:
    assert parse_edit("slant:1.5,thickness:-0.5") == (("slant", 1.5), ("thickness", -0.5))
    assert parse_edit(" slant : +.5e1 ") == (("slant", 5.0),)
    assert edit_of({"slant": 1}) == (("slant", 1.0),)
    assert edit_of(None) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "slant",
        "slant:",
        "slant:x",
        "slant:nan",
        "slant:inf",
        "slant:1e99",
        "slant:10.01",
        "slant:1,",
        "slant:1,slant:2",
        "slant:1:2",
    ],
)
def test_what_is_no_edit_is_refused(text: str) -> None:
    with pytest.raises(EditInvalid) as error:
        parse_edit(text)
    assert str(error.value).endswith(".")


def test_equivalent_edits_are_one_request(repository: Repository) -> None:
    version = repository.get("digits", 1)
    added = add_to(repository, version)
    generator = LoadedGenerator(version)

    def key(edit: str, **fields: object) -> list[object]:
        return resolve(Drawing(seeds=(1,), edit=parse_edit(edit), **fields), generator).cache_key()  # type: ignore[arg-type]

    plain = resolve(Drawing(seeds=(1,)), generator).cache_key()
    assert key("slant:0") == key("sefa1:-0,slant:0") == plain
    assert key("slant:1,sefa1:2") == key("sefa1:2.0,slant:1e0") != key("slant:2,sefa1:1")
    assert added.sha256 in repr(key("slant:1"))


def test_psi_applies_before_the_edit_and_the_edit_in_the_order_of_the_directions(repository: Repository) -> None:
    version = repository.get("digits", 1)
    slant, sefa = (np.array(each.vector, dtype=np.float32) for each in add_to(repository, version).directions)
    generator = LoadedGenerator(version)
    z = generator.point(7)[0].z
    points, _ = resolve(Drawing(seeds=(7,), psi=0.5, edit=(("sefa1", -0.7), ("slant", 0.3))), generator).points()
    assert (points[0].z == shifted(z * np.float32(0.5), [(0.3, slant), (-0.7, sefa)])).all()


def test_directions_that_are_added_to_a_loaded_version_are_found(repository: Repository) -> None:
    version = repository.get("digits", 1)
    generator = LoadedGenerator(version)
    with pytest.raises(EditInvalid, match="has no directions"):
        generator.edit((("slant", 1.0),))
    add_to(repository, version)
    assert generator.edit((("slant", 1.0),)) is not None
    with pytest.raises(EditInvalid, match="Choose one of slant, sefa1"):
        generator.edit((("width", 1.0),))


def test_with_damaged_directions_only_edits_fail(repository: Repository) -> None:
    version = repository.get("digits", 1)
    repository.add_companion("digits", version.manifest.digest, FILE, b"{")
    generator = LoadedGenerator(version)
    assert generator.draw(generator.golden_points()).any()
    with pytest.raises(VersionUnusable, match="Restore it"):
        generator.edit((("slant", 1.0),))
