"""Damaged files of a model repository raise documented errors and nothing else."""

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
from tests.fuzz.budget import check_message, max_examples
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
    """A manifest with one value changed, removed or added, or damaged bytes."""
    content = json.loads(MANIFEST)
    node: Any = content
    while True:
        key = draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
        if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
            node = node[key]
            continue
        break
    mutation = draw(st.sampled_from(["value", "value", "drop", "add"]))
    if mutation == "value":
        node[key] = draw(LEAVES)
    elif mutation == "drop":
        del node[key]
    elif isinstance(node, dict):
        node[draw(st.text(max_size=8) | st.just("../../x"))] = draw(LEAVES)
    text = json.dumps(content).encode()
    return draw(st.just(text) | st.just(text) | st.just(text) | damaged([text, MANIFEST, b"[" * 5000, b"{}"]))


def _version_or_none(content: bytes, models: Path) -> Version | None:
    (models / "digits" / "1" / "manifest.json").write_bytes(content)
    try:
        return Repository(models).get("digits", 1)
    except Damaged as error:
        check_message(error)
        return None


@max_examples(35)
@given(content=manifests())
@example(content=MANIFEST)
@example(content=b"\xff")
@example(content=b"[" * 100_000)
def test_an_invalid_manifest_makes_its_version_damaged(models: Path, content: bytes) -> None:
    try:
        manifest: Manifest | None = Manifest.model_validate_json(content)
    except ValidationError:
        manifest = None
    version = _version_or_none(content, models)
    assert (version is not None) == (manifest is not None and (manifest.name, manifest.version) == ("digits", 1))
    if version is None:
        return
    try:
        version.verify()
    except Damaged as error:
        check_message(error)
    else:
        assert {GENERATOR, DISCRIMINATOR} <= set(version.manifest.files)


@max_examples(5)
@given(content=manifests())
@example(content=MANIFEST)
def test_a_version_with_a_damaged_manifest_is_loaded_or_unusable(models: Path, content: bytes) -> None:
    version = _version_or_none(content, models)
    assume(version is not None)
    for load in (LoadedGenerator, LoadedDiscriminator):
        try:
            loaded = load(version)
        except VersionUnusable as error:
            check_message(error)
        else:
            assert loaded.manifest == version.manifest


ALIASES = [b'{"champion": 1}\n', b'{"champion": 3, "previous": 2}', b'{"champion": "1"}', b'{"champion": 1.0}', b"[1]", b"null"]
ALIASES += [
    b'{"champion": ' + b"9" * 5000 + b"}",
    b'{"a":' * 5000,
    b"\xef\xbb\xbf{}",
    b'{"champion": -1}',
    b'{"champion": NaN}',
]


@max_examples(40)
@given(content=damaged(ALIASES) | st.binary(max_size=40))
@example(content=b"[" * 100_000)
def test_aliases_map_strings_to_integers_or_are_damaged(models: Path, content: bytes) -> None:
    (models / "digits" / "aliases.json").write_bytes(content)
    try:
        aliases = Repository(models).aliases("digits")
    except Damaged as error:
        check_message(error)
        return
    assert all(isinstance(alias, str) and isinstance(number, int) for alias, number in aliases.items())


DIGEST = Manifest.model_validate_json(MANIFEST).digest


@max_examples(5)
@given(
    aliases=damaged(ALIASES[:2]) | st.binary(max_size=10),
    deleted=damaged([json.dumps([DIGEST]).encode()]) | st.sampled_from([b"{}", b"1", b"null", b"[[1]]", b"\xff"]),
    highest=damaged([b"7\n"]) | st.sampled_from([b"-5", b"1_0", b"", b"\xff", b"x"]),
)
def test_adopting_the_shipped_models_never_raises(
    tmp_path_factory: pytest.TempPathFactory, aliases: bytes, deleted: bytes, highest: bytes
) -> None:
    """The models are adopted, or an error is logged. Either way, the service starts."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "digits").mkdir()
    for name, content in (("aliases.json", aliases), (".deleted", deleted), (".highest", highest)):
        (folder / "digits" / name).write_bytes(content)
    adopted = Repository(folder).adopt(Repository(SHIPPED))
    assert {version.number for version in adopted} <= set(Repository(folder).numbers("digits"))
    shutil.rmtree(folder)


GENERATOR_BYTES = (SHIPPED / "digits" / "1" / GENERATOR).read_bytes()


@max_examples(5)
@given(start=st.integers(0, 400), patch=st.binary(min_size=1, max_size=8))
def test_a_modified_generator_is_never_loaded(models: Path, start: int, patch: bytes) -> None:
    changed = GENERATOR_BYTES[:start] + patch + GENERATOR_BYTES[start + len(patch) :]
    assume(changed != GENERATOR_BYTES)
    path = models / "digits" / "1" / GENERATOR
    path.write_bytes(changed)
    (models / "digits" / "1" / "manifest.json").write_bytes(MANIFEST)
    try:
        with pytest.raises(VersionUnusable, match="sha256"):
            LoadedGenerator(Repository(models).get("digits", 1))
    finally:
        path.write_bytes(GENERATOR_BYTES)
