"""The mapping from parents and a number to a child's latent and label, named `breed-v1`. It never changes.

The child with the number c of n parents is determined by two streams of `numpy.random.RandomState`, which numpy's policy
freezes (NEP 19):

1. The latent m of the integer seed c (`models.seed_contract`) is the source of its mutations.
2. The stream of the seed words (c, 0x62726431), whose second word is "brd1" in ASCII, gives with `random_sample` the numbers
   u_1..u_z, then v_1..v_z, then w, where z is z_dim. They are multiples of 2^-53 in 0..1, exclusive.
3. Coordinate k of the child is m_k where v_k < 1/16, else coordinate k of the parent with the index floor(u_k * n).
4. Its class is that of the parent with the index floor(w * n).

A child's coordinates are copied, never computed, so no machine rounds them differently. Copying also preserves the
distribution. Coordinate k of any descendant is coordinate k of one founder or of one mutation's seed, which are independent
standard normal numbers, and which one it is does not depend on their values. So every latent of a family is a standard normal
one, with the usual norm of about sqrt(z_dim), in any generation. The mean of two latents would have 0.7 times that norm, and
each generation would shrink it further, towards the mean picture.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import seed_contract

SCHEME = "breed-v1"
MAX_PARENTS = 8
"""Parents of one child."""
MAX_GENERATIONS = 16
"""Generations of children in a pedigree."""
MAX_MEMBERS = 64
"""Members of a pedigree: the child, its ancestors, and each as often as it occurs."""
MUTATION = 1 / 16
_WORD = 0x62726431
_local = threading.local()


@dataclass(frozen=True)
class Child:
    """A child, by its pedigree. Equal pedigrees are equal and have the same hash."""

    parents: tuple[Parent, ...]
    number: int

    @property
    def generations(self) -> int:
        """1 for a child of seeds, 2 for a child of such children, and so on."""
        return 1 + max((parent.generations for parent in self.parents if isinstance(parent, Child)), default=0)

    def members(self) -> Iterator[Parent]:
        """Yield the child and its ancestors, each as often as it occurs."""
        yield self
        for parent in self.parents:
            if isinstance(parent, Child):
                yield from parent.members()
            else:
                yield parent


Parent = int | str | Child
"""A seed (`models.seed_contract`) or a child."""


def check(child: Child) -> None:
    """Check the bounds of a pedigree, but not its seeds.

    Raises:
        ValueError: it has too few or too many parents, generations or members, or a number is out of range.
    """
    if child.generations > MAX_GENERATIONS:
        raise ValueError(f"A pedigree has at most {MAX_GENERATIONS} generations of children. Start from a younger ancestor.")
    members = list(child.members())
    if len(members) > MAX_MEMBERS:
        raise ValueError(f"A pedigree has at most {MAX_MEMBERS} members, not {len(members)}. Start from a younger ancestor.")
    for member in members:
        if not isinstance(member, Child):
            continue
        if not 2 <= len(member.parents) <= MAX_PARENTS:
            raise ValueError(f"A child has 2 to {MAX_PARENTS} parents, not {len(member.parents)}. Write them as in 42,7.")
        if not 0 <= member.number <= seed_contract.MAX_SEED:
            raise ValueError(f"The number of a child must be in 0..{seed_contract.MAX_SEED}, not {member.number}.")


def draw(child: Child, z_dim: int, classes: int = 0) -> tuple[NDArray[np.float32], int | None]:
    """Return the latent of a child, float32 (z_dim,), and the class that it inherits (None without classes).

    Args:
        child: the child, whose pedigree `check` accepts.
        z_dim: dimension of the latent.
        classes: number of classes of the generator, or 0 if unconditional.

    Raises:
        ValueError: see `models.seed_contract.check`.
    """
    return _draw(child, z_dim, classes, {})


def _draw(
    member: Parent, z_dim: int, classes: int, drawn: dict[Parent, tuple[NDArray[np.float32], int | None]]
) -> tuple[NDArray[np.float32], int | None]:
    if member in drawn:
        return drawn[member]
    if isinstance(member, Child):
        parents = [_draw(parent, z_dim, classes, drawn) for parent in member.parents]
        mutations, _ = seed_contract.draw(member.number, z_dim)
        stream = _stream(member.number)
        u, v, w = stream.random_sample(z_dim), stream.random_sample(z_dim), stream.random_sample()
        inherited = np.stack([z for z, _ in parents])[(u * len(parents)).astype(np.intp), np.arange(z_dim)]
        found = np.where(v < MUTATION, mutations, inherited), parents[int(w * len(parents))][1]
    else:
        found = seed_contract.draw(member, z_dim, classes)
    drawn[member] = found
    return found


def _stream(number: int) -> np.random.RandomState:
    """Return this thread's RandomState for the choices of children, reseeded."""
    random: np.random.RandomState | None = getattr(_local, "random", None)
    if random is None:
        random = _local.random = np.random.RandomState()
    random.seed(np.array([number, _WORD], dtype=np.uint32))
    return random
