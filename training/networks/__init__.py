"""Generators and discriminators, their losses, averages and optimizers."""
