"""Request and response models, for validation and the OpenAPI document."""
