"""The one way to touch a version."""

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
    """The shipped one but for a byte at its end, so that it counts as another."""
    copy_of_shipped(folder, number)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    (folder / GENERATOR).write_bytes((folder / GENERATOR).read_bytes() + b"\n")
    files = manifest.files | {GENERATOR: sha256_of(folder / GENERATOR)}
    (folder / MANIFEST).write_text(manifest.model_copy(update={"files": files}).model_dump_json())


def test_versions_are_numbered_in_order_and_the_first_becomes_champion(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "models")
    assert [repository.publish("digits", copy_of_shipped).number for _ in range(3)] == [1, 2, 3]
    assert repository.aliases("digits") == {"champion": 1}
    assert repository.names() == ["digits"]


def test_a_version_that_cannot_be_filled_leaves_nothing(tmp_path: Path) -> None:
    repository = Repository(tmp_path)

    def fill(folder: Path, number: int) -> None:
        copy_of_shipped(folder, number)
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        repository.publish("digits", fill)
    assert repository.names() == []
    assert [p.name for p in (tmp_path / "digits").iterdir()] == [".lock"]


def test_what_was_deleted_leaves_its_number_unused(repository: Repository) -> None:
    assert repository.publish("digits", copy_of_shipped).number == 2
    shutil.rmtree(repository.root / "digits" / "2")
    assert repository.publish("digits", copy_of_shipped).number == 3


