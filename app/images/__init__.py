"""Bytes to pixels and back: decoding, preprocessing, encoding."""
