"""Decoding, preprocessing and encoding of pictures."""
