"""Any picture that Pillow can hold -> 8-bit sRGB without transparency. docs/formats.md says how.

The rules, in the order they are applied:

1. More than 8 bits: 16-bit grey is rounded to 8 (v / 257); wider colour is cut by the decoders.
   Floating-point samples are refused: they have no agreed white.
2. Palette and transparency: laid over white.
3. An ICC profile is applied: relative colorimetric with black point compensation, to sRGB. A
   profile that is broken or meant for other channels is ignored: the numbers count as sRGB, and
   the reason says so.
4. CMYK without a usable profile: the plain complement, R = (1 - C)(1 - K).
"""

import hashlib
import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from qpt_app.core.decode_limits import Refusal
from qpt_app.core.status import PhotoStatus

BACKGROUND = (255, 255, 255)
"""What shows through where a picture is transparent, sRGB."""

PROFILE_IGNORED = "colour profile unusable, taken as sRGB"
"""Reason of a photo whose profile could not be applied."""

MAX_PROFILE_BYTES = 16 << 20
"""A longer profile is ignored. The largest CMYK profiles in use have about 3 MB."""

_PROFILE_SPACE = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}
"""Colour space of the profile that fits a Pillow mode."""


def to_srgb(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Return the loaded picture in mode RGB as sRGB, and what was odd about its colours.

    Raises:
        Refusal: `unsupported` for floating-point samples and unknown modes.
    """
    profile = image.info.get("icc_profile")
    colour, alpha = _split_alpha(_to_8_bits(image))
    if isinstance(profile, bytes) and profile:
        colour, note = _apply_profile(colour, profile)
    else:
        note = None
    rgb = colour if colour.mode == "RGB" else colour.convert("RGB")
    return _over_background(rgb, alpha), note


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Return the picture in a mode of 8 bits per channel."""
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I;16") or image.mode == "I":
        samples = np.asarray(image)
        if samples.dtype.itemsize > 2:
            samples = samples.clip(0, 65535)
        return Image.fromarray(((samples.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise Refusal(PhotoStatus.UNSUPPORTED, "floating-point samples")
    return image


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the opaque colours in a mode with a profile, and the opacity (mode L) or None."""
    if image.mode in ("P", "PA"):
        transparent = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if transparent else "RGB")
    elif image.mode in ("RGB", "L") and "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode in ("LA", "La", "RGBa"):
        image = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        low, _ = alpha.getextrema()
        return image.convert("RGB"), None if low == 255 else alpha
    if image.mode in ("YCbCr", "HSV", "RGBX"):
        return image.convert("RGB"), None
    if image.mode not in _PROFILE_SPACE:
        raise Refusal(PhotoStatus.UNSUPPORTED, f"pixels of the kind {image.mode}")
    return image, None


def _over_background(rgb: Image.Image, alpha: Image.Image | None) -> Image.Image:
    if alpha is None:
        return rgb
    return Image.composite(rgb, Image.new("RGB", rgb.size, BACKGROUND), alpha)


def _apply_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image, str | None]:
    """Return the picture in sRGB, or as it was together with a note."""
    space = _profile_space(profile)
    if image.mode == "L" and space == "RGB":
        image = image.convert("RGB")
    if space is None or space != _PROFILE_SPACE[image.mode]:
        return image, PROFILE_IGNORED
    try:
        transform = _transform(_Profile(profile), image.mode)
        if transform is None:
            return image, None
        return ImageCms.applyTransform(image, transform) or image, None
    except (ImageCms.PyCMSError, ValueError, OSError):
        return image, PROFILE_IGNORED


class _Profile:
    """The bytes of a profile, compared by their digest, so that caches hold them cheaply."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._digest = hashlib.sha256(data).digest()

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Profile) and self._digest == other._digest


def _profile_space(profile: bytes) -> str | None:
    """Return the colour space that a profile's header names; None if it cannot be one."""
    if not 128 <= len(profile) <= MAX_PROFILE_BYTES or profile[36:40] != b"acsp":
        return None
    return profile[16:20].decode("ascii", "replace").strip()


@lru_cache(maxsize=16)
def _transform(profile: _Profile, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the conversion from a profile to sRGB; None where it changes nothing.

    Raises:
        PyCMSError, ValueError, OSError: if the profile cannot be used.
    """
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile.data)),
        _srgb(),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return None if mode == "RGB" and _changes_nothing(transform) else transform


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a conversion moves no colour of a 9 x 9 x 9 cube by more than one step of 255.

    The many photos that carry sRGB itself need not be converted; what a profile does decides, not
    what it is called.
    """
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 27, 3)
    converted = np.asarray(ImageCms.applyTransform(Image.fromarray(cube), transform))
    return int(np.abs(converted.astype(int) - cube).max()) <= 1
