"""Opens and loads a picture through Pillow, in full or, if it was cut short, as far as it goes."""

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from qpt_app.core.decode_colour import to_srgb
from qpt_app.core.decode_ends import PADDED_FORMATS, completed, lacks_end
from qpt_app.core.decode_file import refusal_of
from qpt_app.core.decode_jxl import check_jxl_size
from qpt_app.core.decode_limits import DecodeLimits, Refusal, check_jpeg_scans, check_size
from qpt_app.core.decode_lock import SharedLock
from qpt_app.core.preprocess import Pixels
from qpt_app.core.status import PhotoStatus

MAX_PILLOW_PIXELS = 1 << 30
"""Pillow's own limit, a second line behind `check_size`: one byte budget of grey pixels."""

MIN_DECODED_SHARE = 0.5
"""A photo of which a smaller share of its rows could be decoded is `unreadable`."""

BROKEN_FILE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    RuntimeError,
    OverflowError,
    LookupError,
    TypeError,
    AttributeError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
)
"""What Pillow and its libraries raise for broken files, as found by fuzzing (docs/robustness.md).
MemoryError and NotImplementedError are caught before it and have statuses of their own."""

_TOLERANT_FORMATS = frozenset({"JPEG", "PNG", "TIFF", "GIF", "BMP", *PADDED_FORMATS})
"""Formats of which a part can be decoded; for the others a cut file is `unreadable`."""

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes the picture upright (CIPA DC-008, tag 274)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A decoded photo inside the decoders."""

    pixels: Pixels
    """(H, W, 3) uint8 sRGB, upright."""
    width: int
    """Upright width of the full picture, which a scaled decode does not have."""
    height: int
    format: str
    damaged: bool = False
    note: str | None = None
    turned: bool = False
    """Whether the file's own orientation asked for a turn, which has been made."""


def decode_with_pillow(
    file: BinaryIO, kind: str, *, min_side: int | None, limits: DecodeLimits
) -> Picture:
    """Decode a file whose content was recognised as `kind`.

    Raises:
        Refusal: with the status of a photo that cannot or must not be decoded.
    """
    if kind == "JPEG":
        check_jpeg_scans(file, limits)
    elif kind == "WEBP":
        _check_webp_canvas(file, limits)
    elif kind == "JXL":
        check_jxl_size(file, limits)
    try:
        with _PILLOW_LOCK.shared():
            image, size = _load(file, kind, min_side, limits)
        damage = "the end of the file is missing" if lacks_end(file, kind) else None
        return _finish(image, size, kind, damage=damage)
    except Refusal as refusal:
        is_broken = refusal.status is PhotoStatus.UNREADABLE and not refusal.may_pass
        if not is_broken or kind not in _TOLERANT_FORMATS:
            raise
        return _decode_what_is_there(file, kind, min_side, limits, damage=refusal)


def _decode_what_is_there(
    file: BinaryIO, kind: str, min_side: int | None, limits: DecodeLimits, *, damage: Refusal
) -> Picture:
    """Decode a broken file as far as it goes; raise `damage` if that is not far enough."""
    for attempt in completed(file, kind) if kind in PADDED_FORMATS else [file]:
        try:
            with _PILLOW_LOCK.exclusive(), _tolerating_truncation():
                image, size = _load(attempt, kind, min_side, limits)
        except Refusal as again:
            if again.may_pass:
                raise
            continue
        if _decoded_share(image) < MIN_DECODED_SHARE:
            reason = f"less than half of it is there: {damage.reason}"
            raise Refusal(PhotoStatus.UNREADABLE, reason, kind=kind)
        return _finish(image, size, kind, damage=damage.reason)
    raise damage