def test_a_writer_killed_before_it_named_a_champion_is_made_good(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.publish("digits", copy_of_shipped)
    (tmp_path / "digits" / "aliases.json").unlink()
    (tmp_path / "digits" / "config.pbtxt").unlink()
    (tmp_path / "digits" / ".aliases.json.0123.part").write_text("{")
    repository.publish("digits", copy_of_shipped)
    assert repository.aliases("digits") == {"champion": 1}
    assert (tmp_path / "digits" / "config.pbtxt").exists()
    assert not list((tmp_path / "digits").glob(".*.part"))


def test_a_version_without_a_proper_manifest_is_not_published(tmp_path: Path) -> None:
    for content in (None, "{}"):

        def fill(folder: Path, number: int, content: str | None = content) -> None:
            if content:
                (folder / MANIFEST).write_text(content)

        with pytest.raises(Damaged, match="Export it again"):
            Repository(tmp_path).publish("digits", fill)


def test_a_damaged_version_does_not_keep_others_from_being_taken_in(tmp_path: Path) -> None:
    shipped = Repository(tmp_path / "shipped")
    for _ in range(2):
        shipped.publish("digits", copy_of_shipped)
    spoil_generator(shipped.root / "digits" / "1")
    state = Repository(tmp_path / "state")
    state.publish("digits", copy_of_shipped)
    (state.root / "digits" / "1" / MANIFEST).write_text("{")
    (taken,) = state.adopt(shipped)
    assert taken.number == 2


def test_a_version_that_is_not_what_its_manifest_says_is_not_published(tmp_path: Path) -> None:
    repository = Repository(tmp_path)

    def fill(folder: Path, number: int) -> None:
        copy_of_shipped(folder, number)
        (folder / GENERATOR).write_bytes(b"something else")

    with pytest.raises(Damaged, match="sha256"):
        repository.publish("digits", fill)
    assert repository.numbers("digits") == []


def test_what_a_killed_writer_left_is_never_a_version_and_is_cleared_away(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    half = tmp_path / "digits" / ".0123.part"
    half.mkdir(parents=True)
    (half / GENERATOR).write_bytes(b"half of it")
    assert repository.numbers("digits") == []
    assert repository.publish("digits", copy_of_shipped).number == 1
    assert not half.exists()


def _publish(root: Path) -> int:
    return Repository(root).publish("digits", copy_of_shipped).number


def _adopt(root: Path) -> int:
    return len(Repository(root).adopt(Repository(SHIPPED)))


def test_many_processes_publish_without_taking_each_others_number(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        numbers = pool.map(_publish, [tmp_path] * 8)
    assert sorted(numbers) == list(range(1, 9))
    for number in numbers:
        Repository(tmp_path).get("digits", number).verify()


def test_many_processes_take_a_shipped_version_in_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        taken = pool.map(_adopt, [tmp_path] * 4)
    repository = Repository(tmp_path)
    assert sum(taken) == len(repository.numbers("digits")) == len(Repository(SHIPPED).numbers("digits"))


def test_a_shipped_version_comes_in_under_the_next_free_number_and_does_not_dethrone(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.publish("digits", another_generator)
    (taken,) = repository.adopt(Repository(SHIPPED))
    assert (taken.number, taken.manifest.version) == (2, 2)
    assert taken.manifest.digest == Repository(SHIPPED).get("digits", 1).manifest.digest
    assert repository.aliases("digits") == {"champion": 1}
    assert repository.adopt(Repository(SHIPPED)) == []


@pytest.fixture
def two_shipped(tmp_path: Path) -> Repository:
    """Shipped models with two versions of the digits, of which the second is champion."""
    shipped = Repository(tmp_path / "shipped")
    shipped.publish("digits", copy_of_shipped)
    shipped.publish("digits", another_generator)
    shipped.promote("digits", 2)
    return shipped


def test_a_model_that_is_new_gets_the_shipped_champion(tmp_path: Path, two_shipped: Repository) -> None:
    repository = Repository(tmp_path / "models")
    assert len(repository.adopt(two_shipped)) == 2
    assert repository.aliases("digits")["champion"] == 2
    assert repository.get("digits", 2).manifest.digest == two_shipped.get("digits", 2).manifest.digest


def test_a_model_that_is_there_keeps_its_champion(tmp_path: Path, two_shipped: Repository) -> None:
    repository = Repository(tmp_path / "models")
    repository.adopt(Repository(SHIPPED))
    assert len(repository.adopt(two_shipped)) == 1
    assert repository.aliases("digits")["champion"] == 1


def test_a_shipped_champion_that_is_damaged_leaves_the_others_to_serve(tmp_path: Path, two_shipped: Repository) -> None:
    spoil_generator(two_shipped.root / "digits" / "2")
    (two_shipped.root / "digits" / "2" / MANIFEST).write_text("{")
    repository = Repository(tmp_path / "models")
    assert len(repository.adopt(two_shipped)) == 1
    assert repository.aliases("digits")["champion"] == 1


def test_promotion_remembers_the_one_before(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped)
    assert repository.promote("digits", 2) == {"champion": 2, "previous": 1}
    assert repository.promote("digits", 2) == {"champion": 2, "previous": 1}
    assert repository.promote("digits", 1) == {"champion": 1, "previous": 2}
    with pytest.raises(NotFound, match="Choose one of"):
        repository.promote("digits", 7)


def test_the_stamp_changes_with_a_promotion_and_with_a_publication(repository: Repository) -> None:
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
    ("spoil", "words"),
    [
        (spoil_generator, "sha256"),
        (lambda path: (path / GENERATOR).unlink(), "missing"),
        (lambda path: (path / MANIFEST).write_text("{"), "cannot be read"),
        (lambda path: path.rename(path.with_name("5")), "published, not copied"),
    ],
    ids=["flipped bit", "missing file", "broken manifest", "moved folder"],
)
def test_a_damaged_version_says_what_is_wrong_and_what_to_do(repository: Repository, spoil, words: str) -> None:
    spoil(repository.root / "digits" / "1")
    number = repository.numbers("digits")[0]
    with pytest.raises(Damaged, match=words):
        repository.get("digits", number).verify()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "Ä", "x" * 65, "A", "abc\n"])
def test_a_name_cannot_lead_out_of_the_repository(repository: Repository, name: str) -> None:
    assert repository.numbers(name) == []
    with pytest.raises(RepositoryError, match="is not a valid model name"):
        repository.publish(name, copy_of_shipped)
    with pytest.raises(RepositoryError, match="is not a valid model name"):
        repository.promote(name, 1)
    with pytest.raises(NotFound):
        repository.get(name, 1)
    assert [p.name for p in repository.root.iterdir()] == ["digits"]
    assert [p.name for p in repository.root.parent.iterdir()] == ["models"]


def test_promoting_what_is_not_there_makes_nothing(repository: Repository) -> None:
    with pytest.raises(NotFound, match="Choose one of"):
        repository.promote("nothing", 1)
    assert [p.name for p in repository.root.iterdir()] == ["digits"]


def test_triton_can_read_the_layout(repository: Repository) -> None:
    version: Version = repository.publish("digits", copy_of_shipped)
    config = (repository.root / "digits" / "config.pbtxt").read_text()
    assert 'default_model_filename: "generator.onnx"' in config
    assert f"dims: [ {version.manifest.z_dim} ]" in config
    assert (SHIPPED / "digits" / "config.pbtxt").read_text() == config


def test_a_promotion_decided_against_another_champion_changes_nothing(repository: Repository) -> None:
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


def test_a_version_that_is_a_link_can_be_deleted_and_what_it_points_to_stays(repository: Repository, tmp_path: Path) -> None:
    repository.publish("digits", copy_of_shipped)
    elsewhere = tmp_path / "elsewhere"
    (repository.root / "digits" / "2").rename(elsewhere)
    (repository.root / "digits" / "2").symlink_to(elsewhere)
    repository.delete("digits", 2)
    assert repository.numbers("digits") == [1]
    assert not list((repository.root / "digits").glob(".*.part"))
    assert (elsewhere / MANIFEST).is_file()


def test_a_shipped_version_that_was_deleted_is_not_taken_in_again(tmp_path: Path) -> None:
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


def test_a_copy_has_a_card_that_names_its_own_number(repository: Repository) -> None:
    version = repository.publish("digits", copier(repository.get("digits", 1), job="0123456789ab", parent=1))
    assert (version.manifest.job, version.manifest.parent) == ("0123456789ab", 1)
    assert "# digits/2\n" in (version.path / CARD).read_text()
    version.verify()
