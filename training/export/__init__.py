"""Exports a run's networks and publishes them as a version."""
