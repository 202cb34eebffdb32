"""Reads how large a JPEG XL is, because its plug-in decodes all pixels when it opens a file."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from qpt_app.core.decode_limits import DecodeLimits, Refusal, check_size
from qpt_app.core.status import PhotoStatus

_BYTES_PER_PIXEL = 8
"""The plug-in has the picture twice when it is open; four bytes each."""

_SIGNATURE = b"\xff\x0a"
_HEADER_BYTES = 11
"""Signature and size header at its longest, 68 bits."""
_MAX_BOXES = 256

_SIDE_BITS = (9, 13, 18, 30)
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width over height, for the codes 1 to 7 (ISO/IEC 18181-1, size header)."""


def check_jxl_size(file: BinaryIO, limits: DecodeLimits) -> None:
    """Refuse a JPEG XL by its header.

    Raises:
        Refusal: `too_large`, or `unreadable` if there is no header.
    """
    head = _start_of_codestream(file)
    if not head.startswith(_SIGNATURE):
        raise Refusal(PhotoStatus.UNREADABLE, "the beginning of the file is broken", kind="JXL")
    try:
        check_size(*size_of(head), _BYTES_PER_PIXEL, limits)
    except Refusal as refusal:
        refusal.kind = "JXL"
        raise


def size_of(codestream: bytes) -> tuple[int, int]:
    """Return width and height, as stored, that a codestream's first bytes announce."""
    bits = _Bits(codestream[len(_SIGNATURE) : _HEADER_BYTES])
    is_small = bool(bits.take(1))
    height = _side(bits, is_small=is_small)
    ratio = bits.take(3)
    if ratio == 0:
        return _side(bits, is_small=is_small), height
    over, under = _RATIOS[ratio - 1]
    return height * over // under, height


def _side(bits: "_Bits", *, is_small: bool) -> int:
    """Return the next side in pixels; small ones are counted in eights."""
    if is_small:
        return 8 * (1 + bits.take(5))
    return 1 + bits.take(_SIDE_BITS[bits.take(2)])


class _Bits:
    """Numbers out of bytes, lowest bit first; zeros where the bytes end."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        """Return the next `count` bits as a number."""
        number = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return number


def _start_of_codestream(file: BinaryIO) -> bytes:
    """Return the first bytes of the codestream, which is bare or in boxes, perhaps in pieces."""
    file.seek(0)
    head = file.read(_HEADER_BYTES)
    if head.startswith(_SIGNATURE):
        return head
    start = b""
    for kind, length in _boxes(file):
        if kind == b"jxlp":
            file.seek(4, os.SEEK_CUR)  # the number of the piece
            length -= 4
        elif kind != b"jxlc":
            continue
        start += file.read(max(0, min(length, _HEADER_BYTES - len(start))))
        if kind == b"jxlc" or len(start) == _HEADER_BYTES:
            break
    return start


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield kind and length of the content of each box; the file stands at that content then."""
    end = file.seek(0, os.SEEK_END)
    place = 0
    for _ in range(_MAX_BOXES):
        file.seek(place)
        head = file.read(8)
        size, content = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, content = int.from_bytes(file.read(8), "big"), 16
        elif size == 0:  # up to the end of the file
            size = end - place
        if len(head) < 8 or size < content:
            return
        yield head[4:], size - content
        place = min(end, place + size)
