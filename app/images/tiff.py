"""Reduction of TIFF files to what Pillow decodes by itself: the pixels of the first page, uncompressed.

TIFF is a container: a directory points to data anywhere in the file, even to other directories, and its pixels can be
compressed in a dozen ways. Pillow passes compressed files to libtiff, which has a long history of memory errors in such files,
and reads all metadata. Neither is exposed to uploads: compressed files are rejected, and Pillow gets a directory that contains
only the tags that describe the pixels. Entries that uncompressed pictures do not need are left out.
"""

from __future__ import annotations

import struct

from PIL import TiffImagePlugin

from app.errors import PictureInvalid, PictureTooLarge, PictureUnsupported

BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
"""Byte orders by the first four bytes (TIFF 6.0, section 2). BigTIFF is for files of more than 4 GiB."""
MAX_BLOCKS = 65_536
"""Strips or tiles. 16 megapixels in tiles of 16x16, the smallest, have 62,500. Pillow uses 400 bytes for each."""
_SHORT, _LONG = 3, 4
_TAGS = {
    256: 1,  # ImageWidth
    257: 1,  # ImageLength
    258: 6,  # BitsPerSample
    259: 1,  # Compression
    262: 1,  # PhotometricInterpretation
    266: 1,  # FillOrder
    273: MAX_BLOCKS,  # StripOffsets
    274: 1,  # Orientation
    277: 1,  # SamplesPerPixel
    278: 1,  # RowsPerStrip
    284: 1,  # PlanarConfiguration
    320: 3 * 256,  # ColorMap
    322: 1,  # TileWidth
    323: 1,  # TileLength
    324: MAX_BLOCKS,  # TileOffsets
    338: 6,  # ExtraSamples
    339: 6,  # SampleFormat
}
"""The tags that are kept, with the most values that each may have."""
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "I;16", "I;16B"})
_BITS = frozenset({1, 2, 4, 8, 16})
REMEDY = "Save it without compression and with 8 bits per channel, or as a PNG."


def reduce(content: bytes) -> bytes:
    """Return a TIFF file with a new directory, which has only the tags of the first page's pixels.

    Raises:
        PictureInvalid: the directory is outside the file.
        PictureTooLarge: there are too many strips or tiles.
    """
    order = BYTE_ORDERS[content[:4]]
    try:
        (offset,) = struct.unpack_from(f"{order}L", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, offset)
        entries = list(struct.iter_unpack(f"{order}HHL4s", content[offset + 2 : offset + 2 + 12 * count]))
    except struct.error as error:
        raise PictureInvalid("The TIFF is cut off. Save it again and send the whole file.") from error
    kept: dict[int, bytes] = {}
    for tag, kind, values, data in entries:
        if tag not in _TAGS or kind not in (_SHORT, _LONG) or tag in kept:
            continue
        if values > _TAGS[tag]:
            raise PictureTooLarge(f"The TIFF has {values:,} values in tag {tag}, but the limit is {_TAGS[tag]:,}. {REMEDY}")
        kept[tag] = struct.pack(f"{order}HHL4s", tag, kind, values, data)
    padding = b"\0" * (len(content) % 2)
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept.values()) + bytes(4)  # no next page
    start = struct.pack(f"{order}L", len(content) + len(padding))
    return b"".join([content[:4], start, memoryview(content)[8:], padding, directory])


def check(picture: TiffImagePlugin.TiffImageFile) -> None:
    """Check an opened TIFF before it is decoded.

    Raises:
        PictureUnsupported: it is compressed, or its levels are not integers of at most 16 bits.
        PictureInvalid: its strips or tiles overlap, so that decoding them would take longer than the size of the picture.
    """
    compression = str(picture.info.get("compression"))
    if compression != "raw":
        name = compression.removeprefix("tiff_")
        raise PictureUnsupported(f"The TIFF is compressed ({name}), and only uncompressed ones are decoded. {REMEDY}")
    bits = picture.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE) or (1,)
    if picture.mode not in _MODES or not _BITS.issuperset(bits):
        raise PictureUnsupported(f"The levels of the TIFF are not integers of 1, 2, 4, 8 or 16 bits. {REMEDY}")
    boxes = [tile.extents or (0, 0, *picture.size) for tile in picture.tile]
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    planes = len(picture.getbands())
    if area > picture.width * picture.height * planes:
        raise PictureInvalid(f"The strips or tiles of the TIFF overlap. {REMEDY}")
