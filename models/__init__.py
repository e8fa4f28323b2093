"""The model repository: the layout of trained versions on disk, and the only interface to them."""
