"""A model's files, changed by whoever: what cannot be read is said to be damaged, and nothing else happens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.discriminator.network import LoadedDiscriminator
from app.errors import VersionUnusable
from app.sampling.generator import LoadedGenerator
from models.errors import Damaged
from models.manifest import DISCRIMINATOR, GENERATOR, Manifest
from models.repository import Repository
from models.version import Version
from tests.fuzz.budget import is_told, tries
from tests.fuzz.mutation import damaged
from tests.live import SHIPPED

MANIFEST = (SHIPPED / "digits" / "1" / "manifest.json").read_bytes()
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
LEAVES |= st.sampled_from([[], {}, "../../x", "/etc/passwd", "\0", -1, 2**70, "digits", "1", 1, "x" * 300, "a|b\nc"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(SHIPPED / "digits", folder / "digits")
    return folder


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    """The manifest with one value of another kind, or damaged bytes."""
    content = json.loads(MANIFEST)
    place: Any = content
    while True:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        break
    injury = draw(st.sampled_from(["value", "value", "drop", "add"]))
    if injury == "value":
        place[key] = draw(LEAVES)
    elif injury == "drop":
        del place[key]
    elif isinstance(place, dict):
        place[draw(st.text(max_size=8) | st.just("../../x"))] = draw(LEAVES)
    text = json.dumps(content).encode()
    return draw(st.just(text) | st.just(text) | st.just(text) | damaged([text, MANIFEST, b"[" * 5000, b"{}"]))


def _read(content: bytes, models: Path) -> Version | None:
    (models / "digits" / "1" / "manifest.json").write_bytes(content)
    try:
        return Repository(models).get("digits", 1)
    except Damaged as error:
        is_told(error)
        return None


@tries(35)
@given(content=manifests())
@example(content=MANIFEST)
@example(content=b"\xff")
@example(content=b"[" * 100_000)
def test_a_manifest_is_one_or_the_version_is_damaged(models: Path, content: bytes) -> None:
    try:
        alone: Manifest | None = Manifest.model_validate_json(content)
    except ValidationError:
        alone = None
    found = _read(content, models)
    assert (found is not None) == (alone is not None and (alone.name, alone.version) == ("digits", 1))
    if found is None:
        return
    try:
        found.verify()
    except Damaged as error:
        is_told(error)
    else:
        assert {GENERATOR, DISCRIMINATOR} <= set(found.manifest.files)


@tries(5)
@given(content=manifests())
@example(content=MANIFEST)
def test_a_version_is_loaded_or_unusable(models: Path, content: bytes) -> None:
    found = _read(content, models)
    assume(found is not None)
    for load in (LoadedGenerator, LoadedDiscriminator):
        try:
            loaded = load(found)
        except VersionUnusable as error:
            is_told(error)
        else:
            assert loaded.manifest == found.manifest


ALIASES = [b'{"champion": 1}\n', b'{"champion": 3, "previous": 2}', b'{"champion": "1"}', b'{"champion": 1.0}', b"[1]", b"null"]
ALIASES += [
    b'{"champion": ' + b"9" * 5000 + b"}",
    b'{"a":' * 5000,
    b"\xef\xbb\xbf{}",
    b'{"champion": -1}',
    b'{"champion": NaN}',
]


@tries(40)
@given(content=damaged(ALIASES) | st.binary(max_size=40))
@example(content=b"[" * 100_000)
def test_aliases_are_numbers_or_damaged(models: Path, content: bytes) -> None:
    (models / "digits" / "aliases.json").write_bytes(content)
    try:
        found = Repository(models).aliases("digits")
    except Damaged as error:
        is_told(error)
        return
    assert all(isinstance(alias, str) and isinstance(number, int) for alias, number in found.items())


DIGEST = Manifest.model_validate_json(MANIFEST).digest


@tries(5)
@given(
    aliases=damaged(ALIASES[:2]) | st.binary(max_size=10),
    deleted=damaged([json.dumps([DIGEST]).encode()]) | st.sampled_from([b"{}", b"1", b"null", b"[[1]]", b"\xff"]),
    highest=damaged([b"7\n"]) | st.sampled_from([b"-5", b"1_0", b"", b"\xff", b"x"]),
)
def test_what_is_shipped_is_taken_in_whatever_the_state_says(
    tmp_path_factory: pytest.TempPathFactory, aliases: bytes, deleted: bytes, highest: bytes
) -> None:
    """Or it is not, and the log says so; the service starts all the same."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "digits").mkdir()
    for name, content in (("aliases.json", aliases), (".deleted", deleted), (".highest", highest)):
        (folder / "digits" / name).write_bytes(content)
    taken = Repository(folder).adopt(Repository(SHIPPED))
    assert {version.number for version in taken} <= set(Repository(folder).numbers("digits"))
    shutil.rmtree(folder)


ONNX = (SHIPPED / "digits" / "1" / GENERATOR).read_bytes()


@tries(5)
@given(start=st.integers(0, 400), patch=st.binary(min_size=1, max_size=8))
def test_a_generator_that_was_changed_is_never_run(models: Path, start: int, patch: bytes) -> None:
    changed = ONNX[:start] + patch + ONNX[start + len(patch) :]
    assume(changed != ONNX)
    path = models / "digits" / "1" / GENERATOR
    path.write_bytes(changed)
    (models / "digits" / "1" / "manifest.json").write_bytes(MANIFEST)
    try:
        with pytest.raises(VersionUnusable, match="sha256"):
            LoadedGenerator(Repository(models).get("digits", 1))
    finally:
        path.write_bytes(ONNX)
