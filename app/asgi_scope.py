"""Keys of the ASGI scope that the parts of the service share."""

from __future__ import annotations

PROBES = ("/livez", "/readyz", "/metrics")
"""Paths for monitoring. They are exempt from the rate limit, the host check and the connection limit."""
CONNECTIONS = "seedling.connections"
"""The worker's connections (`app.http.connections.Connections`), if the server set them."""
ROUTE = "seedling.route"
"""The route that handled the request, if it is not a FastAPI route."""
PICTURES = "seedling.pictures"
"""The number of pictures drawn for the request."""
STORED = "seedling.stored"
"""A function that returns a function, or None: it reports that the body that has arrived so far is no longer in memory."""
