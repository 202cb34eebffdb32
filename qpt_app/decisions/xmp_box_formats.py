"""Finds the XMP packet in files made of ISO boxes: HEIC, AVIF, CR3 and JPEG XL."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from qpt_app.decisions.xmp_packet import MAX_PACKET_BYTES
from qpt_app.errors import XmpError

_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The uuid box of XMP (XMP specification, part 3)."""
_XMP_TYPE: Final = b"application/rdf+xml"
_MAX_BOXES: Final = 10_000
_MAX_META: Final = 16 * 1024 * 1024
"""Bytes of a meta box that are looked through."""


class _Box(NamedTuple):
    kind: bytes
    start: int
    end: int


def box_packet(stream: IO[bytes], size: int) -> bytes | None:
    """Return the XMP packet of a file of ISO boxes, None if there is none or it is none.

    Raises:
        XmpError: if the packet is larger than 10 MB.
    """
    for box in _boxes(stream, 0, size):
        if box.kind == b"uuid":
            stream.seek(box.start)
            if stream.read(16) == _XMP_UUID:
                return _cut(stream, box.start + 16, box.end)
        if box.kind == b"xml ":
            return _cut(stream, box.start, box.end)
        if box.kind == b"meta":
            packet = _from_meta(stream, box)
            if packet is not None:
                return packet
    return None


def _boxes(stream: IO[bytes], start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes side by side between two places; stops at the first that is none."""
    for _ in range(_MAX_BOXES):
        stream.seek(start)
        header = stream.read(16)
        if start + 8 > end or len(header) < 8:
            return
        length, kind = struct.unpack(">I4s", header[:8])
        inside = start + 8
        if length == 1 and len(header) == 16:
            (length,) = struct.unpack(">Q", header[8:])
            inside = start + 16
        elif length == 0:
            length = end - start
        if length < inside - start or start + length > end:
            return
        yield _Box(kind, inside, start + length)
        start += length


def _from_meta(stream: IO[bytes], meta: _Box) -> bytes | None:
    """Look an item of the type application/rdf+xml up in iinf and iloc (ISO 14496-12)."""
    if meta.end - meta.start > _MAX_META:
        return None
    parts = {box.kind: box for box in _boxes(stream, meta.start + 4, meta.end)}
    if b"iinf" not in parts or b"iloc" not in parts:
        return None
    item = _xmp_item(stream, parts[b"iinf"])
    if item is None:
        return None
    data = parts.get(b"idat")
    return _item_content(stream, parts[b"iloc"], item, None if data is None else data.start)


def _xmp_item(stream: IO[bytes], info: _Box) -> int | None:
    stream.seek(info.start)
    version = stream.read(4)[0]
    first = info.start + (6 if version == 0 else 8)
    for box in _boxes(stream, first, info.end):
        stream.seek(box.start)
        content = stream.read(min(box.end - box.start, 4096))
        if box.kind == b"infe" and content[0] in (2, 3):
            wide = content[0] == 3
            (number,) = struct.unpack(">I" if wide else ">H", content[4 : 8 if wide else 6])
            rest = content[10 if wide else 8 :]
            if rest[:4] == b"mime" and _XMP_TYPE in rest:
                return int(number)
    return None


def _item_content(
    stream: IO[bytes], table: _Box, wanted: int, data_start: int | None
) -> bytes | None:
    """Read the extents of one item (iloc, versions 0 to 2)."""
    stream.seek(table.start)
    reader = _Reader(stream.read(table.end - table.start))
    version = reader.number(4) >> 24
    sizes = reader.number(2)
    offset_size, length_size = sizes >> 12, sizes >> 8 & 15
    base_size, index_size = sizes >> 4 & 15, sizes & 15 if version else 0
    for _ in range(reader.number(4 if version == 2 else 2)):
        item = reader.number(4 if version == 2 else 2)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)
        base = reader.number(base_size)
        extents: list[tuple[int, int]] = []
        for _ in range(reader.number(2)):
            reader.number(index_size)
            offset = base + reader.number(offset_size)
            extents.append((offset, reader.number(length_size)))
        if item == wanted:
            if method == 1 and data_start is None:
                return None
            if sum(length for _, length in extents) > MAX_PACKET_BYTES:
                raise XmpError(f"embedded XMP of more than {MAX_PACKET_BYTES} bytes")
            shift = data_start or 0 if method == 1 else 0
            return b"".join(_cut(stream, start + shift, start + shift + n) for start, n in extents)
    return None


class _Reader:
    """Takes big-endian numbers off a piece of bytes; raises struct.error when it ends."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def number(self, width: int) -> int:
        """Return the next unsigned number of `width` bytes."""
        piece = self._data[self._place : self._place + width]
        if len(piece) < width:
            raise struct.error("the table ends too early")
        self._place += width
        return int.from_bytes(piece, "big")


def _cut(stream: IO[bytes], start: int, end: int) -> bytes:
    if end - start > MAX_PACKET_BYTES:
        raise XmpError(f"embedded XMP of {end - start} bytes; at most {MAX_PACKET_BYTES} are read")
    stream.seek(start, os.SEEK_SET)
    return stream.read(end - start)
