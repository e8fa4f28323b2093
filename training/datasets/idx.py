"""Strict parser for IDX, the file format of MNIST."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import numpy as np

from training.errors import DatasetError

UNSIGNED_BYTE = 0x08
MOST_BYTES = 64 * 2**20
"""MNIST's training pictures are 47 MB."""
MOST_DIMENSIONS = 4


def read_idx(path: Path, *, sha256: str, remedy: str) -> np.ndarray:
    """Return the array of unsigned bytes in a gzipped IDX file.

    Args:
        path: the `.gz` file.
        sha256: expected sha256 of the decompressed bytes.
        remedy: how to get the right file. Appended to every error message.

    Raises:
        DatasetError: the file is missing, truncated, not IDX, or has the wrong checksum.
    """
    try:
        content = _unpack(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. {remedy}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be decompressed as gzip ({error}). {remedy}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DatasetError(f"{path} is not the published file: expected sha256 {sha256}, found {found}. {remedy}")
    return parse_idx(content, name=str(path), remedy=remedy)


def _unpack(packed: bytes) -> bytes:
    """Decompress a gzip file of at most `MOST_BYTES`."""
    decompressor = zlib.decompressobj(wbits=31)
    content = decompressor.decompress(packed, MOST_BYTES)
    if decompressor.unconsumed_tail:
        raise OSError(f"it has more than {MOST_BYTES:,} bytes")
    if not decompressor.eof:
        raise EOFError("it is truncated")
    return content


def parse_idx(content: bytes, *, name: str, remedy: str) -> np.ndarray:
    """Parse an IDX file of unsigned bytes: two zeros, the type, the rank, big-endian sizes, the data.

    Raises:
        DatasetError: the header is invalid, or the length of the data does not match it.
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE]) or len(content) < 4 + 4 * content[3]:
        raise DatasetError(f"{name} is not an IDX file of unsigned bytes: it begins with {content[:4].hex()!r}. {remedy}")
    rank = content[3]
    if rank > MOST_DIMENSIONS:
        raise DatasetError(f"{name} has {rank} dimensions, but at most {MOST_DIMENSIONS} are supported. {remedy}")
    shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank))
    start, expected = 4 + 4 * rank, int(np.prod(shape, dtype=object))
    if len(content) - start != expected:
        raise DatasetError(
            f"{name} has {len(content) - start} bytes of data, but its header says {shape}: {expected}. {remedy}"
        )
    if not expected:
        raise DatasetError(f"{name} is empty. {remedy}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)  # without a copy
