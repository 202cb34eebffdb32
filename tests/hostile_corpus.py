"""Makes the hostile corpus: files that try to hurt a program that opens photos.

    python tests/hostile_corpus.py FOLDER

Everything is made by script from nothing, so that no stranger's file enters the repository. Each
file comes with the statuses that it may end in; tests hold the decode door and the command line to
them, docs/robustness.md states what was measured.
"""

import io
import os
import random
import socket
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

Statuses = frozenset[str]
Entry = tuple[str, bytes, Statuses]
"""Name below the corpus folder, content, statuses allowed."""


def may_be(*statuses: str) -> Statuses:
    return frozenset(statuses)


OK = may_be("ok")
TOO_LARGE = may_be("too_large")
UNREADABLE = may_be("unreadable")
UNSUPPORTED = may_be("unsupported")
BROKEN = may_be("damaged", "unreadable")
CUT = may_be("ok", "damaged", "unreadable", "unsupported")
"""A few first bytes may not even tell the format; the last bytes may not matter."""


@cache
def scene(width: int = 160, height: int = 120) -> Image.Image:
    """A small picture with edges, gradients and texture everywhere, so that cuts show."""
    y, x = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng(7)
    texture = rng.normal(0, 18, (height, width, 1))
    colours = np.stack([x * 255 / width, y * 255 / height, 128 + 100 * np.sin(x * y / 300)], -1)
    return Image.fromarray((colours + texture).clip(0, 255).astype(np.uint8))


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, colour: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    return start + b"".join(chunks) + png_chunk(b"IEND", b"")


