"""Packets inside photos of every format are found, without decoding the photo."""

import os
import random
import struct
import zlib

import pytest
from PIL import Image

from qpt_app.decisions.xmp_embedded import read_embedded
from qpt_app.decisions.xmp_merge import EMPTY_SIDECAR, merge_properties
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import MAX_PACKET_BYTES, read_properties
from qpt_app.errors import XmpError

PACKET = merge_properties(EMPTY_SIDECAR, {XmpProperty.RATING: "4", XmpProperty.LABEL: "Red"})
FOUND = {XmpProperty.RATING: "4", XmpProperty.LABEL: "Red"}


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def heic(in_idat: bool) -> bytes:
    """A file of ISO boxes whose item 2 is XMP, at the end of the file or in the idat box."""
    infe = box(b"infe", struct.pack(">IHH4s", 2 << 24, 1, 0, b"hvc1") + b"\0")
    infe += box(b"infe", struct.pack(">IHH4s", 2 << 24, 2, 0, b"mime") + b"\0application/rdf+xml\0")
    iinf = box(b"iinf", struct.pack(">IH", 0, 2) + infe)
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta(offset: int) -> bytes:
        entries = b""
        for item, where, length in ((1, 0, 4), (2, offset, len(PACKET))):
            entries += struct.pack(">HHHH", item, 1 if in_idat else 0, 0, 1)
            entries += struct.pack(">II", where, length)
        iloc = box(b"iloc", struct.pack(">IBBH", 1 << 24, 0x44, 0, 2) + entries)
        data = box(b"idat", b"head" + PACKET) if in_idat else b""
        return box(b"meta", b"\0\0\0\0" + iinf + iloc + data)

    if in_idat:
        return head + meta(4) + box(b"mdat", b"xxxx")
    offset = len(head) + len(meta(0)) + 8
    return head + meta(offset) + box(b"mdat", PACKET)


CR3 = (
    box(b"ftyp", b"crx \0\0\0\1crx isom")
    + box(b"moov", b"x" * 40)
    + box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + PACKET)
)
JXL = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"xml ", PACKET)


def compressed_png(plain: bytes) -> bytes:
    chunk = b"iTXtXML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PACKET)
    piece = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    at = plain.index(b"IDAT") - 4
    return plain[:at] + piece + plain[at:]


@pytest.fixture
def photo(tmp_path):
    def make(name: str, **options):
        path = tmp_path / name
        Image.new("RGB", (8, 8), "red").save(path, **options)
        return path

    return make


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_packets_that_pillow_wrote_are_found(photo, name):
    """The common formats; Pillow writes, we read."""
    options = {"xmp": PACKET}
    if name.endswith(".tif"):
        options = {"tiffinfo": {700: PACKET}}
    elif name.endswith(".png"):
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", PACKET.decode())
        options = {"pnginfo": info}
    assert read_properties(read_embedded(photo(name, **options))) == FOUND


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.gif", "a.bmp"])
def test_photos_without_a_packet_have_none(photo, name):
    """No XMP is no error."""
    assert read_embedded(photo(name)) is None


@pytest.mark.parametrize(
    "content", [heic(False), heic(True), CR3, JXL], ids=["heic", "idat", "cr3", "jxl"]
)
def test_packets_in_boxes_are_found(tmp_path, content):
    """HEIC and AVIF (item tables), CR3 (uuid box), JPEG XL (xml box)."""
    path = tmp_path / "photo"
    path.write_bytes(content)
    assert read_properties(read_embedded(path)) == FOUND


def test_compressed_png_text_is_found_and_capped(photo):
    """A zip bomb in a text chunk is refused at 10 MB."""
    path = photo("a.png")
    plain = path.read_bytes()
    path.write_bytes(compressed_png(plain))
    assert read_properties(read_embedded(path)) == FOUND
    bomb = b"iTXtXML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * (MAX_PACKET_BYTES + 10))
    piece = struct.pack(">I", len(bomb) - 4) + bomb + b"\0\0\0\0"
    at = plain.index(b"IDAT") - 4
    path.write_bytes(plain[:at] + piece + plain[at:])
    with pytest.raises(XmpError, match="at most"):
        read_embedded(path)


def test_special_files_and_broken_files_do_not_hang_or_crash(tmp_path, photo):
    """A FIFO is refused at once; any cut or mutated file gives a packet, None or XmpError."""
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo.jpg")
        with pytest.raises(XmpError):
            read_embedded(tmp_path / "fifo.jpg")
    with pytest.raises(XmpError):
        read_embedded(tmp_path)
    rng = random.Random(0)
    wholes = [photo("m.jpg", xmp=PACKET).read_bytes(), photo("m.webp", xmp=PACKET).read_bytes()]
    wholes += [photo("m.tif", tiffinfo={700: PACKET}).read_bytes(), heic(False), heic(True), CR3]
    path = tmp_path / "mutant"
    for _ in range(500):
        data = bytearray(rng.choice(wholes))
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        del data[rng.randrange(1, len(data) + 1) :]
        path.write_bytes(data)
        try:
            packet = read_embedded(path)
        except XmpError:
            continue
        assert packet is None or isinstance(packet, bytes)
