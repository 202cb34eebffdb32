"""What first bytes announce; optional decoders; real files where they are at hand."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.decode import decode_photo
from qpt_app.core.decode_formats import (
    RAW_EXTENSIONS,
    RENDERED_EXTENSIONS,
    describe_content,
    missing_decoder,
    sniff,
)
from qpt_app.core.status import PhotoStatus


def brands(major, *others):
    content = b"ftyp" + major + bytes(4) + b"".join(others)
    return (len(content) + 4).to_bytes(4, "big") + content


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe1", "JPEG"),
        (b"\xff\xd8", None),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WEBP"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(8), "BMP"),
        (b"BM is also the beginning of a text", None),
        (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
        (b"II*\0\x10\0\0\0", "TIFF"),
        (b"xx*\0\x10\0\0\0CR\x02\0", None),
        (brands(b"heic", b"mif1", b"heic"), "HEIF"),
        (brands(b"mif1", b"mif1", b"heic"), "HEIF"),
        (brands(b"avif", b"mif1"), "AVIF"),
        (brands(b"mif1", b"avif"), "AVIF"),
        (brands(b"crx ", b"crx "), "CR3"),
        (brands(b"mp42", b"isom"), None),
        (b"", None),
    ],
)
def test_first_bytes(head, kind):
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"%PDF-1.4", "PDF"),
        (b"\xef\xbb\xbf  <svg>", "web page"),
        (brands(b"mp42"), "video"),
        (b"plain words\n", "text"),
        (b"\x00\x01\x02\x03", "no picture format"),
    ],
)
def test_what_is_no_photo_is_described(head, words):
    assert words in describe_content(head)


def test_raw_and_rendered_endings_are_apart():
    assert not RAW_EXTENSIONS & RENDERED_EXTENSIONS
    assert all(ext == ext.lower() and ext[0] == "." for ext in RAW_EXTENSIONS | RENDERED_EXTENSIONS)


@pytest.mark.skipif(
    missing_decoder("JXL") is not None, reason="the extra qpt[jxl] is not installed"
)
def test_jpeg_xl_is_read_where_its_extra_is_installed(tmp_path):
    import pillow_jxl  # noqa: F401 (registers the writer)

    scene = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    Image.fromarray(scene).save(tmp_path / "a.jxl", lossless=True)
    photo = decode_photo(tmp_path / "a.jxl")
    assert photo.status is PhotoStatus.OK, photo.reason
    assert photo.format == "JXL"
    assert np.array_equal(photo.pixels, scene)


@pytest.fixture
def real_files():
    folder = os.environ.get("QPT_TEST_DATA")
    if not folder:
        pytest.skip("QPT_TEST_DATA does not name the folder of test photos")
    return Path(folder) / "formats"


@pytest.mark.data
@pytest.mark.parametrize("name", ["Landscape", "Portrait"])
def test_real_photos_of_every_orientation_show_the_same(real_files, name):
    folder = real_files / "exif-orientation-examples"
    pictures = [
        np.asarray(
            Image.fromarray(decode_photo(folder / f"{name}_{n}.jpg").pixels).resize((60, 60))
        )
        for n in range(1, 9)
    ]
    for picture in pictures[1:]:
        assert np.abs(picture.astype(int) - pictures[0]).mean() < 8


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "kind", "size"),
    [
        ("raw/Nikon_uncompressed.nef", "NEF", (869, 593)),
        ("raw/Blackmagic.dng", "DNG", (4128, 2176)),
        ("raw/colorchart.dng", "DNG", (1734, 1156)),
        ("heif/tests__images__heif_other__pug.heic", "HEIF", (4032, 3024)),
        ("avif/fox.profile0.10bpc.yuv420.avif", "AVIF", (1204, 800)),
        ("colour/Tests__images__sugarshack.mpo", "MPO", (640, 480)),
    ],
)
def test_real_files_are_what_they_are(real_files, file, kind, size):
    photo = decode_photo(real_files / file)
    assert photo.status is PhotoStatus.OK, photo.reason
    assert (photo.format, (photo.width, photo.height)) == (kind, size)
    assert max(photo.pixels.shape) > 512
    assert 30 < photo.pixels.mean() < 225


@pytest.mark.data
def test_a_heif_is_not_turned_twice(real_files, tmp_path):
    """The container's own turn counts; an orientation in its EXIF must change nothing."""
    original = real_files / "heif/tests__images__heif_other__pug.heic"
    content = original.read_bytes()
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00"
    assert content.count(tag + b"\x01") == 1
    (tmp_path / "a.heic").write_bytes(content.replace(tag + b"\x01", tag + b"\x06"))
    first, second = decode_photo(original), decode_photo(tmp_path / "a.heic")
    assert np.array_equal(first.pixels, second.pixels)


@pytest.mark.data
def test_the_profile_that_swaps_channels_shows_the_colours_that_are_written_on_it(real_files):
    """`RED` stands at the top in red only if the profile is applied."""
    pixels = decode_photo(
        real_files / "colour/external__wide-gamut-tests__rgb-to-gbr-test.png"
    ).pixels
    top, left, right = pixels[20, 500], pixels[750, 60], pixels[750, 940]
    assert [int(part.argmax()) for part in (top, left, right)] == [0, 1, 2]


@pytest.mark.data
def test_png_broken_on_purpose_never_raises(real_files):
    statuses = {path.name: decode_photo(path).status for path in (real_files / "png").iterdir()}
    broken = {name: status for name, status in statuses.items() if name.startswith("png__x")}
    assert set(broken.values()) <= {"ok", "damaged", "unreadable", "unsupported"}
    assert {status for name, status in statuses.items() if name not in broken} == {PhotoStatus.OK}