def zeros(length: int) -> bytes:
    """Deflated zeros, made without holding them."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(length >> 20)]
    return b"".join([*parts, packer.compress(bytes(length & (1 << 20) - 1)), packer.flush()])


def pixel_bombs() -> Iterator[Entry]:
    """Small files that announce enormous pictures; all must be refused before decoding."""
    few = png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    yield "bomb/png-60000.png", png(60000, 60000, 8, 6, few), TOO_LARGE
    yield "bomb/png-max.png", png(2**31 - 1, 2**31 - 1, 16, 6, few), TOO_LARGE
    yield "bomb/png-grey-20000.png", png(20000, 20000, 8, 0, few), TOO_LARGE
    yield "bomb/png-rgba16-17000.png", png(17000, 17000, 16, 6, few), TOO_LARGE
    yield "bomb/png-1xN.png", png(1, 170_000_000, 8, 0, few), TOO_LARGE
    yield "bomb/png-Nx1.png", png(170_000_000, 1, 1, 0, few), TOO_LARGE
    yield "bomb/png-0x0.png", png(0, 0, 8, 2, few), UNREADABLE
    bits = 16382 | 16382 << 14
    vp8l = struct.pack("<BI", 0x2F, bits) + bytes(9)
    webp = b"WEBPVP8L" + struct.pack("<I", len(vp8l)) + vp8l
    body = b"RIFF" + struct.pack("<I", len(webp)) + webp
    yield "bomb/webp-16383.webp", body, TOO_LARGE
    canvas = struct.pack("<I", 0) + b"\xff\xff\xff" * 2
    vp8x = b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    body = b"RIFF" + struct.pack("<I", len(vp8x)) + vp8x
    yield "bomb/webp-canvas-16M.webp", body, TOO_LARGE
    gif = encoded(scene(), "GIF")
    yield "bomb/gif-65535.gif", gif[:6] + b"\xff\xff\xff\xff" + gif[10:], TOO_LARGE
    bmp = encoded(scene(), "BMP")
    size = struct.pack("<ii", 2**30, 2**30)
    yield "bomb/bmp-2to30.bmp", bmp[:18] + size + bmp[26:], TOO_LARGE
    jpeg = encoded(scene(), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    huge = jpeg[: frame + 5] + b"\xff\xff\xff\xff" + jpeg[frame + 9 :]
    yield "bomb/jpeg-65535.jpg", huge, TOO_LARGE | BROKEN
    for name, options in (("strips", {}), ("packed", {"compression": "tiff_deflate"})):
        yield f"bomb/tiff-{name}.tif", big_tiff(**options), TOO_LARGE
    avif = encoded(scene(), "AVIF")
    ispe = avif.index(b"ispe") + 8
    wide = avif[:ispe] + struct.pack(">II", 60000, 60000) + avif[ispe + 8 :]
    yield "bomb/avif-60000.avif", wide, TOO_LARGE | BROKEN


def big_tiff(**options: object) -> bytes:
    """A TIFF of 160 x 120 pixels that says it has 100,000 x 100,000."""
    data = bytearray(encoded(scene(), "TIFF", **options))
    for tag, side in ((256, 160), (257, 120)):
        for kind in (3, 4):
            entry = struct.pack("<HHII", tag, kind, 1, side)
            at = data.find(entry)
            if at >= 0:
                data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 100_000)
    return bytes(data)


def byte_bombs() -> Iterator[Entry]:
    """Small files whose metadata or pixels unpack to very much."""
    picture = png_chunk(b"IDAT", zlib.compress(bytes((160 * 3 + 1) * 120)))
    profile = png_chunk(b"iCCP", b"icc\0\0" + zeros(60 << 20))
    yield "bytes/png-iccp-60M.png", png(160, 120, 8, 2, profile, picture), OK | BROKEN
    text = png_chunk(b"zTXt", b"Comment\0\0" + zeros(60 << 20))
    yield "bytes/png-ztxt-60M.png", png(160, 120, 8, 2, text, picture), OK | BROKEN
    many = png_chunk(b"tEXt", b"a\0" + bytes(1000)) * 20_000
    yield "bytes/png-text-20000.png", png(160, 120, 8, 2, many, picture), OK | BROKEN
    wide = png(160, 120, 8, 2, png_chunk(b"IDAT", zeros(60 << 20)))
    yield "bytes/png-idat-60M.png", wide, OK | BROKEN
    jpeg = encoded(scene(), "JPEG")
    pads = b"\xff\xe2\xff\xff" + b"MPF\0" + bytes(65535 - 6)
    yield "bytes/jpeg-app-13M.jpg", jpeg[:2] + pads * 200 + jpeg[2:], OK | BROKEN
    yield "bytes/jpeg-zeros-32M.jpg", jpeg + bytes(32 << 20), OK
    yield "bytes/zeros-32M.jpg", bytes(32 << 20), UNSUPPORTED
    large = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(large, "PNG")
    yield "bytes/png-81-megapixels.png", large.getvalue(), OK


def scan_bomb(side: int, scans: int) -> bytes:
    """A progressive JPEG in which the last scan stands `scans` times: each is a pass over all."""
    data = encoded(Image.new("L", (side, side), 90), "JPEG", progressive=True, quality=10)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + b"\xff\xd9"


def scan_bombs() -> Iterator[Entry]:
    yield "scans/5000-scans-4000.jpg", scan_bomb(4000, 5000), TOO_LARGE
    yield "scans/5000-scans-64.jpg", scan_bomb(64, 5000), TOO_LARGE
    yield "scans/60-scans-64.jpg", scan_bomb(64, 60), OK
    jpeg = encoded(scene(), "JPEG")
    innocent = b"\xff\xe4" + struct.pack(">H", 3002) + b"\xff\xda" * 1500
    yield "scans/markers-in-metadata.jpg", jpeg[:2] + innocent + jpeg[2:], OK


CUTTABLE: dict[str, Callable[[], bytes]] = {
    "jpg": lambda: encoded(scene(), "JPEG"),
    "progressive.jpg": lambda: encoded(scene(), "JPEG", progressive=True),
    "png": lambda: encoded(scene(), "PNG"),
    "webp": lambda: encoded(scene(), "WEBP", quality=80),
    "lossless.webp": lambda: encoded(scene(), "WEBP", lossless=True),
    "tif": lambda: encoded(scene(), "TIFF"),
    "lzw.tif": lambda: encoded(scene(), "TIFF", compression="tiff_lzw"),
    "bmp": lambda: encoded(scene(), "BMP"),
    "gif": lambda: encoded(scene(), "GIF"),
    "avif": lambda: encoded(scene(), "AVIF"),
}
"""Ending -> a whole file of every kind that can be cut short."""


@cache
def whole_file(kind: str) -> bytes:
    """The whole file of a kind in `CUTTABLE`."""
    return CUTTABLE[kind]()


def truncations(steps: int = 64) -> Iterator[Entry]:
    """Every kind of file cut at each 1/64 of its length, and two bytes before its end."""
    for kind in CUTTABLE:
        data = whole_file(kind)
        for step in range(1, steps):
            cut = data[: len(data) * step // steps]
            yield f"cut/{step:02}-of-{steps}.{kind}", cut, CUT
        yield f"cut/minus-2-bytes.{kind}", data[:-2], CUT


def wrong_extensions() -> Iterator[Entry]:
    yield "named/png.jpg", encoded(scene(), "PNG"), OK
    yield "named/jpeg.png", encoded(scene(), "JPEG"), OK
    yield "named/webp.tif", encoded(scene(), "WEBP"), OK
    yield "named/text.jpg", b"This is not a photo.\n" * 20, UNSUPPORTED
    yield "named/page.jpg", b"<!DOCTYPE html><script>alert(1)</script>", UNSUPPORTED
    yield (
        "named/drawing.jpg",
        b'<?xml version="1.0"?><svg><image href="/etc/passwd"/></svg>',
        UNSUPPORTED,
    )
    yield "named/script.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nrun", UNSUPPORTED
    yield "named/document.png", b"%PDF-1.7\n1 0 obj<<>>", UNSUPPORTED
    yield "named/archive.webp", b"PK\x03\x04" + bytes(100), UNSUPPORTED
    yield "named/photoshop.jpg", b"8BPS\0\1" + bytes(100), UNSUPPORTED
    yield "named/video.heic", b"\0\0\0\x18ftypmp42" + bytes(100), UNSUPPORTED
    yield "named/icon.png", b"\0\0\1\0\1\0" + bytes(100), UNSUPPORTED
    for kind in ("TGA", "PCX", "PPM", "SGI", "ICO", "DDS", "JPEG2000"):
        yield f"named/{kind.lower()}.jpg", encoded(scene(64, 64), kind), UNSUPPORTED


def bad_metadata() -> Iterator[Entry]:
    picture, rng = scene(), random.Random(3)
    junk = rng.randbytes(3000)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profiles = {
        "junk": junk,
        "short": srgb[:90],
        "half": srgb[: len(srgb) // 2],
        "signature-only": junk[:36] + b"acsp" + junk[40:],
        "counts": srgb[:128] + b"\xff\xff\xff\xff" + srgb[132:],
        "cmyk-in-rgb": srgb[:16] + b"CMYK" + srgb[20:],
        "flipped": bytes(byte ^ 0x10 if rng.random() < 0.05 else byte for byte in srgb),
    }
    for name, profile in profiles.items():
        for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
            data = encoded(picture, kind, icc_profile=profile)
            yield f"meta/icc-{name}.{kind.lower()}", data, OK
    blocks = {
        "junk": b"Exif\0\0" + junk,
        "empty": b"Exif\0\0",
        "loop": b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "counts": b"Exif\0\0II*\0\x08\0\0\0\x02\0"
        + struct.pack("<HHII", 0x010F, 2, 0xFFFFFFFF, 8)
        + struct.pack("<HHII", 0x0112, 3, 0xFFFFFFFF, 0xFFFFFFFF),
        "orientation-9": b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIIi", 274, 3, 1, 9, 0),
        "many": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 274, 3, 1, 6) * 5000,
    }
    for name, block in blocks.items():
        for kind in ("JPEG", "PNG", "WEBP"):
            data = encoded(picture, kind, exif=block)
            yield f"meta/exif-{name}.{kind.lower()}", data, OK
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12)
    )
    xmp = laughs + b']><x:xmpmeta tiff:Orientation="99">&m;</x:xmpmeta>'
    yield "meta/xmp-billion-laughs.jpg", encoded(picture, "JPEG", xmp=xmp), OK
    yield "meta/xmp-junk.png", encoded(picture, "PNG", pnginfo=None, exif=junk), OK
    yield "meta/two-exif.jpg", doubled_exif(), OK


def doubled_exif() -> bytes:
    """A JPEG with two EXIF blocks that disagree."""
    data = encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    block = data[2 : 4 + int.from_bytes(data[4:6], "big")]
    return data[:2] + block + data[2:]


def broken_structures() -> Iterator[Entry]:
    rng = random.Random(5)
    junk = rng.randbytes(4000)
    heads = {
        "jpg": b"\xff\xd8\xff\xe0",
        "png": b"\x89PNG\r\n\x1a\n",
        "gif": b"GIF89a",
        "webp": b"RIFF\xff\xff\xff\x7fWEBP",
        "tif": b"II*\0\x08\0\0\0",
        "big.tif": b"II+\0\x08\0\0\0",
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
        "avif": b"\0\0\0\x18ftypavif\0\0\0\0avifmif1",
        "jxl": b"\xff\x0a",
        "cr2": b"II*\0\x10\0\0\0CR\x02\0",
        "cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        "raf": b"FUJIFILMCCD-RAW 0201FF389501",
        "rw2": b"IIU\0\x18\0\0\0",
        "orf": b"IIRO\x08\0\0\0",
        "nef": b"MM\0*\0\0\0\x08",
    }
    for ending, head in heads.items():
        yield f"junk/head.{ending}", head, UNREADABLE | UNSUPPORTED
        yield f"junk/body.{ending}", head + junk, UNREADABLE | UNSUPPORTED | TOO_LARGE
        yield f"junk/zeros.{ending}", head + bytes(4000), UNREADABLE | UNSUPPORTED | TOO_LARGE
    yield "junk/dng-version-only.dng", dng_without_data(), UNREADABLE | UNSUPPORTED
    yield "junk/tiff-loop.tif", b"II*\0\x08\0\0\0\0\0\x08\0\0\0", UNREADABLE
    entries = struct.pack("<HHII", 330, 4, 1, 8) * 400
    yield "junk/tiff-sub-loop.tif", b"II*\0\x08\0\0\0\x90\x01" + entries + b"\x08\0\0\0", UNREADABLE
    for kind in CUTTABLE:
        for number in range(8):
            data = bytearray(whole_file(kind))
            for _ in range(1 + 3 * number):
                data[rng.randrange(20, len(data))] ^= 1 << rng.randrange(8)
            yield f"junk/flipped-{number}.{kind}", bytes(data), CUT | TOO_LARGE


def dng_without_data() -> bytes:
    """A TIFF that calls itself a DNG and has nothing else."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory[50706] = b"\1\4\0\0"
    return b"II*\0\x08\0\0\0" + directory.tobytes(8)


