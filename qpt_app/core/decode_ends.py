"""Where a file should end: finds out whether, and how much of, its end is missing."""

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

from qpt_app.core.decode_tiff import MAX_OFFSET, announced_end

PADDED_FORMATS = frozenset({"WEBP", "AVIF", "HEIF"})
"""Formats whose decoders want every byte that the container announces: a file that was cut short is
given other bytes for the missing ones, which spoil only the end of the picture."""

_FILLERS = (b"\x00", b"\xff")
"""Tried in turn; a decoder that checks how its data ends may accept one and not the other.
docs/robustness.md tells how often one of them was accepted."""

MAX_MISSING_SHARE = 0.5
"""A file that lacks a larger share of its announced length is not completed."""

_TAIL_BYTES = 64 << 10
_MAX_BOXES = 64
_BOXES = frozenset(
    b"ftyp styp moov moof mdat imda idat meta meco free skip wide uuid pdin sidx ssix prft emsg "
    b"mfra mpvd sefd".split()
)
"""Top-level boxes of ISO base media files (ISO/IEC 14496-12, QuickTime, Samsung)."""


def lacks_end(file: BinaryIO, kind: str) -> bool:
    """Whether a file that decoded without complaint is nevertheless cut short.

    Looks for the end chunk of a PNG and the announced length of the padded formats; for the others
    the decoders look themselves.
    """
    length = file.seek(0, os.SEEK_END)
    if kind == "PNG":
        file.seek(max(0, length - _TAIL_BYTES))
        return b"IEND" not in file.read(_TAIL_BYTES)
    return kind in PADDED_FORMATS and _announced_length(file, kind) > length


def completed(file: BinaryIO, kind: str) -> Iterator[BinaryIO]:
    """Yield copies of a cut file, filled up to its announced length in different ways.

    Yields nothing if nothing, or too much, is missing.
    """
    announced = _announced_length(file, kind)
    missing = announced - file.seek(0, os.SEEK_END)
    if 0 < missing <= MAX_MISSING_SHARE * announced:
        file.seek(0)
        content = file.read()
        for filler in _FILLERS:
            yield io.BytesIO(content + filler * missing)


RAW_SLACK = 1 / 100
"""Share of a RAW file that may be missing unnoticed: room for makers who announce a little much."""


def missing_share_of_raw(file: BinaryIO, kind: str) -> float:
    """Return how much of a RAW file's announced length is missing, 0 to 1; 0 within the slack."""
    length = file.seek(0, os.SEEK_END)
    if kind == "CR3":
        announced = _boxes_length(file)
    elif kind == "RAF":
        announced = _raf_length(file)
    else:
        announced = announced_end(file)
    missing = announced - length
    return missing / announced if missing > RAW_SLACK * announced else 0.0


def _raf_length(file: BinaryIO) -> int:
    """Return where a Fujifilm RAF's sensor data should end: its header holds place and length."""
    file.seek(100)
    head = file.read(8)
    return int.from_bytes(head[:4], "big") + int.from_bytes(head[4:], "big")


def _announced_length(file: BinaryIO, kind: str) -> int:
    return _riff_length(file) if kind == "WEBP" else _boxes_length(file)


def _riff_length(file: BinaryIO) -> int:
    file.seek(4)
    return 8 + int.from_bytes(file.read(4), "little")


def _boxes_length(file: BinaryIO) -> int:
    """Return where the last top-level box of an ISO base media file says that it ends.

    Some makers put data of their own after the last box. They do not begin with a known box, and
    what would be their length is none: only a known box may reach beyond the end of the file.
    """
    length = file.seek(0, os.SEEK_END)
    end = 0
    for _ in range(_MAX_BOXES):
        file.seek(end)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1 and len(head) == 16:
            size = int.from_bytes(head[8:], "big")
        if len(head) < 8 or not 8 <= size < MAX_OFFSET - end:  # 0: up to the end of the file
            break
        if head[4:8] not in _BOXES and end + size > length:
            break
        end += size
    return end
