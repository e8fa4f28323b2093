"""Evaluation of a generator. Each figure has a floor: the same figure for real pictures instead of generated ones."""
