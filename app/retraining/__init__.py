"""Retraining: what happens to a job, from its request to the promotion of what it made."""
