"""Programs that prepare datasets. The service and the trainer do not import them."""
