"""Directions for tests, made without measuring anything."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from models.directions import FILE, Direction, Directions, Effect, digest_of
from models.repository import Repository
from models.version import Version


def made(version: Version) -> Directions:
    """Return two directions of a version, `slant` and `sefa1`, that point to random sides."""
    random = np.random.RandomState(5)
    vectors = [
        (name, random.standard_normal(version.manifest.z_dim).astype(np.float32).tolist()) for name in ("slant", "sefa1")
    ]
    return Directions(
        generator=version.manifest.digest,
        created=datetime(2026, 11, 30, tzinfo=UTC),
        seeds=1_000,
        checks=100,
        judge_sha256=None,
        properties={},
        directions=[
            Direction(
                name=name,
                kind="measured" if name == "slant" else "sefa",
                vector=vector,
                effect=Effect(moved={}, label_kept=None),
            )
            for name, vector in vectors
        ],
        sha256=digest_of(vectors),
    )


def add_to(repository: Repository, version: Version) -> Directions:
    """Store such directions beside a version."""
    found = made(version)
    repository.add_companion(version.name, version.manifest.digest, FILE, found.model_dump_json().encode())
    return found
