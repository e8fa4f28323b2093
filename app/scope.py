"""What the parts of the service tell each other about a request, in its ASGI scope."""

from __future__ import annotations

PROBES = ("/livez", "/readyz", "/metrics")
"""What operates the service asks for these: they are answered at any rate, by any name, and when no connection is left."""
CONNECTIONS = "seedling.connections"
"""The connections of the worker (`app.http.connections.Connections`), where a server set them."""
ROUTE = "seedling.route"
"""Which route answered, where that was not one of FastAPI's."""
PICTURES = "seedling.pictures"
"""How many pictures were drawn for it."""
