"""The decode door: content decides, limits come first, upright sRGB or a status comes out."""

import errno
import io
import os
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_dng import ASCII, LONG, SHORT, directory
from PIL import Image, ImageFile

from qpt_app.core import decode, decode_file, decode_formats, decode_pillow
from qpt_app.core.decode import (
    PHOTO_EXTENSIONS,
    DecodedPhoto,
    DecodeLimits,
    decode_photo,
    supported_formats,
)
from qpt_app.core.decode_ends import lacks_end, missing_share_of_raw
from qpt_app.core.decode_limits import Refusal
from qpt_app.core.status import PhotoStatus

ORIENTATION = 0x0112
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}
"""EXIF orientation -> what a camera held that way stores for an upright scene."""


def blocks(width=96, height=64):
    """Flat blocks of 16 pixels in random colours: survives lossy coding, differs everywhere."""
    rng = np.random.default_rng(2)
    small = rng.integers(30, 226, (height // 16, width // 16, 3), dtype=np.uint8)
    return small.repeat(16, axis=0).repeat(16, axis=1)


def noise(width=96, height=64):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path, pixels, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def far(first, second):
    """Mean difference of two pictures in levels."""
    return np.abs(first.astype(int) - second).mean()


def ok(photo: DecodedPhoto):
    assert photo.status is PhotoStatus.OK, photo.reason
    return photo.pixels


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif"])
def test_every_orientation_comes_out_upright(tmp_path, ending, orientation):
    scene = blocks()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = np.ascontiguousarray(TURNS[orientation](scene))
    photo = decode_photo(save(tmp_path / f"a.{ending}", stored, exif=exif, quality=95))
    assert far(ok(photo), scene) < 6
    assert (photo.width, photo.height) == (96, 64)


@pytest.mark.parametrize("value", [0, 9, 300])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path, value):
    exif = Image.Exif()
    exif[ORIENTATION] = value
    scene = noise()
    photo = decode_photo(save(tmp_path / "a.png", scene, exif=exif))
    assert np.array_equal(ok(photo), scene)


# Colour


def srgb_profile():
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile():
    """An sRGB profile whose red and green primaries are exchanged: applying it is unmistakable."""
    return (
        srgb_profile().replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    )


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif"])
def test_a_profile_is_applied_in_every_format(tmp_path, ending):
    scene = blocks()
    file = save(tmp_path / f"a.{ending}", scene, icc_profile=swapped_profile(), quality=95)
    assert far(ok(decode_photo(file)), scene[:, :, [1, 0, 2]]) < 6


def test_a_profile_that_changes_nothing_leaves_the_pixels_alone(tmp_path):
    scene = noise()
    photo = decode_photo(save(tmp_path / "a.png", scene, icc_profile=srgb_profile()))
    assert np.array_equal(ok(photo), scene)
    assert photo.reason is None


@pytest.mark.parametrize("profile", [b"junk" * 100, b"x", swapped_profile()[:200]])
def test_a_broken_profile_counts_as_srgb_and_is_reported(tmp_path, profile):
    scene = noise()
    photo = decode_photo(save(tmp_path / "a.png", scene, icc_profile=profile))
    assert np.array_equal(ok(photo), scene)
    assert "profile" in photo.reason


def test_a_grey_photo_with_a_colour_profile_stays_grey(tmp_path):
    grey = Image.fromarray(noise()).convert("L")
    pixels = ok(decode_photo(save(tmp_path / "a.png", grey, icc_profile=srgb_profile())))
    assert np.array_equal(pixels, np.asarray(grey.convert("RGB")))


@pytest.mark.parametrize("ending", ["jpg", "tif"])
def test_cmyk_without_a_profile_is_the_plain_complement(tmp_path, ending):
    """Pillow writes JPEG CMYK inverted with Adobe's marker, as Photoshop does."""
    scene = blocks()
    file = save(tmp_path / f"a.{ending}", Image.fromarray(scene).convert("CMYK"), quality=95)
    assert far(ok(decode_photo(file)), scene) < 6


def test_16_bit_grey_is_rounded_to_8(tmp_path):
    levels = np.arange(0, 65536, 97, dtype=np.uint16).reshape(1, -1).repeat(4, 0)
    for name, image in (("a.png", Image.fromarray(levels)), ("a.tif", Image.fromarray(levels))):
        pixels = ok(decode_photo(save(tmp_path / name, image)))
        assert np.array_equal(pixels[:, :, 0], np.rint(levels / 257))


def test_floating_point_samples_are_refused_by_name(tmp_path):
    photo = decode_photo(save(tmp_path / "a.tif", Image.new("F", (20, 20), 0.5)))
    assert photo.status is PhotoStatus.UNSUPPORTED
    assert "floating" in photo.reason


def test_transparency_shows_white(tmp_path):
    scene = noise()
    alpha = np.zeros((64, 96, 1), np.uint8)
    alpha[:, 48:] = 255
    pixels = ok(decode_photo(save(tmp_path / "a.png", np.concatenate([scene, alpha], 2))))
    assert (pixels[:, :48] == 255).all()
    assert np.array_equal(pixels[:, 48:], scene[:, 48:])


def test_half_transparency_is_half_white(tmp_path):
    picture = Image.new("RGBA", (20, 20), (100, 0, 200, 128))
    pixels = ok(decode_photo(save(tmp_path / "a.png", picture)))
    assert np.abs(pixels[0, 0].astype(int) - [177, 127, 227]).max() <= 1


def test_a_transparent_palette_colour_shows_white(tmp_path):
    picture = Image.new("P", (20, 20), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30] + [0] * 762)
    for name, transparent, expected in (("a.png", 1, [255] * 3), ("b.png", 5, [10, 20, 30])):
        pixels = ok(decode_photo(save(tmp_path / name, picture, transparency=transparent)))
        assert pixels[0, 0].tolist() == expected


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tif"])
def test_of_several_frames_the_first_counts(tmp_path, ending):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    file = save(tmp_path / f"a.{ending}", frames[0], save_all=True, append_images=frames[1:])
    assert far(ok(decode_photo(file)), np.asarray(frames[0])) < 6


