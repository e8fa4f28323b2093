"""The routes, one router a resource: parse, call, respond."""
