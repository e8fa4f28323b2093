"""What surrounds every request: the server, its bounds, middleware, authentication, problem details."""
