"""Tells a RAW file from a plain TIFF, which share one container, and where such a file should end.

Pillow opens a NEF as its 320 x 218 thumbnail, because that is its first TIFF directory; so the
directories are looked through before Pillow sees the file. Reads tags only, never pixels.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_MAX_DIRECTORIES = 32
_MAX_ENTRIES = 512
_MAX_LINKS = 16

MAX_OFFSET = 1 << 62
"""Beyond any file; a file object takes no place from 2 ** 63 on and raises."""

_SUBFILE_TYPE = 254
_REDUCED = 1
"""Bit of the subfile type that makes a directory's picture a smaller one of another's (TIFF 6)."""
_MAKE = 271
_PHOTOMETRIC = 262
_SUB_DIRECTORIES = 330
_DNG_VERSION = 50706
_STRIPS = ((273, 279), (324, 325), (280, 279), (513, 514))
"""Tags of places and lengths of picture data: strips, tiles, Panasonic's RAW data, an old JPEG."""
_STRIP_TAGS = frozenset(tag for pair in _STRIPS for tag in pair)
_CFA, _LINEAR_RAW = 32803, 34892
"""Photometric interpretations of sensor data (TIFF/EP and the DNG specification)."""

_KIND_TAGS = frozenset({_SUBFILE_TYPE, _MAKE, _PHOTOMETRIC, _DNG_VERSION})

_KIND_BY_MAKER = (
    (b"NIKON", "NEF"),
    (b"SONY", "ARW"),
    (b"PENTAX", "PEF"),
    (b"RICOH", "PEF"),
    (b"SAMSUNG", "SRW"),
    (b"CANON", "CR2"),
)


class _Tag(NamedTuple):
    """One directory entry: its numbers (at most `_MAX_LINKS`) or its text."""

    numbers: tuple[int, ...]
    text: bytes


class _Layout(NamedTuple):
    """How a TIFF stores numbers; BigTIFF differs in every size."""

    order: str
    count_bytes: int
    entry_bytes: int
    offset_bytes: int


def raw_kind(file: BinaryIO) -> str | None:
    """Return the RAW format of a TIFF file (`DNG`, `NEF`, ...), or None for a plain TIFF.

    RAW is what has a DNG version or a directory with sensor data. Old Nikon files call their sensor
    data RGB; they are known by the maker and by a first picture that is only a thumbnail of one in
    a subdirectory. A broken structure is no error: what could be read decides.
    """
    maker, has_sensor_data, starts_with_thumbnail = b"", False, False
    for number, tags in enumerate(_directories(file, _KIND_TAGS)):
        if number == 0:
            starts_with_thumbnail = _is_thumbnail(tags) and _SUB_DIRECTORIES in tags
        if _DNG_VERSION in tags:
            return "DNG"
        if _MAKE in tags and not maker:
            maker = tags[_MAKE].text.upper()
        if _PHOTOMETRIC in tags and tags[_PHOTOMETRIC].numbers[:1] in ((_CFA,), (_LINEAR_RAW,)):
            has_sensor_data = True
    if not has_sensor_data and not (maker.startswith(b"NIKON") and starts_with_thumbnail):
        return None
    return next((kind for name, kind in _KIND_BY_MAKER if maker.startswith(name)), "RAW")


def _is_thumbnail(tags: dict[int, _Tag]) -> bool:
    """Whether a directory says that its picture is a smaller one of another."""
    numbers = tags[_SUBFILE_TYPE].numbers if _SUBFILE_TYPE in tags else ()
    return bool(numbers) and bool(numbers[0] & _REDUCED)


def announced_end(file: BinaryIO) -> int:
    """Return where the last picture data of a TIFF or TIFF-based RAW file should end, in bytes.

    A file that is shorter was cut short. 0 if nothing is announced.
    """
    end = 0
    for tags in _directories(file, _STRIP_TAGS):
        for places, lengths in _STRIPS:
            if places in tags and lengths in tags:
                pieces = zip(tags[places].numbers, tags[lengths].numbers, strict=False)
                end = max([end, *(at + length for at, length in pieces if at < _NOWHERE)])
    return end


_NOWHERE = 0xFFFFFFFF
"""Panasonic's strip place where the RAW data have a tag of their own."""


def _directories(file: BinaryIO, wanted: frozenset[int]) -> Iterator[dict[int, _Tag]]:
    """Yield the wanted tags of each directory once, subdirectories included."""
    layout, first = _read_header(file)
    if layout is None:
        return
    pending, seen = [first], set[int]()
    while pending and len(seen) < _MAX_DIRECTORIES:
        offset = pending.pop(0)
        if offset in seen or not 0 < offset < MAX_OFFSET:
            continue
        seen.add(offset)
        tags, following = _read_directory(file, offset, layout, wanted | {_SUB_DIRECTORIES})
        yield tags
        if _SUB_DIRECTORIES in tags:
            pending += tags[_SUB_DIRECTORIES].numbers
        pending.append(following)


def _read_header(file: BinaryIO) -> tuple[_Layout | None, int]:
    """Return the layout and the offset of the first directory; (None, 0) if it is no TIFF."""
    file.seek(0)
    head = file.read(16)
    orders = {b"II": "little", b"MM": "big"}
    order = orders.get(head[:2])
    if order is None or len(head) < 8:
        return None, 0
    if _number(head[2:4], order) == 43:
        return _Layout(order, 8, 20, 8), _number(head[8:16], order)
    return _Layout(order, 2, 12, 4), _number(head[4:8], order)


def _read_directory(
    file: BinaryIO, offset: int, layout: _Layout, wanted: frozenset[int]
) -> tuple[dict[int, _Tag], int]:
    """Return the wanted tags of a directory and the offset of the next one (0 for none)."""
    file.seek(offset)
    count = _number(file.read(layout.count_bytes), layout.order)
    if not 0 < count <= _MAX_ENTRIES:
        return {}, 0
    data = file.read(count * layout.entry_bytes)
    following = _number(file.read(layout.offset_bytes), layout.order)
    tags: dict[int, _Tag] = {}
    for start in range(0, len(data) - layout.entry_bytes + 1, layout.entry_bytes):
        entry = data[start : start + layout.entry_bytes]
        tag = _number(entry[:2], layout.order)
        if tag in wanted:
            tags[tag] = _read_tag(file, entry, layout)
    return tags, following


_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}
"""Bytes per value of the TIFF types wanted here: BYTE, ASCII, SHORT, LONG, IFD, LONG8, IFD8."""


def _read_tag(file: BinaryIO, entry: bytes, layout: _Layout) -> _Tag:
    """Return the values of a directory entry, which stand in it or where it points to."""
    size = _TYPE_BYTES.get(_number(entry[2:4], layout.order), 1)
    announced = _number(entry[4 : 4 + layout.offset_bytes], layout.order)
    count = min(announced, _MAX_LINKS)
    field = entry[4 + layout.offset_bytes :]
    if size * announced > layout.offset_bytes:
        place = _number(field, layout.order)
        if _number(entry[:2], layout.order) in _STRIP_TAGS:
            place += size * (announced - count)  # the last ones: they tell where a file ends
        file.seek(min(place, MAX_OFFSET))
        field = file.read(size * count)
    values = field[: size * count]
    numbers = tuple(
        _number(values[start : start + size], layout.order)
        for start in range(0, len(values) - size + 1, size)
    )
    return _Tag(numbers, values)


def _number(data: bytes, order: str) -> int:
    return int.from_bytes(data, "little" if order == "little" else "big")
