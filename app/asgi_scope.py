"""Keys of the ASGI scope that the parts of the service share."""

from __future__ import annotations

from starlette.types import Scope

PROBES = ("/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready")
"""Paths for monitoring. They are exempt from the rate limit, the host check and the connection limit."""
INFERENCE = "/v2"
"""Prefix of the Open Inference Protocol."""
CONNECTIONS = "seedling.connections"
"""The worker's connections (`app.http.connections.Connections`), if the server set them."""
ROUTE = "seedling.route"
"""The route that handled the request, if it is not a FastAPI route."""
PICTURES = "seedling.pictures"
"""The number of pictures drawn for the request."""
STORED = "seedling.stored"
"""A function that returns a function, or None: it reports that the body that has arrived so far is no longer in memory."""


def path_of(scope: Scope) -> str:
    """Return the path of a request without the root path of a reverse proxy."""
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))


def is_inference(scope: Scope) -> bool:
    """Whether a request belongs to the Open Inference Protocol."""
    path = path_of(scope)
    return path == INFERENCE or path.startswith(f"{INFERENCE}/")
