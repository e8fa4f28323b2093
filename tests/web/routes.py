"""The pages of the application, read from the routes in `web/src/app.tsx`, so that no list of pages misses a new one."""

from __future__ import annotations

import re

from tests.web.conftest import WEB

EXAMPLES = {"name": "digits", "version": "4"}
"""Values of the parameters of routes."""


def routes() -> list[str]:
    """Return the patterns of all routes, such as /models/:name."""
    source = (WEB / "src" / "app.tsx").read_text()
    table = re.search(r"^const ROUTES = \[\n(.*?)^\] as const", source, flags=re.M | re.S)
    assert table, "web/src/app.tsx has no table ROUTES"
    found = re.findall(r'^  \["(/[^"]*)", \w+\],$', table[1], flags=re.M)
    assert len(found) == len(table[1].splitlines()) > 10, "a line of ROUTES cannot be read"
    return found


def addresses() -> list[str]:
    """Return an address of each route."""
    return [re.sub(r":(\w+)", lambda parameter: EXAMPLES[parameter[1]], route) for route in routes()]