def odd_pictures() -> Iterator[Entry]:
    """Unusual but honest: every mode that a format can hold, and extreme shapes."""
    modes = {
        "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
        "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I;16", "I"),
        "JPEG": ("L", "RGB", "CMYK"),
        "WEBP": ("RGB", "RGBA"),
        "GIF": ("L", "P"),
        "BMP": ("1", "L", "P", "RGB"),
    }
    for kind, names in modes.items():
        for mode in names:
            label = mode.lower().replace(";", "-")
            yield f"mode/{label}.{kind.lower()}", encoded(in_mode(mode), kind), OK
    yield "mode/f.tif", encoded(Image.new("F", (40, 30), 0.5), "TIFF"), UNSUPPORTED
    yield "mode/one-pixel.png", encoded(Image.new("RGB", (1, 1)), "PNG"), OK
    yield "mode/strip.png", encoded(Image.new("RGB", (16_000, 2)), "PNG"), OK
    yield "mode/strip.jpg", encoded(Image.new("RGB", (2, 16_000)), "JPEG"), OK
    yield "mode/longer-strip.png", encoded(Image.new("L", (200_000, 1)), "PNG"), TOO_LARGE
    frames = [in_mode("P"), Image.new("P", (160, 120), 3)]
    animated = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:] * 50)
    yield "mode/frames.gif", animated, OK