def test_a_stereo_photo_is_a_jpeg(tmp_path):
    frames = [Image.new("RGB", (640, 480), colour) for colour in ("red", "lime")]
    file = save(
        tmp_path / "a.jpg", frames[0], format="MPO", save_all=True, append_images=frames[1:]
    )
    photo = decode_photo(file, min_side=160)
    assert photo.format == "MPO"
    assert far(ok(photo), np.asarray(frames[0].resize(photo.pixels.shape[1::-1]))) < 6


@given(shape=st.tuples(st.integers(1, 300), st.integers(1, 300)))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pixels_arrive_as_they_were_written(tmp_path, shape):
    """The copy in bands covers every row."""
    scene = noise(*shape)
    assert np.array_equal(ok(decode_photo(save(tmp_path / "a.png", scene))), scene)


# Scaled decoding


@given(size=st.tuples(st.integers(1, 1200), st.integers(1, 1200)), min_side=st.integers(1, 700))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_scaled_jpeg_never_falls_below_the_side_asked_for(tmp_path, size, min_side):
    photo = decode_photo(save(tmp_path / "a.jpg", Image.new("RGB", size)), min_side=min_side)
    assert (photo.width, photo.height) == size
    got = max(ok(photo).shape[:2])
    assert got >= min(min_side, max(size))
    assert got <= max(size)


def test_a_large_jpeg_is_decoded_smaller_and_only_where_asked(tmp_path):
    file = save(tmp_path / "a.jpg", Image.new("RGB", (1600, 800)))
    assert ok(decode_photo(file)).shape == (800, 1600, 3)
    assert ok(decode_photo(file, min_side=400)).shape == (200, 400, 3)
    assert ok(decode_photo(file, min_side=401)).shape == (400, 800, 3)


