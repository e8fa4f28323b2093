"""Makes the dataset `letters` from Debian's fonts: python -m tools.letters."""