def in_mode(mode: str) -> Image.Image:
    picture = scene()
    if mode in ("I;16", "I"):
        grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        return Image.fromarray(grey) if mode == "I;16" else Image.fromarray(grey.astype(np.int32))
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
    return picture.convert(mode)


ODD_NAMES: tuple[bytes, ...] = (
    b"new\nline.jpg",
    b"escape\x1b[31m\x1b]0;title\x07.jpg",
    b"-rf.jpg",
    b"--help.jpg",
    b"=cmd|' /C calc'!A0.jpg",
    b"<b onclick=x>&amp;.jpg",
    b"quote'\".jpg",
    b"trailing dot..jpg",
    b" leading and trailing .jpg",
    b"CON.jpg",
    b"not-utf8-\xff\xfe.jpg",
    b"\xed\xa0\x80surrogate.jpg",
    "emoji-\N{FACE WITH TEARS OF JOY}.jpg".encode(),
    "rtl-\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe.jpg".encode(),
    "e\N{COMBINING ACUTE ACCENT}-nfd.jpg".encode(),
    "\N{LATIN SMALL LETTER E WITH ACUTE}-nfc.jpg".encode(),
    b"percent%20%s%n.jpg",
    b"{0.__class__}.jpg",
    b"x" * 251 + b".jpg",
)