# Damage


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "bmp", "webp"])
def test_a_file_cut_short_by_two_bytes_is_damaged_with_all_its_pixels(tmp_path, kind):
    scene = blocks(480, 320)
    whole = save(tmp_path / f"a.{kind}", scene, **({"quality": 90} if kind == "jpg" else {}))
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(whole.read_bytes()[: -14 if kind == "png" else -2])
    photo = decode_photo(cut)
    assert photo.status is PhotoStatus.DAMAGED
    assert photo.reason
    assert far(photo.pixels, decode_photo(whole).pixels) < 2
    assert (photo.width, photo.height) == (480, 320)


@pytest.mark.parametrize(("share", "status"), [(0.8, "damaged"), (0.2, "unreadable")])
@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "bmp"])
def test_less_than_half_a_picture_is_no_picture(tmp_path, kind, share, status):
    data = save(tmp_path / f"a.{kind}", noise(480, 320)).read_bytes()
    (tmp_path / f"cut.{kind}").write_bytes(data[: int(len(data) * share)])
    assert decode_photo(tmp_path / f"cut.{kind}").status.value == status


def test_tolerance_for_a_cut_file_never_leaks_to_other_threads(tmp_path):
    """Pillow's switch is global: a whole photo stays `ok`, a cut one `damaged`, and it is off
    afterwards."""
    whole = save(tmp_path / "a.jpg", noise(320, 240))
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:-2])
    switched_on = []

    def look(_):
        with decode_pillow._PILLOW_LOCK.shared():
            switched_on.append(ImageFile.LOAD_TRUNCATED_IMAGES)

    with ThreadPoolExecutor(8) as threads:
        results = [threads.submit(decode_photo, path) for path in [whole, cut] * 40]
        list(threads.map(look, range(200)))
    assert [result.result().status.value for result in results] == ["ok", "damaged"] * 40
    assert not any(switched_on)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


# Limits


def test_more_pixels_than_the_budget_are_refused_before_decoding(tmp_path):
    file = save(tmp_path / "a.png", Image.new("RGB", (1000, 1000)))
    assert decode_photo(file, limits=DecodeLimits(byte_budget=4_000_000)).pixels is not None
    photo = decode_photo(file, limits=DecodeLimits(byte_budget=3_999_999))
    assert photo.status is PhotoStatus.TOO_LARGE
    assert photo.format == "PNG"
    assert "1000 x 1000" in photo.reason


def test_the_budget_counts_a_jpeg_after_scaling(tmp_path):
    file = save(tmp_path / "a.jpg", Image.new("RGB", (1600, 1600)))
    limits = DecodeLimits(byte_budget=1_000_000)
    assert decode_photo(file, limits=limits).status is PhotoStatus.TOO_LARGE
    assert decode_photo(file, limits=limits, min_side=300).status is PhotoStatus.OK


def test_a_progressive_jpeg_pays_for_its_coefficients(tmp_path):
    file = save(tmp_path / "a.jpg", Image.new("RGB", (1600, 1600)), progressive=True)
    limits = DecodeLimits(byte_budget=1_000_000)
    assert decode_photo(file, limits=limits, min_side=300).status is PhotoStatus.TOO_LARGE


def test_a_file_longer_than_allowed_is_refused(tmp_path):
    file = save(tmp_path / "a.png", noise())
    limits = DecodeLimits(max_file_bytes=file.stat().st_size - 1)
    assert decode_photo(file, limits=limits).status is PhotoStatus.TOO_LARGE


