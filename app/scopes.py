"""What the parts of the service tell each other about a request, in its ASGI scope."""

from __future__ import annotations

ROUTE = "seedling.route"
"""Which route answered, where that was not one of FastAPI's."""
PICTURES = "seedling.pictures"
"""How many pictures were drawn for it."""
