"""Retraining: the life of a job, from its request to the promotion of the new version."""
