"""The model repository: publishing, adopting, promoting and deleting versions."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest

from models.errors import Changed, Damaged, InService, NotFound, RepositoryError
from models.manifest import CARD, GENERATOR, MANIFEST, Manifest, sha256_of
from models.repository import Repository
from models.version import Version, copier
from tests.live import SHIPPED


def copy_of_shipped(folder: Path, number: int) -> None:
    source = SHIPPED / "digits" / "1"
    for file in source.iterdir():
        shutil.copyfile(file, folder / file.name)
    manifest = json.loads((source / MANIFEST).read_text()) | {"version": number}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def another_generator(folder: Path, number: int) -> None:
    """Write the shipped version with a byte appended to its generator, which gives it another sha256."""
    copy_of_shipped(folder, number)
    _append_a_byte(folder)


def a_third_generator(folder: Path, number: int) -> None:
    another_generator(folder, number)
    _append_a_byte(folder)


def _append_a_byte(folder: Path) -> None:
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    (folder / GENERATOR).write_bytes((folder / GENERATOR).read_bytes() + b"\n")
    files = manifest.files | {GENERATOR: sha256_of(folder / GENERATOR)}
    (folder / MANIFEST).write_text(manifest.model_copy(update={"files": files}).model_dump_json())


def test_versions_are_numbered_in_order_and_the_first_becomes_champion(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "models")
    assert [repository.publish("digits", copy_of_shipped).number for _ in range(3)] == [1, 2, 3]
    assert repository.aliases("digits") == {"champion": 1}
    assert repository.names() == ["digits"]


def test_a_failed_publication_leaves_no_version(tmp_path: Path) -> None:
    repository = Repository(tmp_path)

    def fill(folder: Path, number: int) -> None:
        copy_of_shipped(folder, number)
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        repository.publish("digits", fill)
    assert repository.names() == []
    assert [p.name for p in (tmp_path / "digits").iterdir()] == [".lock"]


def test_the_number_of_a_deleted_version_is_not_reused(repository: Repository) -> None:
    assert repository.publish("digits", copy_of_shipped).number == 2
    shutil.rmtree(repository.root / "digits" / "2")
    assert repository.publish("digits", copy_of_shipped).number == 3


def test_the_next_publication_completes_that_of_a_killed_writer(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.publish("digits", copy_of_shipped)
    (tmp_path / "digits" / "aliases.json").unlink()
    (tmp_path / "digits" / "config.pbtxt").unlink()
    (tmp_path / "digits" / ".aliases.json.0123.part").write_text("{")
    repository.publish("digits", copy_of_shipped)
    assert repository.aliases("digits") == {"champion": 1}
    assert (tmp_path / "digits" / "config.pbtxt").exists()
    assert not list((tmp_path / "digits").glob(".*.part"))


def test_a_version_without_a_valid_manifest_is_not_published(tmp_path: Path) -> None:
    for content in (None, "{}"):

        def fill(folder: Path, number: int, content: str | None = content) -> None:
            if content:
                (folder / MANIFEST).write_text(content)

        with pytest.raises(Damaged, match="Export it again"):
            Repository(tmp_path).publish("digits", fill)


def test_a_damaged_version_does_not_prevent_the_adoption_of_others(tmp_path: Path) -> None:
    shipped = Repository(tmp_path / "shipped")
    for _ in range(2):
        shipped.publish("digits", copy_of_shipped)
    spoil_generator(shipped.root / "digits" / "1")
    state = Repository(tmp_path / "state")
    state.publish("digits", copy_of_shipped)
    (state.root / "digits" / "1" / MANIFEST).write_text("{")
    (adopted,) = state.adopt(shipped)
    assert adopted.number == 2


def test_a_version_that_does_not_match_its_manifest_is_not_published(tmp_path: Path) -> None:
    repository = Repository(tmp_path)

    def fill(folder: Path, number: int) -> None:
        copy_of_shipped(folder, number)
        (folder / GENERATOR).write_bytes(b"something else")

    with pytest.raises(Damaged, match="sha256"):
        repository.publish("digits", fill)
    assert repository.numbers("digits") == []


def test_files_of_a_killed_writer_are_not_a_version_and_are_removed(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    leftover = tmp_path / "digits" / ".0123.part"
    leftover.mkdir(parents=True)
    (leftover / GENERATOR).write_bytes(b"incomplete")
    assert repository.numbers("digits") == []
    assert repository.publish("digits", copy_of_shipped).number == 1
    assert not leftover.exists()


def _publish(root: Path) -> int:
    return Repository(root).publish("digits", copy_of_shipped).number


def _adopt(root: Path) -> int:
    return len(Repository(root).adopt(Repository(SHIPPED)))


def test_concurrent_publications_get_different_numbers(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        numbers = pool.map(_publish, [tmp_path] * 8)
    assert sorted(numbers) == list(range(1, 9))
    for number in numbers:
        Repository(tmp_path).get("digits", number).verify()


def test_concurrent_processes_adopt_a_shipped_version_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        counts = pool.map(_adopt, [tmp_path] * 4)
    repository = Repository(tmp_path)
    assert sum(counts) == len(repository.numbers("digits")) == len(Repository(SHIPPED).numbers("digits"))


def test_an_adopted_version_gets_the_next_number_and_does_not_replace_the_champion(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.publish("digits", another_generator)
    (adopted,) = repository.adopt(Repository(SHIPPED))
    assert (adopted.number, adopted.manifest.version) == (2, 2)
    assert adopted.manifest.digest == Repository(SHIPPED).get("digits", 1).manifest.digest
    assert repository.aliases("digits") == {"champion": 1}
    assert repository.adopt(Repository(SHIPPED)) == []


@pytest.fixture
def two_shipped(tmp_path: Path) -> Repository:
    """A shipped repository with two versions of digits. The second is champion."""
    shipped = Repository(tmp_path / "shipped")
    shipped.publish("digits", copy_of_shipped)
    shipped.publish("digits", another_generator)
    shipped.promote("digits", 2)
    return shipped


def test_a_new_model_gets_the_shipped_champion(tmp_path: Path, two_shipped: Repository) -> None:
    repository = Repository(tmp_path / "models")
    assert len(repository.adopt(two_shipped)) == 2
    assert repository.aliases("digits")["champion"] == 2
    assert repository.get("digits", 2).manifest.digest == two_shipped.get("digits", 2).manifest.digest


def test_a_new_model_gets_the_shipped_previous_champion(tmp_path: Path, two_shipped: Repository) -> None:
    repository = Repository(tmp_path / "models")
    two_shipped.publish("digits", a_third_generator)
    two_shipped.promote("digits", 3)
    assert two_shipped.aliases("digits") == {"champion": 3, "previous": 2}
    repository.adopt(two_shipped)
    assert repository.aliases("digits") == {"champion": 3, "previous": 2}, "not the first version, which was never champion"
    assert [(each.version, each.instead_of, each.how) for each in repository.history("digits")] == [(3, None, "shipped")]


def test_a_new_model_without_a_shipped_previous_version_gets_the_shipped_champion(
    tmp_path: Path, two_shipped: Repository
) -> None:
    two_shipped.delete("digits", 1)
    (two_shipped.root / "digits" / "aliases.json").write_text('{"champion": 2, "previous": 1}')
    repository = Repository(tmp_path / "models")
    repository.adopt(two_shipped)
    assert repository.aliases("digits") == {"champion": 1}
    assert repository.get("digits", 1).manifest.digest == two_shipped.get("digits", 2).manifest.digest


def test_an_existing_model_keeps_its_champion(tmp_path: Path, two_shipped: Repository) -> None:
    repository = Repository(tmp_path / "models")
    repository.adopt(Repository(SHIPPED))
    assert len(repository.adopt(two_shipped)) == 1
    assert repository.aliases("digits")["champion"] == 1


def test_if_the_shipped_champion_is_damaged_another_version_becomes_champion(tmp_path: Path, two_shipped: Repository) -> None:
    spoil_generator(two_shipped.root / "digits" / "2")
    (two_shipped.root / "digits" / "2" / MANIFEST).write_text("{")
    repository = Repository(tmp_path / "models")
    assert len(repository.adopt(two_shipped)) == 1
    assert repository.aliases("digits")["champion"] == 1


def test_promotion_keeps_the_previous_champion_as_an_alias(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped)
    assert repository.promote("digits", 2) == {"champion": 2, "previous": 1}
    assert repository.promote("digits", 2) == {"champion": 2, "previous": 1}
    assert repository.promote("digits", 1) == {"champion": 1, "previous": 2}
    with pytest.raises(NotFound, match="Choose one of"):
        repository.promote("digits", 7)


def test_the_stamp_changes_with_promotions_publications_and_damage(repository: Repository) -> None:
    stamps = [repository.stamp("digits")]
    repository.publish("digits", copy_of_shipped)
    stamps.append(repository.stamp("digits"))
    repository.promote("digits", 2)
    stamps.append(repository.stamp("digits"))
    assert len(set(stamps)) == 3
    spoil_generator(repository.root / "digits" / "1")
    assert repository.stamp("digits") != stamps.pop()
    stamps.append(repository.stamp("digits"))
    assert repository.stamp("digits") == stamps[-1]


def spoil_generator(path: Path) -> None:
    content = bytearray((path / GENERATOR).read_bytes())
    content[len(content) // 2] ^= 1
    (path / GENERATOR).write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (spoil_generator, "sha256"),
        (lambda path: (path / GENERATOR).unlink(), "missing"),
        (lambda path: (path / MANIFEST).write_text("{"), "cannot be read"),
        (lambda path: path.rename(path.with_name("5")), "published, not copied"),
    ],
    ids=["flipped bit", "missing file", "broken manifest", "moved folder"],
)
def test_the_error_about_a_damaged_version_has_the_cause(repository: Repository, damage, words: str) -> None:
    damage(repository.root / "digits" / "1")
    number = repository.numbers("digits")[0]
    with pytest.raises(Damaged, match=words):
        repository.get("digits", number).verify()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "Ä", "x" * 65, "A", "abc\n"])
def test_a_model_name_cannot_escape_the_repository(repository: Repository, name: str) -> None:
    assert repository.numbers(name) == []
    with pytest.raises(RepositoryError, match="is not a valid model name"):
        repository.publish(name, copy_of_shipped)
    with pytest.raises(RepositoryError, match="is not a valid model name"):
        repository.promote(name, 1)
    with pytest.raises(NotFound):
        repository.get(name, 1)
    assert [p.name for p in repository.root.iterdir()] == ["digits"]
    assert [p.name for p in repository.root.parent.iterdir()] == ["models"]


def test_promoting_a_missing_model_creates_no_files(repository: Repository) -> None:
    with pytest.raises(NotFound, match="Choose one of"):
        repository.promote("nothing", 1)
    assert [p.name for p in repository.root.iterdir()] == ["digits"]


def test_triton_can_read_the_layout(repository: Repository) -> None:
    version: Version = repository.publish("digits", copy_of_shipped)
    config = (repository.root / "digits" / "config.pbtxt").read_text()
    assert 'default_model_filename: "generator.onnx"' in config
    assert f"dims: [ {version.manifest.z_dim} ]" in config
    assert (SHIPPED / "digits" / "config.pbtxt").read_text() == config


def test_a_promotion_based_on_an_outdated_champion_changes_nothing(repository: Repository) -> None:
    for _ in range(2):
        repository.publish("digits", copy_of_shipped)
    repository.promote("digits", 2, instead_of=1)
    with pytest.raises(Changed, match="is now 2, no longer 1"):
        repository.promote("digits", 3, instead_of=1)
    assert repository.aliases("digits") == {"champion": 2, "previous": 1}


def test_a_version_that_is_not_champion_can_be_deleted(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped)
    with pytest.raises(InService, match="Promote another version first"):
        repository.delete("digits", 1)
    repository.promote("digits", 2)
    repository.delete("digits", 1)
    assert repository.numbers("digits") == [2]
    assert repository.aliases("digits") == {"champion": 2}
    assert not list((repository.root / "digits").glob(".*.part"))
    with pytest.raises(NotFound):
        repository.delete("digits", 1)
    assert repository.publish("digits", copy_of_shipped).number == 3


def test_deleting_a_symlinked_version_keeps_the_target(repository: Repository, tmp_path: Path) -> None:
    repository.publish("digits", copy_of_shipped)
    elsewhere = tmp_path / "elsewhere"
    (repository.root / "digits" / "2").rename(elsewhere)
    (repository.root / "digits" / "2").symlink_to(elsewhere)
    repository.delete("digits", 2)
    assert repository.numbers("digits") == [1]
    assert not list((repository.root / "digits").glob(".*.part"))
    assert (elsewhere / MANIFEST).is_file()


def test_a_deleted_shipped_version_is_not_adopted_again(tmp_path: Path) -> None:
    shipped, state = Repository(SHIPPED), Repository(tmp_path / "models")
    state.adopt(shipped)

    def another(folder: Path, number: int) -> None:
        copy_of_shipped(folder, number)
        (folder / GENERATOR).write_bytes(b"another generator")
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["files"][GENERATOR] = sha256_of(folder / GENERATOR)
        (folder / MANIFEST).write_text(json.dumps(manifest))

    assert state.publish("digits", another).number == 2
    state.promote("digits", 2)
    state.delete("digits", 1)
    assert state.adopt(shipped) == []
    assert state.numbers("digits") == [2]


def test_the_card_of_a_copied_version_shows_its_new_number(repository: Repository) -> None:
    version = repository.publish("digits", copier(repository.get("digits", 1), job="0123456789ab", parent=1))
    assert (version.manifest.job, version.manifest.parent) == ("0123456789ab", 1)
    assert "# digits/2\n" in (version.path / CARD).read_text()
    version.verify()
