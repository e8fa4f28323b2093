"""The HTTP layer: server, connection limits, middleware, authentication and problem details."""
