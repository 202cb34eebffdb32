"""RAW files: the embedded preview where it is large enough, else a half-size development.

Never a thumbnail. LibRaw (rawpy) finds the preview; it is a JPEG and goes through the same limits
as any other. The development uses the camera's white balance, sRGB, no automatic brightness, so
that an under-exposed frame stays dark.
"""

import io
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from qpt_app.core.decode_ends import MAX_MISSING_SHARE, missing_share_of_raw
from qpt_app.core.decode_limits import DecodeLimits, Refusal, check_size
from qpt_app.core.decode_pillow import Picture, decode_with_pillow, translating_errors
from qpt_app.core.preprocess import Pixels
from qpt_app.core.status import PhotoStatus

MIN_PREVIEW_SIDE = 1024
"""Long side in pixels from which on an embedded preview stands for the photo."""

_BYTES_PER_SENSOR_PIXEL = 6
"""Sensor data (2), the half-size picture in 4 x 16 bits (2) and the result with its copies (2)."""

_QUARTER_TURNS = {3: 2, 5: 1, 6: 3}
"""LibRaw's `flip` -> counter-clockwise quarter turns that make the picture upright."""


def decode_raw(file: BinaryIO, kind: str, *, min_side: int | None, limits: DecodeLimits) -> Picture:
    """Decode a RAW file of the format `kind`.

    Raises:
        Refusal: with the status of a photo that cannot or must not be decoded.
    """
    import rawpy

    file.seek(0)
    with translating_errors(kind):
        try:
            with rawpy.imread(io.BytesIO(file.read())) as raw:
                picture = _decode_opened(raw, kind, min_side, limits)
        except (rawpy.LibRawFileUnsupportedError, rawpy.NotSupportedError) as error:
            raise Refusal(PhotoStatus.UNSUPPORTED, "a RAW file of an unknown camera") from error
        except rawpy.LibRawUnsufficientMemoryError as error:
            raise MemoryError from error
        except rawpy.LibRawError as error:
            raise Refusal(PhotoStatus.UNREADABLE, _libraw_text(error)) from error
    return _marked_if_cut(picture, missing_share_of_raw(file, kind))


def _marked_if_cut(picture: Picture, missing: float) -> Picture:
    """Return the picture of a RAW file that lacks a share of its length, as what it is.

    A preview can be whole nevertheless, but the photo is not, and the person should know before the
    card is wiped.

    Raises:
        Refusal: if more than half is missing and there is no preview.
    """
    if not missing:
        return picture
    if picture.note is not None and missing > MAX_MISSING_SHARE:
        raise Refusal(
            PhotoStatus.UNREADABLE, f"cut short: {missing:.0%} is missing", kind=picture.format
        )
    note = f"cut short: {missing:.0%} is missing; {picture.note or 'its preview is whole'}"
    return replace(picture, damaged=True, note=note)


def _decode_opened(raw: Any, kind: str, min_side: int | None, limits: DecodeLimits) -> Picture:
    """Return the preview or the development of an opened RAW file."""
    sizes = raw.sizes
    check_size(sizes.raw_width, sizes.raw_height, _BYTES_PER_SENSOR_PIXEL, limits)
    turned = sizes.flip in (5, 6)
    width, height = (sizes.height, sizes.width) if turned else (sizes.width, sizes.height)
    pixels = _preview(raw, min_side, limits)
    note, empty = None, 0.0
    if pixels is None:
        empty = _empty_share(raw)
        if empty > MAX_MISSING_SHARE:
            raise Refusal(PhotoStatus.UNREADABLE, f"{empty:.0%} of the sensor data are empty")
        pixels = _develop(raw)
        note = "developed: no embedded preview of at least 1,024 pixels"
        if empty:
            note = f"{empty:.0%} of the sensor data are empty; {note}"
    return Picture(
        pixels=pixels, width=width, height=height, format=kind, note=note, damaged=bool(empty)
    )


def _empty_share(raw: Any) -> float:
    """Return the share of sensor rows, from the last one up, that are nothing but zeros.

    LibRaw leaves rows at zero where compressed data end early. Noise and the black level keep a
    sensor from doing that, so up to 1 in 64 is taken for a border and counts as none.
    """
    import rawpy

    if raw.raw_type != rawpy.RawType.Flat:
        return 0.0
    filled = np.flatnonzero(raw.raw_image.any(axis=1))
    rows = len(raw.raw_image)
    empty = (rows - 1 - int(filled[-1])) / rows if len(filled) else 1.0
    return empty if empty > 1 / 64 else 0.0


def _preview(raw: Any, min_side: int | None, limits: DecodeLimits) -> Pixels | None:
    """Return the embedded preview, upright; None if it is missing, broken or too small."""
    import rawpy

    try:
        thumb = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if thumb.format == rawpy.ThumbFormat.BITMAP:
        bitmap: Pixels = np.asarray(thumb.data)
        usable = bitmap.ndim == 3 and bitmap.dtype == np.uint8 and bitmap.shape[2] == 3
        if not usable or max(bitmap.shape[:2]) < MIN_PREVIEW_SIDE:
            return None
        return _upright(bitmap.copy(), raw.sizes)  # the original lives in memory of LibRaw's
    if thumb.format != rawpy.ThumbFormat.JPEG:
        return None
    try:
        picture = decode_with_pillow(
            io.BytesIO(thumb.data), "JPEG", min_side=min_side, limits=limits
        )
    except Refusal:
        return None
    if picture.damaged or max(picture.width, picture.height) < MIN_PREVIEW_SIDE:
        return None
    return picture.pixels if picture.turned else _upright(picture.pixels, raw.sizes)


def _upright(pixels: Pixels, sizes: Any) -> Pixels:
    """Turn a preview that carries no orientation of its own as the sensor data are to be turned.

    LibRaw writes the orientation into previews without EXIF. A preview of the other format than
    the sensor was stored upright.
    """
    if sizes.flip not in _QUARTER_TURNS:
        return pixels
    if sizes.flip != 3 and _is_landscape(pixels) != (sizes.width >= sizes.height):
        return pixels
    return np.ascontiguousarray(np.rot90(pixels, _QUARTER_TURNS[sizes.flip]))


def _develop(raw: Any) -> Pixels:
    """Return the upright half-size development, (H, W, 3) uint8 sRGB."""
    import rawpy

    developed: Pixels = raw.postprocess(
        half_size=True,
        use_camera_wb=True,
        no_auto_bright=True,
        output_color=rawpy.ColorSpace.sRGB,
        output_bps=8,
        user_sat=_white_level(raw),
    )
    return developed


def _white_level(raw: Any) -> int | None:
    """Return the sample value of white where LibRaw's own cannot be right, else None (its own).

    Pictures that are already RGB (film scanners' NEF) have 16-bit samples, but LibRaw takes their
    white as 255, which would develop them to a white sheet. Only looked at after the preview:
    LibRaw 0.22 frees the samples' memory when it unpacks a preview of such a file.
    """
    import rawpy

    if raw.raw_type != rawpy.RawType.Stack:
        return None
    brightest = int(raw.raw_image.max())
    return (1 << brightest.bit_length()) - 1 if brightest > 4 * raw.white_level else None


def _is_landscape(pixels: Pixels) -> bool:
    height, width, _ = pixels.shape
    return int(width) >= int(height)


def _libraw_text(error: Exception) -> str:
    """Return LibRaw's own words, which it raises as bytes."""
    text = error.args[0] if error.args else ""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return words.strip().lower() or type(error).__name__
