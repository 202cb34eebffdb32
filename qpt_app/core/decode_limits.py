"""What a photo may cost before its pixels are decoded, and how a refusal travels to the door."""

from dataclasses import dataclass
from typing import BinaryIO

from qpt_app.core.status import PhotoStatus

_MIB = 1 << 20
_BLOCK = 1 << 20
_LONG_SIDE_OF_A_STRIP = 16_384
"""Aspect is only limited for pictures longer than this: a 2 x 500 icon is odd but harmless."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeLimits:
    """The most that one photo may cost. A photo beyond it is `too_large` and not decoded."""

    byte_budget: int = 1024 * _MIB
    """Bytes of decoded picture in the decoder's own layout, after a scaled JPEG decode. Peak memory
    is up to about three times that, because turning and colour conversion make copies."""
    max_file_bytes: int = 1024 * _MIB
    """Length of the file; RAW and HEIF files are read whole."""
    max_aspect: float = 100.0
    """Long side over short side, for pictures with a long side above 16,384 pixels."""
    max_jpeg_scans: int = 100
    """Scans of a JPEG (`SOS` markers). Cameras write at most about a dozen; every scan of a
    progressive file costs a pass over the whole picture, whatever its length in bytes."""


class Refusal(Exception):
    """Carries a status from inside the decoders to the door, which turns it into a value.

    Never leaves `decode_photo`.
    """

    def __init__(
        self,
        status: PhotoStatus,
        reason: str,
        *,
        kind: str | None = None,
        may_pass: bool = False,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.kind = kind
        """What the content is, where it was recognised."""
        self.may_pass = may_pass
        """Whether the cause is the disk, the network or the computer and not the content."""


def check_size(width: int, height: int, bytes_per_pixel: float, limits: DecodeLimits) -> None:
    """Refuse a picture of `width` x `height` pixels that the limits do not allow.

    Raises:
        Refusal: `too_large`, or `unreadable` if a side is not positive.
    """
    if width < 1 or height < 1:
        raise Refusal(PhotoStatus.UNREADABLE, "the picture has no pixels")
    long_side, short_side = max(width, height), min(width, height)
    if long_side > _LONG_SIDE_OF_A_STRIP and long_side > limits.max_aspect * short_side:
        raise Refusal(
            PhotoStatus.TOO_LARGE,
            f"{width} x {height} pixels is longer than {limits.max_aspect:g} to 1",
        )
    cost = width * height * bytes_per_pixel
    if cost > limits.byte_budget:
        raise Refusal(
            PhotoStatus.TOO_LARGE,
            f"{width} x {height} pixels need {cost / _MIB:,.0f} MiB, "
            f"the limit is {limits.byte_budget / _MIB:,.0f} MiB",
        )


def check_jpeg_scans(file: BinaryIO, limits: DecodeLimits) -> None:
    """Refuse a JPEG with more scans than allowed; leaves the file position anywhere.

    Two passes: a plain search for the two marker bytes, which can only count too many, and a walk
    along the markers for the few files where that is over the limit.

    Raises:
        Refusal: `too_large`.
    """
    if _count_marker_bytes(file, limits.max_jpeg_scans) <= limits.max_jpeg_scans:
        return
    scans = count_jpeg_scans(file, stop_after=limits.max_jpeg_scans)
    if scans > limits.max_jpeg_scans:
        raise Refusal(
            PhotoStatus.TOO_LARGE,
            f"more than {limits.max_jpeg_scans} scans in one JPEG",
            kind="JPEG",
        )


def _count_marker_bytes(file: BinaryIO, stop_after: int) -> int:
    """Return how often FF DA stands in the file, at least up to `stop_after` + 1."""
    file.seek(0)
    count, tail = 0, b""
    while block := file.read(_BLOCK):
        count += (tail + block).count(b"\xff\xda")
        if count > stop_after:
            break
        tail = block[-1:] if block[-1:] == b"\xff" else b""
    return count


def count_jpeg_scans(file: BinaryIO, *, stop_after: int) -> int:
    """Return the number of scans of the first picture of a JPEG, counted along its markers.

    Counting ends at `stop_after` + 1, at the end of the picture or at the end of the file.
    """
    file.seek(2)
    scans = 0
    while (marker := _next_marker(file)) is not None and marker != 0xD9:
        if marker == 0xDA:
            scans += 1
            if scans > stop_after:
                break
        if marker not in _BARE_MARKERS:
            length = int.from_bytes(file.read(2), "big")
            file.seek(max(0, length - 2), 1)
    return scans


_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a length: TEM, the restart markers and SOI."""


def _next_marker(file: BinaryIO) -> int | None:
    """Return the next JPEG marker at or after the file position; None at the end of the file.

    Skips entropy-coded data, in which FF is followed by 00 or a restart marker.
    """
    while block := file.read(_BLOCK):
        position = block.find(b"\xff")
        while 0 <= position < len(block) - 1:
            code = block[position + 1]
            if code != 0xFF and code != 0x00 and not 0xD0 <= code <= 0xD7:
                file.seek(position + 2 - len(block), 1)
                return code
            position = block.find(b"\xff", position + (1 if code == 0xFF else 2))
        if position == len(block) - 1 and len(block) > 1:
            file.seek(-1, 1)
    return None
