"""The few EXIF facts that grouping and display need: when, with what, how, in which burst.

exifread (pure Python) does the reading, on a file that allows only so many reads: metadata is
written by strangers, and a count of four thousand million entries must not keep a program busy.
Bad metadata is never an error; what cannot be read is None.
"""

import io
import logging
import math
import os
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, BinaryIO, cast

from qpt_app.core.decode_file import open_photo_file
from qpt_app.core.decode_limits import DecodeLimits, Refusal

MAX_READS = 20_000
"""Reads that one photo's metadata may take: a few hundred is usual, about 20 ms at the most."""

_XMP_WINDOW = 256 << 10
"""Bytes at the beginning of a file in which an XMP packet is looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExifEssentials:
    """What a photo says of itself; None where it does not, or not legibly."""

    taken_at: datetime | None = None
    """Camera's local time with its sub-seconds, without a zone: as on the photographer's watch."""
    utc_offset: timedelta | None = None
    """What the camera's clock was ahead of UTC, if it says."""
    camera_make: str | None = None
    camera_model: str | None = None
    camera_serial: str | None = None
    """Tells two bodies of one model apart."""
    lens: str | None = None
    exposure_s: float | None = None
    """Exposure time in seconds."""
    f_number: float | None = None
    iso: int | None = None
    focal_mm: float | None = None
    """True focal length in millimetres."""
    focal_35mm: float | None = None
    """The focal length that shows the same on 35 mm film."""
    exposure_bias: float | None = None
    """Exposure compensation in stops."""
    auto_bracket: bool = False
    """Whether the camera made a series of different exposures (EXIF ExposureMode 2)."""
    burst_id: str | None = None
    """The same for all frames of one burst: Apple's BurstUUID or Google's BurstID."""
    orientation: int | None = None
    """EXIF orientation, 1 to 8, as stored; `decode_photo` has already applied it."""

    @property
    def taken_at_utc(self) -> datetime | None:
        """The moment as an aware time in UTC; None without a time or an offset."""
        if self.taken_at is None or self.utc_offset is None:
            return None
        return self.taken_at.replace(tzinfo=timezone(self.utc_offset)).astimezone(UTC)


def read_essentials(path: str | bytes | os.PathLike[str]) -> ExifEssentials:
    """Read a photo's essentials from its metadata; no pixels are decoded.

    A file that is gone, locked or not a photo has none: all fields are None.
    """
    try:
        with open_photo_file(path, DecodeLimits(max_file_bytes=1 << 40)) as file:
            return _essentials(_read_tags(file), _google_burst(file))
    except (Refusal, OSError):
        return ExifEssentials()


class _TooManyReadsError(Exception):
    """Metadata took more reads than any honest photo needs. Stays in this module."""


class _CountedFile:
    """A file for exifread that gives up after `MAX_READS` reads."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reads = 0

    def read(self, size: int = -1) -> bytes:
        """Read at most 1 MiB."""
        self._reads += 1
        if self._reads > MAX_READS:
            raise _TooManyReadsError
        return self._file.read(min(size, 1 << 20) if size >= 0 else 1 << 20)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, as a file does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()


_Tags = dict[str, Any]
"""Tag name without its directory, such as `ExposureTime`, to exifread's tag object."""

_BAD_METADATA = (
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
    OSError,
    EOFError,
    struct.error,
    _TooManyReadsError,
)
"""What exifread raises for broken metadata, as found by fuzzing (docs/robustness.md)."""


def _read_tags(file: BinaryIO) -> _Tags:
    """Return the tags of a photo of any format."""
    tags: _Tags = {}
    parts = _tiff_parts(file)
    for part in parts:
        for name, tag in _process(part, details=False).items():
            tags.setdefault(name, tag)
    if _text(tags, "Make") == "Apple":
        burst = _process(parts[0], details=True).get(_APPLE_BURST)
        if burst is not None:
            tags["BurstUUID"] = burst
    return tags


_APPLE_BURST = "Tag 0x000B"
"""exifread's name for Apple's BurstUUID. It takes the offsets in Apple's notes as 14 bytes too far
and so loses the first 14 of the 36 characters; the other 22 still tell bursts apart."""

_KNOWN_BRANDS = frozenset({b"heic", b"avif", b"mif1"})
"""ISO base media files that exifread recognises."""


def _tiff_parts(file: BinaryIO) -> list[BinaryIO]:
    """Return what exifread has to look at: the file itself, or a piece of one it does not know."""
    file.seek(0)
    head = file.read(_XMP_WINDOW)
    file.seek(0)
    if head.startswith(b"FUJIFILMCCD-RAW"):
        start, length = (int.from_bytes(head[at : at + 4], "big") for at in (84, 88))
        file.seek(start)
        return [io.BytesIO(file.read(min(length, 1 << 20)))]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return [io.BytesIO(_webp_exif(file))]
    if head[4:12] == b"ftypcrx ":
        boxes = (re.search(name + rb"(?=II\*\0|MM\0\*)", head) for name in (b"CMT1", b"CMT2"))
        return [io.BytesIO(head[box.end() :]) for box in boxes if box]
    if head[4:8] == b"ftyp" and head[8:12] not in _KNOWN_BRANDS:
        return [io.BytesIO(head[:8] + b"heic" + file.read()[12:])]
    return [file]


