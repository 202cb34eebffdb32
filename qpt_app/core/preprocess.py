"""Upright sRGB pixels -> the fixed views that the model sees, the same for the same photo.

The photo is first fitted to a *screen* of `screen_side` pixels (its long side; never enlarged):
the score means "quality as seen fitted to that screen". From the fitted photo come one global
view (whole frame, aspect ratio kept, fixed area) and a fixed grid of crops that are cut, not
resized. Only numpy and Pillow are used, so that every engine sees the same pixels.
"""

import math
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qpt_app.errors import ModelFormatError

PREPROCESS_VERSION = 1
"""Raised whenever the same config would give other pixels; part of every cache key."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True)
class PreprocessConfig:
    """What the model sees of a photo. Travels inside the model file."""

    screen_side: int = 720
    """Long side in pixels that a larger photo is fitted to before anything else."""
    global_side: int = 256
    """The global view covers the area of a square of this side, in pixels."""
    global_multiple: int = 32
    """Both sides of the global view are a multiple of this (the stride of the encoders)."""
    crop_size: int = 224
    """Side of the square crops in pixels of the fitted photo."""
    crop_columns: int = 3
    """Crops along the long side; `crop_columns * crop_rows` in all."""
    crop_rows: int = 2
    """Crops along the short side."""
    version: int = PREPROCESS_VERSION

    @property
    def crop_count(self) -> int:
        """Number of crops cut from every photo."""
        return self.crop_columns * self.crop_rows

    @property
    def decode_side(self) -> int:
        """Smallest long side that a scaled JPEG decode may return: twice the screen."""
        return 2 * self.screen_side

    def to_dict(self) -> dict[str, int]:
        """Return the fields as a plain dict for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, object]) -> "PreprocessConfig":
        """Build a config from a model file's JSON.

        Raises:
            ModelFormatError: if a field is unknown, missing or not a positive integer, or the
                version is not one that this program can reproduce.
        """
        known = set(cls.__dataclass_fields__)
        if set(fields) != known:
            odd = ", ".join(sorted(set(fields) ^ known))
            raise ModelFormatError(f"the model's preprocess settings do not fit: {odd}")
        values: dict[str, int] = {}
        for name, value in fields.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ModelFormatError(f"the model's preprocess field {name} is {value!r}")
            values[name] = value
        if values["version"] != PREPROCESS_VERSION:
            raise ModelFormatError(
                f"the model needs preprocess version {values['version']}, this qpt has "
                f"{PREPROCESS_VERSION}; install a matching qpt"
            )
        return cls(**values)


class Views(NamedTuple):
    """What the model sees of one photo."""

    global_view: Pixels
    """(H, W, 3) uint8 sRGB, the whole frame."""
    crops: Pixels
    """(K, S, S, 3) uint8 sRGB, cut from the fitted photo."""


def fit_to_screen(pixels: Pixels, screen_side: int) -> Pixels:
    """Shrink (H, W, 3) uint8 so that the long side is at most `screen_side`; never enlarge."""
    height, width = pixels.shape[:2]
    long_side = max(height, width)
    if long_side <= screen_side:
        return pixels
    scale = screen_side / long_side
    return _resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))


def global_size(width: int, height: int, config: PreprocessConfig) -> tuple[int, int]:
    """Return (width, height) of the global view of a fitted photo.

    The area is that of a square of `global_side`, or the photo's own where it is smaller; each
    side is the nearest multiple of `global_multiple`, at least one and at most eight squares'
    sides long, so that an extreme panorama stays affordable.
    """
    area = min(width * height, config.global_side**2)
    step = config.global_multiple
    limit = 8 * config.global_side // step
    aspect = width / height

    def side(length: float) -> int:
        return min(limit, max(1, round(length / step))) * step

    return side(math.sqrt(area * aspect)), side(math.sqrt(area / aspect))


def crop_offsets(length: int, crop_size: int, count: int) -> list[int]:
    """Return `count` evenly spread offsets of crops along a side of `length` >= `crop_size`."""
    room = length - crop_size
    if count == 1:
        return [room // 2]
    return [round(room * position / (count - 1)) for position in range(count)]


def grid_crops(pixels: Pixels, config: PreprocessConfig) -> Pixels:
    """Cut the fixed grid of crops: (H, W, 3) -> (K, S, S, 3), more crops along the long side.

    A side shorter than the crop is extended by mirroring.
    """
    padded = pad_to(pixels, config.crop_size)
    height, width = padded.shape[:2]
    columns, rows = config.crop_columns, config.crop_rows
    if height > width:
        columns, rows = rows, columns
    size = config.crop_size
    return np.stack(
        [
            padded[top : top + size, left : left + size]
            for top in crop_offsets(height, size, rows)
            for left in crop_offsets(width, size, columns)
        ]
    )


def pad_to(pixels: Pixels, size: int) -> Pixels:
    """Extend (H, W, 3) by mirroring so that both sides are at least `size`."""
    height, width = pixels.shape[:2]
    down, right = max(0, size - height), max(0, size - width)
    if not down and not right:
        return pixels
    top, left = down // 2, right // 2
    return np.pad(pixels, ((top, down - top), (left, right - left), (0, 0)), mode="symmetric")


def global_view(pixels: Pixels, config: PreprocessConfig) -> Pixels:
    """Return the whole fitted photo at the fixed area, (H', W', 3) uint8."""
    height, width = pixels.shape[:2]
    return _resize(pixels, *global_size(width, height, config))


def prepare_views(pixels: Pixels, config: PreprocessConfig) -> Views:
    """Turn an upright sRGB photo, (H, W, 3) uint8, into the views that the model sees."""
    fitted = fit_to_screen(pixels, config.screen_side)
    return Views(global_view(fitted, config), grid_crops(fitted, config))


def _resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Resize (H, W, 3) uint8 with Pillow's antialiased bicubic filter."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(pixels)
    # reducing_gap=2 shrinks by whole factors first; 50 dB from the plain filter at a third of
    # the time on 12 megapixels, and it is part of PREPROCESS_VERSION.
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0))
