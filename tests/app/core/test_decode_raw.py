"""RAW: the preview where it is large enough, else a development; never a thumbnail; upright."""

import io
import struct

import pytest
import rawpy
from made_dng import HEIGHT, LONG, SHORT, WIDTH, directory, make_dng
from PIL import Image

from qpt_app.core.decode import DecodeLimits, decode_photo
from qpt_app.core.decode_ends import missing_share_of_raw
from qpt_app.core.decode_tiff import announced_end
from qpt_app.core.status import PhotoStatus


def jpeg(width, height, **options):
    """A preview: red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), (200, 0, 0))
    picture.paste((0, 0, 200), (width // 2, 0, width, height))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def exif_without_orientation():
    exif = Image.Exif()
    exif[271] = "Maker"
    return exif


PREVIEWS = [None, jpeg(1200, 900), jpeg(1200, 900, exif=exif_without_orientation())]
"""No preview; one without EXIF, to which LibRaw adds the orientation; one whose EXIF has none."""


def decoded(tmp_path, content, **options):
    (tmp_path / "a.dng").write_bytes(content)
    photo = decode_photo(tmp_path / "a.dng", **options)
    assert photo.status is PhotoStatus.OK, photo.reason
    return photo


def test_a_large_preview_stands_for_the_photo(tmp_path):
    photo = decoded(tmp_path, make_dng(preview=jpeg(1200, 900)))
    assert photo.format == "DNG"
    assert photo.pixels.shape == (900, 1200, 3)
    assert photo.reason is None
    assert photo.pixels[450, 100, 0] > 150 > 50 > photo.pixels[450, 100, 2]
    assert (photo.width, photo.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("preview", [None, jpeg(1000, 750), jpeg(320, 218)])
def test_without_a_large_preview_the_sensor_data_are_developed(tmp_path, preview):
    """1,024 pixels are the limit; the thumbnail, red and blue, never shows."""
    photo = decoded(tmp_path, make_dng(preview=preview))
    assert photo.pixels.shape == (HEIGHT // 2, WIDTH // 2, 3)
    assert "developed" in photo.reason
    spread = photo.pixels.astype(int).max(axis=2) - photo.pixels.min(axis=2)
    assert spread.mean() < 30
    assert photo.pixels[:, :40].mean() < photo.pixels[:, -40:].mean() - 30


def test_a_broken_preview_is_not_used(tmp_path):
    broken = jpeg(1200, 900)[:-400] + bytes(400)
    assert "developed" in decoded(tmp_path, make_dng(preview=broken[: len(broken) // 3])).reason


def test_an_underexposed_frame_stays_dark(tmp_path):
    """No automatic brightness: it would hide what the score is to find."""
    bright = decoded(tmp_path, make_dng(level=0.8)).pixels.mean()
    dark = decoded(tmp_path, make_dng(level=0.05)).pixels.mean()
    assert dark < bright / 2


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("preview", PREVIEWS)
def test_both_ways_come_out_upright(tmp_path, preview, orientation):
    """The left half as stored (dark, or red) is where turning the camera puts it."""
    photo = decoded(tmp_path, make_dng(preview=preview, orientation=orientation))
    pixels = photo.pixels.astype(int)
    mark = pixels[:, :, 0] - pixels[:, :, 2] if preview else 255 - pixels[:, :, 1]
    sides = {
        "left": mark[:, : mark.shape[1] // 4].mean(),
        "right": mark[:, -(mark.shape[1] // 4) :].mean(),
        "top": mark[: mark.shape[0] // 4].mean(),
        "bottom": mark[-(mark.shape[0] // 4) :].mean(),
    }
    assert max(sides, key=sides.get) == {1: "left", 3: "right", 6: "top", 8: "bottom"}[orientation]
    upright = (WIDTH, HEIGHT) if orientation in (1, 3) else (HEIGHT, WIDTH)
    assert (photo.width, photo.height) == upright
    assert (pixels.shape[1] > pixels.shape[0]) == (orientation in (1, 3))


def test_a_preview_is_decoded_smaller_where_that_is_enough(tmp_path):
    photo = decoded(tmp_path, make_dng(preview=jpeg(2400, 1800)), min_side=1100)
    assert photo.pixels.shape == (900, 1200, 3)


def test_the_byte_budget_holds_for_sensor_data(tmp_path):
    (tmp_path / "a.dng").write_bytes(make_dng())
    limits = DecodeLimits(byte_budget=WIDTH * HEIGHT)
    assert decode_photo(tmp_path / "a.dng", limits=limits).status is PhotoStatus.TOO_LARGE


@pytest.mark.parametrize("preview", [None, jpeg(1200, 900)])
@pytest.mark.parametrize("step", range(0, 64, 3))
def test_a_raw_file_cut_anywhere_is_never_ok(tmp_path, step, preview):
    """A half-copied card: marked even if the preview is whole, never a picture of half a sensor."""
    content = make_dng(preview=preview)
    (tmp_path / "a.dng").write_bytes(content[: len(content) * step // 64 + 1])
    photo = decode_photo(tmp_path / "a.dng")
    assert photo.status.has_pixels == (photo.pixels is not None)
    assert photo.status in ("damaged", "unreadable", "unsupported")
    if preview is None and step < 32:
        assert not photo.status.has_pixels
    if photo.status == "damaged":
        assert "cut short" in photo.reason


def test_the_end_is_that_of_the_last_of_many_strips():
    """A row each, as some cameras write; the tables themselves may be thousands of entries long."""
    places = [10_000 + 100 * n for n in range(3000)]
    tags = {273: (LONG, places), 279: (SHORT, [100] * 3000), 262: (SHORT, [32803])}
    content = b"II*\0\x08\0\0\0" + directory(tags, 8)
    assert announced_end(io.BytesIO(content)) == places[-1] + 100


def test_the_end_of_every_kind_of_raw_file():
    """From the strips of a TIFF, the boxes of a CR3, the header of a RAF."""
    dng = make_dng()
    raf = b"FUJIFILMCCD-RAW ".ljust(100, b"\0") + struct.pack(">II", 108, 400) + bytes(400)
    cr3 = struct.pack(">I4s8x", 16, b"ftyp") + struct.pack(">I4s", 508, b"mdat") + bytes(500)
    for content, kind in ((dng, "DNG"), (raf, "RAF"), (cr3, "CR3")):
        assert missing_share_of_raw(io.BytesIO(content), kind) == 0
        assert missing_share_of_raw(io.BytesIO(content + b"more"), kind) == 0
        half = io.BytesIO(content[: len(content) // 2])
        assert missing_share_of_raw(half, kind) == pytest.approx(0.5, abs=0.01)
    assert missing_share_of_raw(io.BytesIO(b"II*\0" + bytes(40)), "DNG") == 0


@pytest.mark.parametrize(
    ("filled", "status"), [(0, "unreadable"), (60, "unreadable"), (150, "damaged"), (190, "ok")]
)
def test_sensor_data_that_are_not_there(tmp_path, filled, status):
    """The length can be right and the rows empty, as after a copy with holes."""
    content = make_dng()
    rows = WIDTH * 2
    missing = (HEIGHT - filled) * rows
    (tmp_path / "a.dng").write_bytes(content[: len(content) - missing] + bytes(missing))
    photo = decode_photo(tmp_path / "a.dng")
    assert photo.status == status
    assert ("empty" in photo.reason) == (status != "ok")


def test_too_little_memory_for_libraw_is_not_the_files_fault(tmp_path, monkeypatch):
    """Unlike a broken file, which is `unreadable` and remembered as such."""
    (tmp_path / "a.dng").write_bytes(make_dng())

    def imread(_):
        raise rawpy.LibRawUnsufficientMemoryError(b"Unsufficient memory")

    monkeypatch.setattr(rawpy, "imread", imread)
    assert decode_photo(tmp_path / "a.dng").status is PhotoStatus.TOO_LARGE
