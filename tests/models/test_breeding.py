"""The breeding contract `breed-v1`: a child is the same for ever, and as plausible as a seed."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from models import breeding, seed_contract
from models.breeding import Child

GRANDCHILD = Child((Child((42, 7), 3), 99), 4)
GOLDEN = {
    "42,7 -> 3": (Child((42, 7), 3), "5af27fbbfc3e5a7192610924c8409f1af529a31b4609bc63f441f7172c1d4576", 8),
    "7,42 -> 3": (Child((7, 42), 3), "466c5a2864ca37aabdcc5f796abf4f1edda27eab08ed591ecd2e400df38f9596", 7),
    "(42,7,3),99 -> 4": (GRANDCHILD, "ef6b8844b3edfe9590f7ffbe9bc028d3faeced4022f043fc6fffc7e1a8bc38e5", 1),
    "anna,0,4294967295 -> 4294967295": (
        Child(("anna", 0, 2**32 - 1), 2**32 - 1),
        "a0fc026d3cc7d496450b728dd1189418d458c0b047d9003710e31c6be0279381",
        7,
    ),
    "eight -> 0": (Child(tuple(range(8)), 0), "49b2c179c8117d6887baa0a46e9f020dc86806402578ac76a847e5359875a6bd", 9),
}
"""Pedigree, sha256 of its latent of 100 little-endian float32, and its class of 10. They never change."""


@pytest.mark.parametrize("name", GOLDEN)
def test_a_child_is_the_same_for_ever(name: str) -> None:
    child, digest, label = GOLDEN[name]
    z, found = breeding.draw(child, 100, 10)
    assert (hashlib.sha256(z.astype("<f4").tobytes()).hexdigest(), found) == (digest, label)
    assert z.dtype == np.float32


def test_the_contract_is_what_its_description_says() -> None:
    """Written from the module's docstring with numpy alone, as somebody else would."""
    for child in (Child((42, 7), 3), Child((5, 6, 7), 8)):
        parents = [np.random.RandomState(seed).standard_normal(100).astype(np.float32) for seed in child.parents]  # type: ignore[arg-type]
        mutations = np.random.RandomState(child.number).standard_normal(100).astype(np.float32)
        stream = np.random.RandomState(np.array([child.number, int.from_bytes(b"brd1", "big")], dtype=np.uint32))
        u, v, w = (
            [stream.random_sample() for _ in range(100)],
            [stream.random_sample() for _ in range(100)],
            stream.random_sample(),
        )
        expected = [mutations[k] if v[k] < 1 / 16 else parents[math.floor(u[k] * len(parents))][k] for k in range(100)]
        z, label = breeding.draw(child, 100, 10)
        assert z.tolist() == expected
        chosen = child.parents[math.floor(w * len(parents))]
        assert label == seed_contract.draw(chosen, 100, 10)[1]  # type: ignore[arg-type]


def test_a_child_inherits_about_half_of_each_parent_and_mutates_a_little() -> None:
    (a, _), (b, _) = seed_contract.draw(42, 100), seed_contract.draw(7, 100)
    z = np.stack([breeding.draw(Child((42, 7), number), 100)[0] for number in range(2_000)])
    from_a, from_b = z == a, z == b
    assert not (from_a & from_b).any()
    assert abs(from_a.mean() - 15 / 32) < 0.005
    assert abs(from_b.mean() - 15 / 32) < 0.005
    mutated = ~(from_a | from_b)
    assert abs(mutated.mean() - 1 / 16) < 0.002
    source = np.stack([seed_contract.draw(number, 100)[0] for number in range(2_000)])
    assert (z[mutated] == source[mutated]).all()


def test_the_latents_of_the_sixteenth_generation_are_still_standard_normal() -> None:
    def descendant(start: int, generations: int) -> Child:
        child = Child((start, start + 1), start)
        for generation in range(1, generations):
            child = Child((child, start + 1 + generation), start + generation)
        return child

    descendants = [descendant(1_000 * n, breeding.MAX_GENERATIONS) for n in range(300)]
    breeding.check(descendants[0])
    z = np.stack([breeding.draw(child, 100)[0] for child in descendants]).astype(np.float64)
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02
    assert abs((z**4).mean() - 3) < 0.15
    norms = np.linalg.norm(z, axis=1)
    assert abs(norms.mean() - np.sqrt(99.5)) < 0.2
    assert norms.std() < 0.85
    correlations = np.corrcoef(z.T)[np.triu_indices(100, 1)]
    assert abs(correlations).max() < 0.3
    assert abs(correlations.mean()) < 0.005


def test_the_class_is_that_of_a_parent_and_each_parent_gives_it_to_a_share() -> None:
    labels = [seed_contract.draw(seed, 100, 10)[1] for seed in (42, 7, 5)]
    assert len(set(labels)) == 3
    found = [breeding.draw(Child((42, 7, 5), number), 100, 10)[1] for number in range(1_500)]
    for label in labels:
        assert abs(found.count(label) / 1_500 - 1 / 3) < 0.05
    assert breeding.draw(Child((42, 7), 3), 100)[1] is None


def test_an_ancestor_that_occurs_twice_is_the_same_one() -> None:
    one = Child((42, 7), 3)
    both = breeding.draw(Child((one, one), 9), 100)[0]
    mutated = both != breeding.draw(one, 100)[0]
    assert (both[mutated] == seed_contract.draw(9, 100)[0][mutated]).all()
    assert 0 < mutated.sum() < 20


@pytest.mark.parametrize(
    ("child", "remedy"),
    [
        (Child((1,), 0), "2 to 8 parents"),
        (Child(tuple(range(9)), 0), "2 to 8 parents"),
        (Child((1, 2), 2**32), "must be in 0.."),
        (Child((1, 2), -1), "must be in 0.."),
        (Child((1, Child((1, 2), 2**32)), 0), "must be in 0.."),
        (Child(tuple(Child(tuple(range(8)), 0) for _ in range(8)), 0), "at most 64 members"),
    ],
)
def test_a_pedigree_out_of_bounds_is_refused(child: Child, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        breeding.check(child)


def test_a_pedigree_has_at_most_sixteen_generations() -> None:
    child = Child((1, 2), 0)
    for _ in range(15):
        child = Child((child, 3), 0)
    breeding.check(child)
    with pytest.raises(ValueError, match="at most 16 generations"):
        breeding.check(Child((child, 3), 0))
