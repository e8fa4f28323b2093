"""The tree of errors."""

from __future__ import annotations

import re
from itertools import takewhile

from app import errors

LINE = re.compile(r"    (?P<indent>(?:│   |    )*)(?P<branch>[├└])── (?P<name>\w+) +(?P<status>\d{3})  \S.*")
Tree = dict[str, tuple[str, int]]
"""Name of an error to the name of its base class and its status."""


def printed_tree() -> Tree:
    """Read the tree in the docstring of `app.errors`."""
    _, root, tree = (errors.__doc__ or "").partition("    SeedlingError\n")
    assert root
    found: Tree = {}
    path = ["SeedlingError"]
    for line in takewhile(str.strip, tree.splitlines()):
        match = LINE.fullmatch(line)
        assert match, line
        depth = len(match["indent"]) // 4 + 1
        path[depth:] = [match["name"]]
        assert len(path) == depth + 1, line
        found[match["name"]] = path[depth - 1], int(match["status"])
    return found


def tree_of(error: type[errors.SeedlingError]) -> Tree:
    return {
        name: place
        for child in error.__subclasses__()
        for name, place in {child.__name__: (error.__name__, child.status), **tree_of(child)}.items()
    }


def test_the_tree_in_the_docstring_is_that_of_the_classes() -> None:
    assert printed_tree() == tree_of(errors.SeedlingError)