def _webp_exif(file: BinaryIO) -> bytes:
    """Return the EXIF chunk of a WebP; exifread expects six bytes before it that few writers write.

    Empty if there is none.
    """
    file.seek(12)
    for _ in range(_MAX_CHUNKS):
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        if name == b"EXIF":
            return file.read(min(length, 1 << 20)).removeprefix(b"Exif\0\0")
        if len(name) < 4:
            break
        file.seek(length + length % 2, os.SEEK_CUR)
    return b""


_MAX_CHUNKS = 1000


def _process(file: BinaryIO, *, details: bool) -> _Tags:
    """Run exifread; drop the directory from the names, the first of two equal names wins."""
    import exifread
    from exifread.core.exceptions import ExifError

    logging.getLogger("exifread").disabled = True
    try:
        found = exifread.process_file(
            cast(BinaryIO, _CountedFile(file)),
            details=details,
            extract_thumbnail=False,
            truncate_tags=True,
        )
    except (ExifError, *_BAD_METADATA):
        return {}
    tags: _Tags = {}
    for name, tag in found.items():
        directory, _, short = name.partition(" ")
        if directory != "Thumbnail" and hasattr(tag, "values"):
            tags.setdefault(short, tag)
    return tags


def _essentials(tags: _Tags, google_burst: str | None) -> ExifEssentials:
    """Pick the essentials out of the tags."""
    orientation = _integer(tags, "Orientation")
    return ExifEssentials(
        taken_at=_taken_at(tags),
        utc_offset=_utc_offset(tags),
        camera_make=_text(tags, "Make"),
        camera_model=_text(tags, "Model"),
        camera_serial=_text(tags, "BodySerialNumber"),
        lens=_text(tags, "LensModel"),
        exposure_s=_positive(tags, "ExposureTime"),
        f_number=_positive(tags, "FNumber"),
        iso=_integer(tags, "ISOSpeedRatings"),
        focal_mm=_positive(tags, "FocalLength"),
        focal_35mm=_positive(tags, "FocalLengthIn35mmFilm"),
        exposure_bias=_number(tags, "ExposureBiasValue"),
        auto_bracket=_integer(tags, "ExposureMode") == 2,
        burst_id=_text(tags, "BurstUUID") or google_burst,
        orientation=orientation if orientation in range(1, 9) else None,
    )


def _google_burst(file: BinaryIO) -> str | None:
    """Return Google's BurstID from an XMP packet near the beginning of the file."""
    file.seek(0)
    found = re.search(rb"""GCamera:BurstID(?:=["']|>)([\w-]{1,64})["'<]""", file.read(_XMP_WINDOW))
    return found[1].decode("ascii", "replace") if found else None


def _taken_at(tags: _Tags) -> datetime | None:
    """Return when the photo was taken.

    `DateTime` does not count: editors set it, and a batch of exports would look like one burst.
    Clocks that were never set give dates of blanks or zeros, which is no time.
    """
    for name, fraction in (
        ("DateTimeOriginal", "SubSecTimeOriginal"),
        ("DateTimeDigitized", "SubSecTimeDigitized"),
    ):
        digits = re.findall(r"\d+", _text(tags, name) or "")
        if len(digits) < 6:
            continue
        try:
            year, month, day, hour, minute, second = (int(part) for part in digits[:6])
            moment = datetime(year, month, day, hour, minute, second)
        except (ValueError, OverflowError):
            continue
        sub_seconds = re.match(r"\d{1,6}", _text(tags, fraction) or "")
        return moment.replace(microsecond=int(sub_seconds[0].ljust(6, "0")) if sub_seconds else 0)
    return None


def _utc_offset(tags: _Tags) -> timedelta | None:
    """Return the offset of the camera's clock, from texts such as `+02:00` or `Z`."""
    for name in ("OffsetTimeOriginal", "OffsetTimeDigitized", "OffsetTime"):
        text = _text(tags, name) or ""
        if text == "Z":
            return timedelta(0)
        found = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text)
        if found and int(found[2]) <= 14 and int(found[3]) < 60:
            ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
            return ahead if found[1] == "+" else -ahead
    return None


def _text(tags: _Tags, name: str) -> str | None:
    """Return a text tag without padding and without characters that do not print."""
    values = tags[name].values if name in tags else ""
    if isinstance(values, bytes):
        values = values.decode("latin-1")
    if not isinstance(values, str):
        return None
    text = "".join(character for character in values if character.isprintable()).strip()
    return text[:200] or None


def _number(tags: _Tags, name: str) -> float | None:
    """Return the first number of a tag; None unless it is finite."""
    values = tags[name].values if name in tags else None
    if not isinstance(values, list) or not values:
        return None
    try:
        number = float(values[0])
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _positive(tags: _Tags, name: str) -> float | None:
    number = _number(tags, name)
    return number if number is not None and number > 0 else None


def _integer(tags: _Tags, name: str) -> int | None:
    number = _positive(tags, name)
    return round(number) if number is not None else None
