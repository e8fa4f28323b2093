"""From a run to a published version."""
