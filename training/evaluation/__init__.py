"""What makes a generator good, each figure beside its floor: the same figure for real pictures it never saw."""
