"""What kind of photo a file name says it is; it decides where other programs keep ratings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PROPRIETARY_RAW: Final = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".erf", ".fff", ".gpr", ".iiq", ".k25"),
        *(".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".raw"),
        *(".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    }
)
"""RAW formats that nobody but the camera maker writes into; Adobe keeps a sidecar for them."""

RENDERED: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
        *(".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k", ".jxl", ".psd"),
    }
)
"""Formats of finished pictures."""

JPEG: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})

_FORMATS: Final = {".tif": "TIFF", ".heif": "HEIF", ".hif": "HEIF", ".j2k": "JP2"}
"""Formats of more than one ending; others are called as their ending."""

PHOTO_SUFFIXES: Final = PROPRIETARY_RAW | RENDERED | {".dng"}


def suffix_of(path: Path) -> str:
    """Return the ending in lower case, with its dot."""
    return path.suffix.lower()


def format_name(path: Path) -> str:
    """Return what people call the format that an ending stands for: `JPEG`, `TIFF`, `HEIC`."""
    suffix = suffix_of(path)
    return "JPEG" if suffix in JPEG else _FORMATS.get(suffix, suffix.lstrip(".").upper())


def is_raw(path: Path) -> bool:
    """Whether the name is that of a RAW photo, DNG included."""
    return suffix_of(path) in PROPRIETARY_RAW or suffix_of(path) == ".dng"
