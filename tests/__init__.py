"""Tests. The directory tree mirrors the project's."""
