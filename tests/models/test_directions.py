"""Directions beside a version: found again, never replaced, and added to a latent exactly."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from models import directions
from models.directions import FILE
from models.errors import Damaged, RepositoryError
from models.repository import Repository
from tests.live import SHIPPED
from tests.made_directions import add_to, made


def test_directions_are_read_back_and_do_not_change_the_version(repository: Repository) -> None:
    version = repository.get("digits", 1)
    before = sorted(path.name for path in version.path.iterdir())
    added = add_to(repository, version)
    assert directions.read(version.companion(FILE), version.manifest.digest, 100) == added
    assert sorted(path.name for path in version.path.iterdir()) == before
    version.verify()
    assert repository.names() == ["digits"]
    assert repository.numbers("digits") == sorted(Repository(repository.root).numbers("digits"))


def test_directions_are_never_replaced(repository: Repository) -> None:
    version = repository.get("digits", 1)
    added = add_to(repository, version)
    add_to(repository, version)  # the same content
    with pytest.raises(RepositoryError, match="publish a new version of the model"):
        repository.add_companion("digits", version.manifest.digest, FILE, b"{}")
    assert directions.read(version.companion(FILE), version.manifest.digest, 100) == added


def test_shipped_directions_are_adopted_also_for_versions_that_were_adopted_before(
    repository: Repository, tmp_path: Path
) -> None:
    own = Repository(tmp_path / "state")
    own.adopt(repository)
    version = own.get("digits", 1)
    assert not version.companion(FILE).exists()
    added = add_to(repository, repository.get("digits", 1))
    own.adopt(repository)
    assert directions.read(version.companion(FILE), version.manifest.digest, 100) == added


def test_own_directions_are_kept_when_others_are_shipped(
    repository: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = Repository(tmp_path / "state")
    own.adopt(repository)
    digest = own.get("digits", 1).manifest.digest
    own.add_companion("digits", digest, FILE, b"own")
    add_to(repository, repository.get("digits", 1))
    own.adopt(repository)
    assert own.get("digits", 1).companion(FILE).read_bytes() == b"own"
    assert "cannot adopt directions.json" in caplog.text


@pytest.mark.parametrize("damage", ["vector", "generator", "cut", "z_dim"])
def test_damaged_directions_are_refused(tmp_path: Path, damage: str) -> None:
    version = Repository(SHIPPED).get("digits", 1)
    found = made(version)
    content, digest, z_dim = found.model_dump(mode="json"), version.manifest.digest, 100
    if damage == "vector":
        content["directions"][0]["vector"][3] += 1e-6
    if damage == "generator":
        digest = "0" * 64
    if damage == "z_dim":
        z_dim = 99
    path = tmp_path / FILE
    text = directions.Directions.model_construct(**content).model_dump_json(warnings=False)
    path.write_text(text[: len(text) // 2] if damage == "cut" else text)
    with pytest.raises(Damaged):
        directions.read(path, digest, z_dim)


def test_an_edit_is_computed_in_order_in_float64_and_rounded_once() -> None:
    """Written with Python's floats, as the contract says."""
    random = np.random.RandomState(0)
    z, first, second = random.standard_normal((3, 100)).astype(np.float32)
    found = directions.shifted(z, [(1.1, first), (-0.3, second)])
    expected = [
        struct.unpack("<f", struct.pack("<f", (float(z[k]) + 1.1 * float(first[k])) + -0.3 * float(second[k])))[0]
        for k in range(100)
    ]
    assert found.dtype == np.float32
    assert found.tolist() == expected
    assert (directions.shifted(np.stack([z, first]), [(1.1, first), (-0.3, second)])[0] == found).all()
    other_order = directions.shifted(z, [(-0.3, second), (1.1, first)])
    assert np.abs(other_order - found).max() < 1e-6
