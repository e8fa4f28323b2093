"""What calls take and return, described once for validation and OpenAPI."""
