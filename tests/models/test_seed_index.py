"""The index of seeds finds the seed of a picture, and what an exhaustive search finds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models import seed_contract, seed_index, seed_index_build
from models.errors import Damaged, RepositoryError
from models.seed_index import CODES, FILES, INFO, SEEDS, SeedIndex, compared
from models.seed_index_build import Plan, build, is_being_built

DIGEST = "ab" * 32
SEEDS_BUILT = 1_200
SHAPES = np.random.RandomState(0).standard_normal((12, 784)) * 60
PLAN = Plan(DIGEST, SEEDS_BUILT, dims=16)


def draw(seeds: range | list[int]) -> np.ndarray:
    """Return made pictures of seeds: mixtures of twelve shapes, with noise that no component explains."""
    numbers, _ = seed_contract.draw_many(list(seeds), 12)
    noise = np.sin(np.outer(numbers[:, 0], np.arange(1, 785)) * 50) * 4
    return np.clip(numbers @ SHAPES + noise + 128, 0, 255).astype(np.uint8).reshape(-1, 28, 28)


@pytest.fixture(scope="module", autouse=True)
def _small_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seed_index_build, "PART", 256)
        yield


@pytest.fixture(scope="module")
def folder(_small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 1,200 seeds."""
    return build(tmp_path_factory.mktemp("indexes"), PLAN, draw)


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / folder.name


def test_the_picture_of_a_seed_finds_the_seed(folder: Path) -> None:
    index = SeedIndex(folder, DIGEST)
    for seed in range(0, SEEDS_BUILT, 61):
        first, second = index.nearest(draw([seed])[0], 2, draw)
        assert (first.seed, first.error) == (seed, 0.0)
        assert second.error > 0


def test_every_seed_is_in_the_index_once(folder: Path) -> None:
    assert sorted(np.load(folder / SEEDS).tolist()) == list(range(SEEDS_BUILT))
    assert not list(folder.glob("*/")), "the parts are removed"


def test_the_index_finds_what_an_exhaustive_search_finds(folder: Path) -> None:
    index, everything = SeedIndex(folder, DIGEST), list(range(SEEDS_BUILT))
    drawn, shared = draw(everything), []
    for query in draw(range(10_000, 10_020)):
        expected = compared(query, everything, drawn)[:10]
        found = index.nearest(query, 10, draw)
        assert found[0] == expected[0]
        shared.append(len({each.seed for each in found} & {each.seed for each in expected}))
    assert np.mean(shared) >= 9.5


def test_errors_are_exact_and_ascending(folder: Path) -> None:
    query = draw([123_456])[0]
    found = SeedIndex(folder, DIGEST).nearest(query, 20, draw)
    errors = [each.error for each in found]
    assert errors == sorted(errors)
    for each in found:
        difference = draw([each.seed])[0].astype(float) - query
        assert each.error == pytest.approx(np.sqrt((difference**2).mean()), abs=1e-3)


def test_equal_errors_are_ordered_by_seed() -> None:
    black = np.zeros((3, 28, 28), np.uint8)
    assert [each.seed for each in compared(black[0], [9, 3, 5], black)] == [3, 5, 9]


def test_an_interrupted_build_continues_with_the_next_part(folder: Path, tmp_path: Path) -> None:
    calls: list[range] = []

    def interrupted(seeds: range) -> np.ndarray:
        if len(calls) == 7:  # five for the components, two parts
            raise KeyboardInterrupt
        calls.append(seeds)
        return draw(seeds)

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, PLAN, interrupted)
    assert seed_index.find(tmp_path, DIGEST) is None, "an incomplete index is not used"
    again: list[range] = []

    def remaining(seeds: range) -> np.ndarray:
        again.append(seeds)
        return draw(seeds)

    continued = build(tmp_path, PLAN, remaining)
    assert again == [range(512, 768), range(768, 1024), range(1024, 1200)]
    for file in (SEEDS, CODES):
        assert (continued / file).read_bytes() == (folder / file).read_bytes()


def test_a_complete_index_is_not_built_again(folder: Path) -> None:
    def never(seeds: range) -> np.ndarray:
        raise AssertionError(seeds)

    assert build(folder.parents[1], PLAN, never) == folder


def test_two_processes_do_not_build_the_same_index(tmp_path: Path) -> None:
    plan = Plan(DIGEST, 300, dims=16)

    def meanwhile(seeds: range) -> np.ndarray:
        with pytest.raises(RepositoryError, match="Another process is building"):
            build(tmp_path, plan, draw)
        assert is_being_built(tmp_path, DIGEST, 300)
        return draw(seeds)

    assert not is_being_built(tmp_path, DIGEST, 300)
    assert (build(tmp_path, plan, meanwhile) / INFO).is_file()
    assert not is_being_built(tmp_path, DIGEST, 300)


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_refused(copied: Path, file: str) -> None:
    content = bytearray((copied / file).read_bytes())
    content[-1] ^= 1
    (copied / file).write_bytes(content)
    with pytest.raises(Damaged, match=r"Delete the folder and build the index again\.$"):
        SeedIndex(copied, DIGEST)


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 10_000])
def test_a_damaged_description_is_refused(copied: Path, content: bytes) -> None:
    (copied / INFO).write_bytes(content)
    with pytest.raises(Damaged, match=r"Delete the folder and build the index again\.$"):
        SeedIndex(copied, DIGEST)


def test_the_index_of_another_generator_is_refused(folder: Path) -> None:
    with pytest.raises(Damaged, match="belongs to another generator"):
        SeedIndex(folder, "cd" * 32)


def test_the_largest_complete_index_is_used(tmp_path: Path) -> None:
    assert seed_index.find(tmp_path, DIGEST) is None
    for seeds, is_complete in ((500, True), (4_000, True), (90_000, False)):
        place = seed_index.folder_of(tmp_path, DIGEST, seeds)
        place.mkdir(parents=True)
        if is_complete:
            (place / INFO).touch()
    assert seed_index.find(tmp_path, DIGEST) == seed_index.folder_of(tmp_path, DIGEST, 4_000)