def entries() -> Iterator[Entry]:
    """All files of the corpus that are plain content under a plain name."""
    for part in (
        pixel_bombs,
        byte_bombs,
        scan_bombs,
        truncations,
        wrong_extensions,
        bad_metadata,
        broken_structures,
        odd_pictures,
    ):
        yield from part()
    yield "special/empty.jpg", b"", UNREADABLE
    yield "special/one-byte.jpg", b"\xff", UNSUPPORTED


def make_special_files(folder: Path) -> dict[str, Statuses]:
    """Make what is no regular file, as far as the system lets us."""
    special = folder / "special"
    made: dict[str, Statuses] = {}
    (special / "folder.jpg").mkdir()
    made["special/folder.jpg"] = UNREADABLE
    if sys.platform != "win32":
        os.mkfifo(special / "fifo.jpg")
        (special / "loop.jpg").symlink_to("loop.jpg")
        (special / "nowhere.jpg").symlink_to("missing")
        (special / "zero.jpg").symlink_to("/dev/zero")
        made |= dict.fromkeys(("special/fifo.jpg", "special/zero.jpg"), UNREADABLE)
        made["special/loop.jpg"] = UNREADABLE
        made["special/nowhere.jpg"] = may_be("vanished", "unreadable")
        with socket.socket(socket.AF_UNIX) as endpoint:
            try:
                endpoint.bind(str(special / "socket.jpg"))
                made["special/socket.jpg"] = UNREADABLE
            except OSError:  # the path is too long for a socket
                pass
        if os.geteuid() != 0:
            locked = special / "locked.jpg"
            locked.write_bytes(encoded(scene(), "JPEG"))
            locked.chmod(0)
            made["special/locked.jpg"] = UNREADABLE
    return made


def make_odd_names(folder: Path) -> dict[str, Statuses]:
    """Make a good photo under every name that the file system takes."""
    made: dict[str, Statuses] = {}
    photo = encoded(scene(), "JPEG")
    for raw in ODD_NAMES:
        name = os.fsdecode(raw)
        try:
            (folder / "names" / name).write_bytes(photo)
        except (OSError, ValueError):
            continue
        made[f"names/{name}"] = OK
    return made


def make_corpus(folder: Path) -> dict[str, Statuses]:
    """Write the corpus into an empty folder; return name -> allowed statuses."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("special", "names"):
        (folder / part).mkdir()
    made: dict[str, Statuses] = {}
    for name, content, statuses in entries():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        made[name] = statuses
    return made | make_special_files(folder) | make_odd_names(folder)


if __name__ == "__main__":
    count = len(make_corpus(Path(sys.argv[1])))
    sys.stdout.write(f"{count} files in {sys.argv[1]}\n")
