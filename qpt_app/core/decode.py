"""The only place that opens an image file: a path in, an upright sRGB picture or a status out.

The content decides the format, never the extension; only the formats of `supported_formats()` are
tried. Everything is checked against `DecodeLimits` before pixels are decoded. Nothing is raised
for a bad photo. docs/formats.md states every rule.
"""

from dataclasses import dataclass
from typing import BinaryIO

from qpt_app.core.decode_file import AnyPath, identity_of, open_photo_file, refusal_of
from qpt_app.core.decode_formats import (
    PHOTO_EXTENSIONS,
    RAW_EXTENSIONS,
    RAW_KINDS,
    RENDERED_EXTENSIONS,
    SNIFF_BYTES,
    FormatSupport,
    describe_content,
    missing_decoder,
    sniff,
    supported_formats,
)
from qpt_app.core.decode_limits import DecodeLimits, Refusal
from qpt_app.core.decode_pillow import Picture, decode_with_pillow
from qpt_app.core.decode_raw import decode_raw
from qpt_app.core.decode_tiff import raw_kind
from qpt_app.core.preprocess import Pixels
from qpt_app.core.status import PhotoStatus

__all__ = [
    "PHOTO_EXTENSIONS",
    "RAW_EXTENSIONS",
    "RENDERED_EXTENSIONS",
    "DecodeLimits",
    "DecodedPhoto",
    "FormatSupport",
    "decode_photo",
    "supported_formats",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedPhoto:
    """What became of one file."""

    status: PhotoStatus
    reason: str | None = None
    """Short text: why there are no pixels or what is odd about them; None for a plain `ok`."""
    pixels: Pixels | None = None
    """(H, W, 3) uint8 sRGB, upright; None unless `status.has_pixels`. May be read-only."""
    width: int | None = None
    """Upright width of the file's full picture, also where `pixels` is a scaled decode."""
    height: int | None = None
    format: str | None = None
    """What the content is: `JPEG`, `MPO`, `HEIF`, `NEF`, ...; None where nobody could tell."""
    may_pass: bool = False
    """Whether the cause of a failure is the disk, the network or the computer, not the content."""


def decode_photo(
    path: AnyPath, *, min_side: int | None = None, limits: DecodeLimits | None = None
) -> DecodedPhoto:
    """Decode one photo. Safe to call from several threads.

    Args:
        path: the file; links are followed.
        min_side: a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as its long side stays at least
            this many pixels (at least the full size where it is smaller). None: native pixels.
        limits: what a photo may cost; the defaults if None.
    """
    limits = limits or DecodeLimits()
    for _ in range(2):
        try:
            with open_photo_file(path, limits) as file:
                before = identity_of(file)
                photo = _decode_opened(file, min_side, limits)
                if identity_of(file) == before:
                    return photo
        except Refusal as refusal:
            return _refused(refusal)
        except OSError as error:
            return _refused(refusal_of(error))
    return DecodedPhoto(status=PhotoStatus.CHANGED, reason="it changed while it was read, twice")


def _decode_opened(file: BinaryIO, min_side: int | None, limits: DecodeLimits) -> DecodedPhoto:
    """Decode an open file; a refusal becomes a value, so that the caller can look for changes."""
    try:
        picture = _decode_content(file, min_side, limits)
    except Refusal as refusal:
        return _refused(refusal)
    return DecodedPhoto(
        status=PhotoStatus.DAMAGED if picture.damaged else PhotoStatus.OK,
        reason=picture.note,
        pixels=picture.pixels,
        width=picture.width,
        height=picture.height,
        format=picture.format,
    )


def _decode_content(file: BinaryIO, min_side: int | None, limits: DecodeLimits) -> Picture:
    """Recognise the content and hand it to its decoder."""
    head = file.read(SNIFF_BYTES)
    kind = sniff(head)
    if kind == "TIFF":
        kind = raw_kind(file) or "TIFF"
    if kind is None:
        raise Refusal(PhotoStatus.UNSUPPORTED, describe_content(head))
    lacking = missing_decoder("RAW" if kind in RAW_KINDS else kind)
    if lacking is not None:
        raise Refusal(PhotoStatus.UNSUPPORTED, lacking, kind=kind)
    decoder = decode_raw if kind in RAW_KINDS else decode_with_pillow
    return decoder(file, kind, min_side=min_side, limits=limits)


def _refused(refusal: Refusal) -> DecodedPhoto:
    return DecodedPhoto(
        status=refusal.status,
        reason=refusal.reason,
        format=refusal.kind,
        may_pass=refusal.may_pass,
    )
