"""What a file's first bytes say it is, and which formats this installation can read.

Imports neither Pillow nor any decoder, so that front ends may use it freely.
"""

import importlib.util
from dataclasses import dataclass

SNIFF_BYTES = 4096
"""How much of a file's beginning is needed to tell its format."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatSupport:
    """Whether one format can be read here."""

    name: str
    """As in `DecodedPhoto.format`."""
    extensions: tuple[str, ...]
    """Lower case, with the dot. Only used to find photos in folders; the content decides."""
    available: bool
    """Whether its decoder is installed."""
    package: str | None
    """The Python package that decodes it."""
    extra: str | None = None
    """The optional extra of qpt that brings the package; None if it is a regular dependency."""


RAW_EXTENSIONS = frozenset(
    {".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf", ".orf", ".rw2", ".dng", ".pef", ".srw"}
)
"""Endings of RAW files, lower case with the dot."""

_FORMATS: tuple[tuple[str, tuple[str, ...], str, str | None], ...] = (
    ("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), "PIL", None),
    ("PNG", (".png",), "PIL", None),
    ("WEBP", (".webp",), "PIL", None),
    ("TIFF", (".tif", ".tiff"), "PIL", None),
    ("BMP", (".bmp", ".dib"), "PIL", None),
    ("GIF", (".gif",), "PIL", None),
    ("AVIF", (".avif",), "PIL._avif", None),
    ("HEIF", (".heic", ".heif", ".hif"), "pi_heif", None),
    ("RAW", tuple(sorted(RAW_EXTENSIONS)), "rawpy", None),
    ("JXL", (".jxl",), "pillow_jxl", "jxl"),
)

_PACKAGES = {
    "PIL": "pillow",
    "PIL._avif": "pillow",
    "pi_heif": "pi-heif",
    "rawpy": "rawpy",
    "pillow_jxl": "pillow-jxl-plugin",
}

RENDERED_EXTENSIONS = frozenset(
    extension for name, extensions, _, _ in _FORMATS if name != "RAW" for extension in extensions
)
"""Endings of photos that are not RAW, lower case with the dot."""

PHOTO_EXTENSIONS = RENDERED_EXTENSIONS | RAW_EXTENSIONS
"""Endings that make a file in a folder a photo, lower case with the dot."""


def supported_formats() -> list[FormatSupport]:
    """Return every format that qpt knows, with whether its decoder is installed."""
    return [
        FormatSupport(
            name=name,
            extensions=extensions,
            available=is_installed(module),
            package=_PACKAGES[module],
            extra=extra,
        )
        for name, extensions, module, extra in _FORMATS
    ]


def is_installed(module: str) -> bool:
    """Whether a module could be imported, without importing it (its parent package may be)."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def missing_decoder(kind: str) -> str | None:
    """Return what to install to read `kind`, in words, or None if its decoder is there."""
    for support in supported_formats():
        if support.name == kind and not support.available:
            install = f"qpt[{support.extra}]" if support.extra else support.package
            return f"reading {kind} needs the package {support.package}: pip install {install}"
    return None


_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"FUJIFILMCCD-RAW", "RAF"),
    (0, b"IIU\x00", "RW2"),
    (0, b"IIRO", "ORF"),
    (0, b"IIRS", "ORF"),
    (0, b"MMOR", "ORF"),
    (4, b"ftypcrx ", "CR3"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"II+\x00", "TIFF"),
    (0, b"MM\x00+", "TIFF"),
    (0, b"\xff\x0a", "JXL"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JXL"),
)
"""(offset, bytes, kind); the first that fits wins."""

RAW_KINDS = frozenset({"RAF", "RW2", "ORF", "CR2", "CR3", "DNG", "NEF", "ARW", "PEF", "SRW", "RAW"})
"""Names of RAW formats as they appear in `DecodedPhoto.format`."""

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)

_NOT_PHOTOS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"RIFF", "audio or video"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (0, b"<", "a web page or a drawing"),
)


def sniff(head: bytes) -> str | None:
    """Return the format that a file's first `SNIFF_BYTES` bytes announce; None if not a photo's.

    A TIFF may still turn out to be RAW: `decode_tiff.raw_kind` looks inside.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and len(head) >= 26 and head[14:18] in _BMP_HEADERS:
        return "BMP"
    if head[:4] == b"II*\0" and head[8:11] == b"CR\x02":
        return "CR2"
    for offset, signature, kind in _SIGNATURES:
        if head.startswith(signature, offset):
            return kind
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    return None


_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))
"""Lengths of the header that follows a BMP's first 14 bytes."""


def _sniff_brands(head: bytes) -> str | None:
    """Return AVIF or HEIF by the brands of an ISO base media file, or None (a video, say)."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, length - 3, 4))}
    if brands & _AVIF_BRANDS and head[8:12] not in _HEIF_BRANDS - {b"mif1", b"msf1"}:
        return "AVIF"
    return "HEIF" if head[8:12] in _HEIF_BRANDS else None


def describe_content(head: bytes) -> str:
    """Say what a file that is no photo seems to be, for a reason: `a PDF document`."""
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for offset, signature, words in _NOT_PHOTOS:
        if head.startswith(signature, offset) or (not offset and stripped.startswith(signature)):
            return words
    if head and all(byte >= 32 or byte in (9, 10, 12, 13, 27) for byte in head[:512]):
        return "text"
    return "no picture format that qpt knows"