def _finish(image: Image.Image, size: tuple[int, int], kind: str, damage: str | None) -> Picture:
    """Turn a loaded picture upright, convert its colours and hand it over as an array."""
    orientation = 1 if _comes_upright(image, kind) else read_orientation(image)
    with translating_errors(kind):
        rgb, note = to_srgb(image)
        width, height = size
        if orientation in _TURNS:
            rgb = rgb.transpose(_TURNS[orientation])
            width, height = (height, width) if orientation >= 5 else (width, height)
        pixels = _to_array(rgb)
    return Picture(
        pixels=pixels,
        width=width,
        height=height,
        format=image.format or kind,
        damaged=damage is not None,
        note="; ".join(text for text in (damage, note) if text) or None,
        turned=orientation in _TURNS,
    )


def _comes_upright(image: Image.Image, kind: str) -> bool:
    """Whether the decoder has made the turn that the EXIF repeats.

    libheif and libjxl follow the container and the codestream; a JPEG that JPEG XL holds whole is
    decoded as any other.
    """
    return kind == "HEIF" or (kind == "JXL" and not getattr(image, "jpeg", False))


_BAND_ROWS = 128


def _to_array(rgb: Image.Image) -> Pixels:
    """Return an RGB picture as (H, W, 3) uint8.

    Copied in bands that fit the processor's cache: a quarter of the time of `np.asarray` for
    12 megapixels, and without its second copy.
    """
    pixels = np.empty((rgb.height, rgb.width, 3), np.uint8)
    for top in range(0, rgb.height, _BAND_ROWS):
        bottom = min(rgb.height, top + _BAND_ROWS)
        pixels[top:bottom] = np.asarray(rgb.crop((0, top, rgb.width, bottom)))
    return pixels


def _load(
    file: BinaryIO, kind: str, min_side: int | None, limits: DecodeLimits
) -> tuple[Image.Image, tuple[int, int]]:
    """Return a loaded picture and the size of the full picture, both as stored, not turned."""
    file.seek(0)
    quiet_pillow()
    with translating_errors(kind):
        image = Image.open(file, formats=[_allowed_plugin(kind)])
        size = image.size
        if kind == "JPEG" and min_side is not None:
            image.draft(None, _draft_size(size, min_side))
        _check_cost(image, size, limits)
        image.load()
    return image, size