def test_an_ordinary_progressive_jpeg_has_about_ten_scans(tmp_path):
    file = save(tmp_path / "a.jpg", noise(), progressive=True)
    few = decode_photo(file, limits=DecodeLimits(max_jpeg_scans=5))
    assert few.status is PhotoStatus.TOO_LARGE
    assert decode_photo(file, limits=DecodeLimits(max_jpeg_scans=15)).status is PhotoStatus.OK


def test_pillow_keeps_a_finite_limit_of_its_own(tmp_path):
    decode_photo(save(tmp_path / "a.png", noise()))
    assert Image.MAX_IMAGE_PIXELS == decode_pillow.MAX_PILLOW_PIXELS < 2**31


# Formats


def test_the_content_decides_and_the_extension_does_not(tmp_path):
    photo = decode_photo(save(tmp_path / "a.jpg", noise(), format="PNG"))
    assert photo.status is PhotoStatus.OK
    assert photo.format == "PNG"


@pytest.mark.parametrize("kind", ["TGA", "PCX", "PPM", "SGI", "ICO", "DDS", "JPEG2000", "EPS"])
def test_formats_that_are_not_allowed_are_never_tried(tmp_path, kind):
    file = save(tmp_path / "a.jpg", Image.new("RGB", (64, 64)), format=kind)
    assert decode_photo(file).status is PhotoStatus.UNSUPPORTED


def test_a_name_that_pillow_does_not_know_is_a_status_and_no_key_error():
    """`Image.open(formats=["MPO"])` fails for every file with KeyError."""
    with pytest.raises(Refusal) as caught:
        decode_pillow._allowed_plugin("MPO")
    assert caught.value.status is PhotoStatus.UNSUPPORTED


def test_every_regular_format_can_be_read_here():
    support = {entry.name: entry for entry in supported_formats()}
    assert {name for name, entry in support.items() if entry.extra is None} == {
        "JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "RAW",
    }  # fmt: skip
    assert all(entry.available for entry in support.values() if entry.extra is None)
    assert {ext for entry in support.values() for ext in entry.extensions} == PHOTO_EXTENSIONS


