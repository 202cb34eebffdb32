"""JPEG XL: its header tells the size before its plug-in decodes; nothing is turned twice."""

import contextlib
import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from qpt_app.core.decode import DecodeLimits, decode_photo
from qpt_app.core.decode_formats import missing_decoder
from qpt_app.core.decode_jxl import check_jxl_size, size_of
from qpt_app.core.decode_limits import Refusal
from qpt_app.core.decode_pillow import _finish
from qpt_app.core.status import PhotoStatus

needs_plugin = pytest.mark.skipif(
    missing_decoder("JXL") is not None, reason="the extra qpt[jxl] is not installed"
)
ORIENTATION = 0x0112
SIDES = st.integers(1, 1 << 30)
TURNED = bytes.fromhex(
    "ff0a098e05620208000100a4004b386998ca83f72b2808801a316330f2023100a48634001c12f8f70bd2f95f3df7"
    "f737b0109e071624"
)
"""A codestream of libjxl of 64 x 40 pixels, made to say orientation 6: red is at the upper left as
stored, so at the upper right of the upright picture of 40 x 64."""


def codestream(width, height, *, ratio=0):
    """The start of a codestream, its sides written with the fewest bits."""
    bits = [0, *side(height), *number(ratio, 3), *([] if ratio else side(width))]
    value = sum(bit << place for place, bit in enumerate(bits))
    return b"\xff\x0a" + value.to_bytes(9, "little")


def side(pixels):
    code = next(c for c, size in enumerate((9, 13, 18, 30)) if pixels <= 1 << size)
    return [*number(code, 2), *number(pixels - 1, (9, 13, 18, 30)[code])]


def number(value, count):
    return [value >> place & 1 for place in range(count)]


def box(kind, payload, *, size=None):
    return struct.pack(">I4s", 8 + len(payload) if size is None else size, kind) + payload


SIGNATURE = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")


def exif(orientation):
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block.tobytes().removeprefix(b"Exif\0\0")


@given(SIDES, SIDES)
def test_the_size_is_read_as_it_was_written(width, height):
    assert size_of(codestream(width, height)) == (width, height)


@pytest.mark.parametrize(
    ("ratio", "width"), [(1, 720), (2, 864), (3, 960), (4, 1080), (5, 1280), (6, 900), (7, 1440)]
)
def test_a_width_may_be_a_ratio(ratio, width):
    assert size_of(codestream(None, 720, ratio=ratio)) == (width, 720)


def test_small_sides_are_counted_in_eights():
    """A bit for small, five for the height, three for no ratio, five for the width."""
    value = 1 | (4 << 1) | (7 << 9)
    assert size_of(b"\xff\x0a" + value.to_bytes(9, "little")) == (64, 40)


def test_the_header_that_libjxl_writes():
    assert size_of(TURNED) == (64, 40)


LARGE = codestream(40_000, 30_000)
SHAPES = {
    "bare": LARGE,
    "box": SIGNATURE + box(b"Exif", bytes(40)) + box(b"jxlc", LARGE),
    "up to the end": SIGNATURE + box(b"jxlc", LARGE, size=0),
    "long box": SIGNATURE + struct.pack(">I4sQ", 1, b"jxlc", 16 + len(LARGE)) + LARGE,
    "pieces": SIGNATURE
    + box(b"jxlp", bytes(4) + LARGE[:3])
    + box(b"jxlp", b"\0\0\0\1" + LARGE[3:]),
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_more_pixels_than_the_budget_are_refused_by_the_header(content):
    with pytest.raises(Refusal) as refused:
        check_jxl_size(io.BytesIO(content), DecodeLimits())
    assert (refused.value.status, refused.value.kind) == (PhotoStatus.TOO_LARGE, "JXL")
    check_jxl_size(io.BytesIO(content), DecodeLimits(byte_budget=1 << 40))


@pytest.mark.parametrize("content", [SIGNATURE, SIGNATURE + box(b"jxlc", b""), SIGNATURE[:14]])
def test_a_file_without_a_picture_is_broken(content):
    with pytest.raises(Refusal) as refused:
        check_jxl_size(io.BytesIO(content), DecodeLimits())
    assert refused.value.status is PhotoStatus.UNREADABLE


@given(st.binary(max_size=200))
def test_any_bytes_give_a_size_or_a_refusal(content):
    for start in (b"\xff\x0a", SIGNATURE, SIGNATURE + b"\0\0\0\x20jxlp"):
        with contextlib.suppress(Refusal):
            check_jxl_size(io.BytesIO(start + content), DecodeLimits())


@pytest.mark.parametrize(("is_jpeg", "size"), [(False, (96, 64)), (True, (64, 96))])
def test_an_orientation_in_the_exif_turns_only_a_jpeg_that_is_held_whole(is_jpeg, size):
    """libjxl follows the codestream; the JPEG comes out as it went in."""
    image = Image.new("RGB", (96, 64))
    image.getexif()[ORIENTATION] = 6
    image.jpeg = is_jpeg
    picture = _finish(image, image.size, "JXL", damage=None)
    assert (picture.width, picture.height) == size
    assert picture.turned == is_jpeg


@needs_plugin
@pytest.mark.parametrize("in_boxes", [False, True])
def test_a_turn_of_the_codestream_is_made_once(tmp_path, in_boxes):
    boxes = SIGNATURE + box(b"Exif", bytes(4) + exif(6)) + box(b"jxlc", TURNED)
    (tmp_path / "a.jxl").write_bytes(boxes if in_boxes else TURNED)
    photo = decode_photo(tmp_path / "a.jxl")
    assert (photo.status, photo.width, photo.height) == (PhotoStatus.OK, 40, 64)
    assert np.array_equal(photo.pixels[2, -3], (255, 0, 0))


@needs_plugin
def test_a_jpeg_that_is_held_whole_is_turned_by_its_own_exif(tmp_path):
    import pillow_jxl  # noqa: F401 (registers the writer)

    scene = np.zeros((64, 96, 3), np.uint8)
    scene[:32, :48] = 255
    block = Image.Exif()
    block[ORIENTATION] = 6
    Image.fromarray(scene).save(tmp_path / "a.jpg", exif=block, quality=95)
    with Image.open(tmp_path / "a.jpg") as jpeg:
        jpeg.save(tmp_path / "a.jxl", lossless_jpeg=True)
    photo = decode_photo(tmp_path / "a.jxl")
    assert (photo.status, photo.width, photo.height) == (PhotoStatus.OK, 64, 96)
    assert photo.pixels[2, -3].min() > 200
