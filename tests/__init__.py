"""The promises, each a test. The tree mirrors the project's."""
