"""Generators and discriminators, their losses, weight averaging and optimisers."""