def _draft_size(size: tuple[int, int], min_side: int) -> tuple[int, int]:
    """Return the smallest size a scaled decode may have: its long side is `min_side`."""
    long_side = max(size)
    width, height = (max(1, -(-side * min_side // long_side)) for side in size)
    return width, height


_BYTES_PER_PIXEL = 4


def _check_cost(image: Image.Image, full_size: tuple[int, int], limits: DecodeLimits) -> None:
    """Refuse a picture whose decoding would take too much memory.

    Every picture ends as RGB, for which Pillow takes four bytes per pixel. A progressive JPEG also
    keeps all coefficients, two bytes each, of the full picture, scaled or not.
    """
    check_size(*full_size, 0, limits)
    check_size(*image.size, _BYTES_PER_PIXEL, limits)
    if image.info.get("progressive"):
        check_size(*full_size, 2 * _coefficients_per_pixel(image), limits)


def _coefficients_per_pixel(image: Image.Image) -> float:
    """Return how many coefficients a JPEG keeps per pixel: 1.5 for 4:2:0, 3 for 4:4:4."""
    layers = [layer[1:3] for layer in getattr(image, "layer", [])]
    largest = max((horizontal * vertical for horizontal, vertical in layers), default=1)
    coefficients = sum(int(horizontal * vertical) for horizontal, vertical in layers)
    return coefficients / max(1, int(largest))


def _check_webp_canvas(file: BinaryIO, limits: DecodeLimits) -> None:
    """Refuse a WebP by its header; Pillow's decoder allocates two canvases when it opens a file."""
    file.seek(0)
    head = file.read(30).ljust(30, b"\0")
    if head[12:16] == b"VP8X":
        width = 1 + int.from_bytes(head[24:27], "little")
        height = 1 + int.from_bytes(head[27:30], "little")
    elif head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width = int.from_bytes(head[26:28], "little") & 0x3FFF
        height = int.from_bytes(head[28:30], "little") & 0x3FFF
    with translating_errors("WEBP"):
        check_size(width, height, 2 * _BYTES_PER_PIXEL, limits)


@lru_cache(maxsize=16)
def _allowed_plugin(kind: str) -> str:
    """Return the name of the Pillow plug-in for `kind`, having made sure that it is registered.

    A name that is not in `Image.OPEN` makes `Image.open` fail with a KeyError for every file.
    """
    Image.init()
    Image.MAX_IMAGE_PIXELS = MAX_PILLOW_PIXELS
    if kind == "HEIF":
        import pi_heif

        pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    elif kind == "JXL":
        import pillow_jxl  # noqa: F401 (registers itself)
    if kind not in Image.OPEN:
        raise Refusal(PhotoStatus.UNSUPPORTED, f"this build of Pillow cannot read {kind}")
    return kind


def read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except BROKEN_FILE_ERRORS:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _decoded_share(image: Image.Image) -> float:
    """Return the share of rows before the trailing block of one colour that missing data leaves.

    Decoders fill what is missing with one colour (and may smooth its edge), so a damaged picture
    that really ends in a plain area counts as shorter than it is.
    """
    if min(image.size) < 1:
        return 0.0
    with translating_errors(image.format or ""):
        rows = np.asarray(image).reshape(image.height, image.width, -1)
    filled = _plain_rows(rows[::-1])
    if image.format == "BMP":  # stored from the bottom to the top, as a rule
        filled = max(filled, _plain_rows(rows))
    return 1 - filled / image.height


def _plain_rows(rows: NDArray[Any]) -> int:
    """Return how many of the first rows of (H, W, C) have the colour of the very first pixel."""
    colour = rows[0, 0].astype(np.int32)
    for number, row in enumerate(rows):
        if np.abs(row - colour).max() > _FILL_TOLERANCE:
            return number
    return len(rows)


_FILL_TOLERANCE = 2
"""Levels by which rows that were filled in may differ."""


@contextmanager
def translating_errors(kind: str) -> Iterator[None]:
    """Turn what decoders raise for bad files into a `Refusal` that knows its format."""
    try:
        yield
    except Refusal as refusal:
        refusal.kind = refusal.kind or kind
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refusal(PhotoStatus.TOO_LARGE, "more pixels than allowed", kind=kind) from error
    except MemoryError as error:
        raise Refusal(
            PhotoStatus.TOO_LARGE, "more memory needed than there is", kind=kind
        ) from error
    except ModuleNotFoundError as error:
        raise Refusal(
            PhotoStatus.UNSUPPORTED, f"{error.name} is not installed", kind=kind
        ) from error
    except NotImplementedError as error:
        raise Refusal(PhotoStatus.UNSUPPORTED, describe_error(error), kind=kind) from error
    except BROKEN_FILE_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk, not the content
            raise refusal_of(error) from error
        raise Refusal(PhotoStatus.UNREADABLE, describe_error(error), kind=kind) from error


def describe_error(error: Exception) -> str:
    """Return one short printable line for an exception of a decoder."""
    if isinstance(error, UnidentifiedImageError):
        return "the beginning of the file is broken"
    text = " ".join(str(part) for part in error.args) or type(error).__name__
    text = re.sub(r"<[^>]*> ?|0x[0-9a-f]{6,}", "", text)
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:160]


@contextmanager
def _tolerating_truncation() -> Iterator[None]:
    """Let Pillow decode files that end too early; only under the exclusive lock."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


_PILLOW_LOCK = SharedLock()
"""Pillow's switch for truncated files holds for the whole process: without the lock a broken photo
that another thread loads meanwhile would pass as whole."""

_PILLOW_MODULES = re.compile(r"(PIL|pi_heif|pillow_jxl)\b")


def quiet_pillow() -> None:
    """Keep Pillow's remarks about odd metadata off the user's terminal.

    Done for every photo, because test runners reset the filters; cheap where nothing changed.
    """
    if not any(
        item[0] == "ignore" and item[2] is UserWarning and item[3] == _PILLOW_MODULES
        for item in warnings.filters
    ):
        warnings.filterwarnings("ignore", category=UserWarning, module=_PILLOW_MODULES.pattern)
        warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
