"""Names of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.manifest import Manifest
from tests.training.datasets.importing.making import classes, read, write
from training.datasets.importing.labels import class_names, ordered
from training.datasets.importing.options import Limits
from training.errors import DatasetError


def test_numbers_are_ordered_by_value_and_names_by_their_letters() -> None:
    assert ordered(["10", "9", "1"], Limits()) == ("1", "9", "10")
    assert ordered(["10", "9", "b", "A"], Limits()) == ("10", "9", "A", "b")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("cat", "cat"),
        ("Ankle boot", "Ankle-boot"),
        ("  two \t words ", "two-words"),
        ("Müller & Söhne", "Muller-&-Sohne"),
        ("Straße", "Strasse"),
        ("Łódź", "Lodz"),
        ("café\u0301", "cafe"),
        ("ﬁsh Ⅳ", "fish-IV"),
        ("a" * 80, "a" * 80),
    ],
)
def test_names_are_converted_to_ascii_without_spaces(label: str, name: str) -> None:
    assert class_names((label, "other"), {}) == (name, "other")
    pattern = next(m.pattern for m in Manifest.model_fields["classes"].annotation.__args__[0].__metadata__[0].metadata)
    import re

    assert re.fullmatch(pattern, name)


@pytest.mark.parametrize("label", ["кошка", "猫", "🐈", "a" * 81, "\x1b[31m"])
def test_names_that_cannot_be_converted_are_refused_with_the_remedy(label: str) -> None:
    with pytest.raises(DatasetError, match=r"needs a name of 1 to 80 ASCII characters.*--rename '.*=NAME'\.$") as error:
        class_names((label, "other"), {})
    assert "\x1b" not in str(error.value)
    assert class_names((label, "other"), {label: "cat"}) == ("cat", "other")


def test_names_that_collide_are_refused_with_the_remedy() -> None:
    with pytest.raises(DatasetError, match=r"'café' and 'cafe' would both be named 'cafe'\. Rename one, or add: --rename"):
        class_names(("café", "cafe"), {})
    assert class_names(("café", "cafe"), {"café": "bar"}) == ("bar", "cafe")


def test_an_unknown_class_to_rename_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"no class 'cow' to rename\. The classes are: cat, dog\."):
        class_names(("cat", "dog"), {"cow": "x"})


def test_renamed_folders_keep_their_pictures_and_the_report_has_both_names(tmp_path: Path) -> None:
    imported = read(write(tmp_path / "a", classes(12, "кошка", "Big dog")), renames={"кошка": "cat"})
    assert [(each.label, each.name) for each in imported.report.classes] == [("Big dog", "Big-dog"), ("кошка", "cat")]
    assert imported.contents.classes == ("Big-dog", "cat")
