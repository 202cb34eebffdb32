"""Reads the XMP packet inside a photo, without decoding the photo. Standard library only.

JPEG, PNG, WebP, TIFF and what is built on it (DNG, NEF, CR2, ARW ...), and the box formats
(HEIC, AVIF, CR3, JPEG XL). Nothing is trusted: every length is checked against the file.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from qpt_app.decisions.xmp_box_formats import box_packet
from qpt_app.decisions.xmp_packet import MAX_PACKET_BYTES
from qpt_app.errors import XmpError

_JPEG_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_XMP: Final = b"XML:com.adobe.xmp\0"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_TIFF_XMP_TAG: Final = 700
_MAX_PARTS: Final = 10_000
"""Segments, chunks or tags looked at before giving up."""


def read_embedded(path: Path) -> bytes | None:
    """Return the XMP packet inside a photo, or None if it has none or is no known format.

    Raises:
        XmpError: if the packet is larger than 10 MB, or the file cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise XmpError(f"{path}: no regular file")
            packet = _packet(stream, found.st_size)
    except OSError as error:
        raise XmpError(f"{path}: {error.strerror or error}") from error
    except struct.error:
        return None  # cut short in the middle of a header
    if packet is None:
        return None
    return packet.rstrip(b"\0 \r\n\t") or None


def _packet(stream: IO[bytes], size: int) -> bytes | None:
    head = stream.read(16)
    if head.startswith(b"\xff\xd8"):
        return _from_jpeg(stream)
    if head.startswith(_PNG):
        return _from_png(stream)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _from_webp(stream)
    if head[:4] in (b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"IIU\0"):
        return _from_tiff(stream, "<" if head[:2] == b"II" else ">", size)
    return box_packet(stream, size)


def _from_jpeg(stream: IO[bytes]) -> bytes | None:
    for marker, payload in jpeg_segments(stream):
        if marker == 0xE1 and payload.startswith(_JPEG_XMP):
            return payload[len(_JPEG_XMP) :]
    return None


def jpeg_segments(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (marker, payload) of the segments of a JPEG before its first scan."""
    stream.seek(2)
    for _ in range(_MAX_PARTS):
        byte = stream.read(1)
        while byte == b"\xff":
            marker = stream.read(1)
            if marker != b"\xff":
                break
        else:
            return
        if marker in (b"", b"\xda", b"\xd9"):
            return
        (length,) = struct.unpack(">H", stream.read(2))
        payload = stream.read(max(0, length - 2))
        if length < 2 or len(payload) < length - 2:
            return
        yield marker[0], payload


def _from_png(stream: IO[bytes]) -> bytes | None:
    stream.seek(len(_PNG))
    for _ in range(_MAX_PARTS):
        length, kind = struct.unpack(">I4s", stream.read(8))
        if kind == b"IEND":
            return None
        if kind == b"iTXt":
            _check_size(length)
            chunk = stream.read(length)
            if chunk.startswith(_PNG_XMP):
                return _png_text(chunk[len(_PNG_XMP) :])
            stream.seek(4, os.SEEK_CUR)
        else:
            stream.seek(length + 4, os.SEEK_CUR)
    return None


def _png_text(chunk: bytes) -> bytes | None:
    """Return the text behind the flags, the language and the translated keyword."""
    compressed, rest = chunk[:1] == b"\1", chunk[2:]
    parts = rest.split(b"\0", 2)
    if len(parts) < 3:
        return None
    if not compressed:
        return parts[2]
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(parts[2], MAX_PACKET_BYTES + 1)
    except zlib.error:
        return None
    _check_size(len(text))
    return text


def _from_webp(stream: IO[bytes]) -> bytes | None:
    stream.seek(12)
    for _ in range(_MAX_PARTS):
        kind, length = struct.unpack("<4sI", stream.read(8))
        if kind == b"XMP ":
            _check_size(length)
            return stream.read(length)
        stream.seek(length + (length & 1), os.SEEK_CUR)
    return None


def _from_tiff(stream: IO[bytes], order: str, size: int) -> bytes | None:
    """Look at the first directory, where the XMP specification puts tag 700."""
    stream.seek(4)
    (directory,) = struct.unpack(order + "I", stream.read(4))
    if not 8 <= directory < size:
        return None
    stream.seek(directory)
    (count,) = struct.unpack(order + "H", stream.read(2))
    for _ in range(min(count, _MAX_PARTS)):
        tag, kind, values = struct.unpack(order + "HHI", stream.read(8))
        (offset,) = struct.unpack(order + "I", stream.read(4))
        if tag == _TIFF_XMP_TAG and kind in (1, 2, 7) and values > 4:
            _check_size(values)
            stream.seek(offset)
            return stream.read(values)
    return None


def _check_size(length: int) -> None:
    if length > MAX_PACKET_BYTES:
        raise XmpError(f"embedded XMP of {length} bytes; at most {MAX_PACKET_BYTES} are read")
