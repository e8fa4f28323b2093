"""Fuzz tests of every parser of external bytes: any input gives one of a few documented results.

`SEEDLING_FUZZ_EXAMPLES=100 pytest tests/fuzz` tries a hundred times as many examples, different ones in each run.
"""
