"""Bytes from outside, of every kind that is parsed somewhere: what comes of them is one of a few things, whatever they are.

`SEEDLING_FUZZ_EXAMPLES=100 pytest tests/fuzz` tries a hundred times as many, other ones each time.
"""
