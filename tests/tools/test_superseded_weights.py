"""The command that removes the weights of superseded shipped versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.manifest import MANIFEST, WEIGHTS
from models.repository import Repository
from models.version import copier
from tests.live import ROOT
from tools.superseded_weights import main

CHAMPION = Repository(ROOT / "models").get("digits", Repository(ROOT / "models").aliases("digits")["champion"])


@pytest.fixture
def shipped(tmp_path: Path) -> Repository:
    """Three versions with weights. The second is the champion."""
    repository = Repository(tmp_path / "models")
    for _ in range(3):
        repository.publish("digits", copier(CHAMPION))
    repository.promote("digits", 2)
    return repository


def test_only_the_champion_keeps_its_weights_and_nothing_else_changes(
    shipped: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {number: shipped.get("digits", number) for number in (1, 2, 3)}
    texts = {number: (version.path / MANIFEST).read_text() for number, version in before.items()}
    main(shipped)
    size = (before[2].path / WEIGHTS).stat().st_size
    assert capsys.readouterr().out == "".join(f"digits/{number}: removed {size:,} bytes\n" for number in (1, 3))
    assert (before[2].path / MANIFEST).read_text() == texts[2]
    for number in (1, 3):
        after = shipped.get("digits", number)
        after.verify()
        assert not (after.path / WEIGHTS).exists()
        files = {file: digest for file, digest in before[number].manifest.files.items() if file != WEIGHTS}
        assert after.manifest == before[number].manifest.model_copy(update={"files": files})
        line = f'    "{WEIGHTS}": "{before[number].manifest.files[WEIGHTS]}"'
        removed = set(texts[number].splitlines()) - set((after.path / MANIFEST).read_text().splitlines())
        assert {text.rstrip(",") for text in removed} == {line}
    main(shipped)
    assert capsys.readouterr().out == "", "there is nothing left to remove"


def test_a_service_adopts_a_version_without_weights_and_does_not_adopt_it_twice(shipped: Repository, tmp_path: Path) -> None:
    state = Repository(tmp_path / "state")
    main(shipped)
    assert [version.manifest.digest for version in state.adopt(shipped)] == [CHAMPION.manifest.digest]
    assert state.adopt(shipped) == []


def test_a_manifest_of_another_format_is_left_as_it_is(shipped: Repository) -> None:
    path = shipped.get("digits", 1).path / MANIFEST
    text = path.read_text().replace(f'"{WEIGHTS}": ', f'"{WEIGHTS}" : ')
    path.write_text(text)
    with pytest.raises(ValueError, match="Restore it from git"):
        main(shipped)
    assert path.read_text() == text
    assert (path.parent / WEIGHTS).exists()