HEADS = {
    "JXL": (b"\xff\x0a" + bytes(40), "qpt[jxl]"),
    "HEIF": (b"\0\0\0\x18ftypheic" + bytes(40), "pi-heif"),
    "CR3": (b"\0\0\0\x18ftypcrx " + bytes(40), "rawpy"),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_missing_decoder_is_named(tmp_path, monkeypatch, kind):
    head, package = HEADS[kind]
    (tmp_path / "a").write_bytes(head)
    monkeypatch.setattr(decode_formats, "is_installed", lambda module: False)
    photo = decode_photo(tmp_path / "a")
    assert photo.status is PhotoStatus.UNSUPPORTED
    assert package in photo.reason
    assert photo.format == kind


def tiff(*entries):
    """A TIFF of one directory with (tag, type, count, value) entries."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4)


@pytest.mark.parametrize(
    ("entries", "kind"),
    [
        ([(50706, 1, 4, 0x0401)], "DNG"),
        ([(262, 3, 1, 32803)], "RAW"),
        ([(262, 3, 1, 2)], None),
        ([(330, 4, 1, 8)], None),
    ],
)
def test_raw_is_told_from_a_plain_tiff(entries, kind):
    assert decode.raw_kind(io.BytesIO(tiff(*entries))) == kind


@pytest.mark.parametrize("maker", ["NIKON CORPORATION", "Canon"])
@pytest.mark.parametrize("pages", [1, 2])
def test_a_developed_tiff_is_no_raw_whoever_made_the_camera(tmp_path, maker, pages):
    """A second page or a thumbnail after the picture changes nothing."""
    file = tmp_path / "a.tif"
    image, thumbnail = Image.fromarray(noise()), Image.fromarray(noise()).resize((16, 12))
    tags = {271: maker}
    image.save(file, save_all=True, append_images=[thumbnail] * (pages - 1), tiffinfo=tags)
    photo = decode_photo(file)
    assert (photo.status, photo.format) == (PhotoStatus.OK, "TIFF")
    assert (photo.width, photo.height) == image.size


@pytest.mark.parametrize(("subfile_type", "kind"), [(1, "NEF"), (0, None)])
def test_an_old_nikon_raw_begins_with_a_thumbnail_of_what_lies_below(subfile_type, kind):
    """It calls its sensor data RGB; a developed picture with a thumbnail below is none."""
    head = directory(
        {
            254: (LONG, [subfile_type]),
            262: (SHORT, [2]),
            271: (ASCII, b"Nikon\0"),
            330: (LONG, [512]),
        },
        8,
    )
    below = directory({254: (LONG, [1 - subfile_type]), 262: (SHORT, [2])}, 512)
    content = (b"II*\0\x08\0\0\0" + head).ljust(512, b"\0") + below
    assert decode.raw_kind(io.BytesIO(content)) == kind


# Files


def test_a_missing_file_has_vanished(tmp_path):
    assert decode_photo(tmp_path / "gone.jpg").status is PhotoStatus.VANISHED
    assert decode_photo(tmp_path / "a.jpg" / "b.jpg").status is PhotoStatus.VANISHED


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (errno.ENOENT, "vanished"),
        (errno.EIO, "vanished"),
        (errno.ESTALE, "vanished"),
        (errno.EACCES, "unreadable"),
        (errno.EMFILE, "unreadable"),
    ],
)
def test_what_opening_says_between_looking_and_opening(tmp_path, monkeypatch, code, status):
    file = save(tmp_path / "a.png", noise())

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(decode_file.os, "open", fail)
    assert decode_photo(file).status.value == status


def test_a_drive_that_fails_while_reading_is_a_status(tmp_path, monkeypatch):
    file = save(tmp_path / "a.png", noise())

    class Failing(io.BytesIO):
        def read(self, *_):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(decode, "_decode_content", lambda *_: Failing().read())
    assert decode_photo(file).status is PhotoStatus.VANISHED


@pytest.mark.parametrize("fails_at", [1, 2])
def test_an_error_of_the_computer_is_no_damage(tmp_path, monkeypatch, fails_at):
    """Neither does tolerance for broken files hide it, nor is it taken for the photo's own."""
    file = save(tmp_path / "a.png", noise())
    file.write_bytes(file.read_bytes()[:-2000])
    real, calls = decode_pillow._load, []

    def load(*arguments):
        calls.append(1)
        if len(calls) == fails_at:
            with decode_pillow.translating_errors("PNG"):
                raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return real(*arguments)

    monkeypatch.setattr(decode_pillow, "_load", load)
    photo = decode_photo(file)
    assert (photo.status, photo.reason) == (PhotoStatus.UNREADABLE, "cannot allocate memory")
    assert photo.may_pass
    assert len(calls) == fails_at


def test_what_lies_in_the_content_does_not_pass(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"not a photo")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    photos = [decode_photo(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    assert [photo.status.value for photo in photos] == ["unsupported", "unreadable"]
    assert not any(photo.may_pass for photo in photos)


def test_a_file_that_changes_once_is_read_again(tmp_path, monkeypatch):
    file = save(tmp_path / "a.png", noise())
    calls = growing(monkeypatch, file, times=1)
    assert decode_photo(file).status is PhotoStatus.OK
    assert len(calls) == 2


def test_a_file_that_keeps_changing_is_given_up_after_two_reads(tmp_path, monkeypatch):
    file = save(tmp_path / "a.png", noise())
    calls = growing(monkeypatch, file, times=5)
    photo = decode_photo(file)
    assert photo.status is PhotoStatus.CHANGED
    assert photo.pixels is None
    assert len(calls) == 2


def growing(monkeypatch, file, *, times):
    """Let the file grow during each of the first decodes."""
    calls = []
    real = decode._decode_content

    def slow(*arguments):
        calls.append(1)
        if len(calls) <= times:
            with file.open("ab") as more:
                more.write(b"more")
        return real(*arguments)

    monkeypatch.setattr(decode, "_decode_content", slow)
    return calls


def test_reading_leaves_the_file_as_it_was(tmp_path):
    file = save(tmp_path / "a.jpg", noise())
    before = file.read_bytes(), file.stat().st_mtime_ns
    decode_photo(file)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


@pytest.mark.parametrize("path", ["a\0b.jpg", b"a\0b.jpg"])
def test_a_nul_in_a_path_is_unreadable(path):
    assert decode_photo(path).status is PhotoStatus.UNREADABLE


def test_paths_may_be_bytes_text_or_path_objects(tmp_path):
    file = save(tmp_path / os.fsdecode(b"\xff.png"), noise(), format="PNG")
    for path in (file, str(file), os.fsencode(file)):
        assert decode_photo(path).status is PhotoStatus.OK


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    done = []
    thread = threading.Thread(
        target=lambda: done.append(decode_photo(tmp_path / "a.jpg")), daemon=True
    )
    thread.start()
    thread.join(5)
    assert done[0].status is PhotoStatus.UNREADABLE
    assert "FIFO" in done[0].reason


# Fuzz


@given(data=st.data())
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_mutated_photo_never_raises(tmp_path, data):
    seeds = tmp_path / "seeds"
    if not seeds.exists():
        seeds.mkdir()
        for kind in ("jpg", "png", "webp", "tif", "bmp", "gif", "avif"):
            save(seeds / f"a.{kind}", blocks(48, 32))
    seed = data.draw(st.sampled_from(sorted(seeds.iterdir())))
    content = bytearray(seed.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    content = content[: data.draw(st.integers(1, len(content)))]
    (tmp_path / "mutant").write_bytes(content)
    photo = decode_photo(tmp_path / "mutant", limits=DecodeLimits(byte_budget=64 << 20))
    assert photo.status.has_pixels == (photo.pixels is not None)
    if photo.pixels is None:
        assert photo.reason
    else:
        assert photo.pixels.dtype == np.uint8
        assert photo.pixels.shape == (photo.height, photo.width, 3)


@given(content=st.binary(min_size=1, max_size=200))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_never_raise(tmp_path, content):
    for head in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"BM", b"RIFF....WEBP"):
        (tmp_path / "any").write_bytes(head + content)
        photo = decode_photo(Path(tmp_path / "any"))
        assert photo.reason or photo.status is PhotoStatus.OK


@pytest.mark.parametrize(
    "content",
    [
        b"II+\0\x08\0\0\0" + b"\xff" * 8 + bytes(40),
        b"MM\0+\0\x08\0\0" + b"\x7f" + b"\xff" * 7 + bytes(40),
        b"\0\0\0\x18ftypavif" + bytes(12) + b"\0\0\0\x01mdat" + b"\xff" * 8 + bytes(40),
        b"\0\0\0\x18ftypheic" + bytes(12) + b"\0\0\0\x01mdat" + b"\x7f" + b"\xff" * 47,
        b"\0\0\0\x18ftypcrx " + bytes(12) + b"\0\0\0\x01mdat" + b"\xff" * 48,
    ],
)
def test_places_beyond_any_file_are_no_error(tmp_path, content):
    """A file object raises for a seek beyond 2 ** 63 (found in Pillow's seek_too_large.tif)."""
    (tmp_path / "a.tif").write_bytes(content)
    photo = decode_photo(tmp_path / "a.tif")
    assert photo.status in ("unreadable", "unsupported")
    kind = "AVIF" if b"ftyp" in content else "TIFF"
    for cut in (20, len(content)):
        file = io.BytesIO(content[:cut])
        assert lacks_end(file, kind) in (True, False)
        assert 0 <= missing_share_of_raw(file, "CR3" if kind == "AVIF" else "DNG") <= 1
