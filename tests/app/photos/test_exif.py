"""What photos say of themselves, and that bad metadata says nothing instead of hurting."""

import struct
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

from qpt_app.photos import exif as exif_module
from qpt_app.photos.exif import ExifEssentials, read_essentials


def camera_exif(**changes):
    """EXIF of a photo as a camera writes it; `changes` by tag name, None leaves a tag out."""
    main = {"Make": "Canon", "Model": "EOS R5", "Orientation": 6, "DateTime": "2030:01:01 00:00:00"}
    inner = {
        "DateTimeOriginal": "2024:05:17 10:20:30",
        "SubsecTimeOriginal": "25",
        "OffsetTimeOriginal": "+02:00",
        "ExposureTime": IFDRational(1, 250),
        "FNumber": IFDRational(28, 10),
        "ISOSpeedRatings": 400,
        "FocalLength": IFDRational(50, 1),
        "FocalLengthIn35mmFilm": 80,
        "ExposureBiasValue": IFDRational(-2, 3),
        "ExposureMode": 0,
        "LensModel": "RF50mm F1.8",
        "BodySerialNumber": "0123",
    }
    exif = Image.Exif()
    for tags, directory in ((main, exif), (inner, exif.get_ifd(IFD.Exif))):
        for name, value in {**tags, **{k: v for k, v in changes.items() if k in tags}}.items():
            if value is not None:
                directory[Base[name]] = value
    return exif


def save(path, exif, **options):
    Image.fromarray(np.zeros((8, 12, 3), np.uint8)).save(path, exif=exif, **options)
    return path


EXPECTED = ExifEssentials(
    taken_at=datetime(2024, 5, 17, 10, 20, 30, 250_000),
    utc_offset=timedelta(hours=2),
    camera_make="Canon",
    camera_model="EOS R5",
    camera_serial="0123",
    lens="RF50mm F1.8",
    exposure_s=1 / 250,
    f_number=2.8,
    iso=400,
    focal_mm=50.0,
    focal_35mm=80.0,
    exposure_bias=-2 / 3,
    orientation=6,
)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "avif"])
def test_essentials_of_every_format_that_carries_exif(tmp_path, ending):
    essentials = read_essentials(save(tmp_path / f"a.{ending}", camera_exif()))
    if ending == "avif":  # Pillow turns the orientation into a property of the container
        assert essentials.taken_at == EXPECTED.taken_at
        assert essentials.camera_model == EXPECTED.camera_model
    else:
        assert essentials == EXPECTED


def test_essentials_of_a_tiff(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff_block(camera_exif()))
    assert read_essentials(tmp_path / "a.tif") == EXPECTED


def test_the_moment_in_utc_needs_an_offset(tmp_path):
    known = read_essentials(save(tmp_path / "a.jpg", camera_exif()))
    assert known.taken_at_utc == datetime(2024, 5, 17, 8, 20, 30, 250_000, tzinfo=UTC)
    unknown = read_essentials(save(tmp_path / "b.jpg", camera_exif(OffsetTimeOriginal=None)))
    assert unknown.taken_at is not None
    assert unknown.taken_at_utc is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("Z", 0), ("-03:30", -210), ("+1400", 840), ("+99:00", None), ("", None), ("   :  ", None)],
)
def test_offsets(tmp_path, text, minutes):
    essentials = read_essentials(save(tmp_path / "a.jpg", camera_exif(OffsetTimeOriginal=text)))
    assert essentials.utc_offset == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", None])
def test_a_clock_that_was_never_set_gives_no_time(tmp_path, text):
    """And the time of the last change is not taken for it."""
    photo = save(tmp_path / "a.jpg", camera_exif(DateTimeOriginal=text))
    assert read_essentials(photo).taken_at is None


def test_an_exposure_bracket_is_known_from_exif(tmp_path):
    assert read_essentials(save(tmp_path / "a.jpg", camera_exif(ExposureMode=2))).auto_bracket


def test_a_photo_without_exif_has_no_essentials(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg")
    assert read_essentials(tmp_path / "a.jpg") == ExifEssentials()


def test_zero_denominators_and_infinite_numbers_are_no_numbers(tmp_path):
    photo = save(
        tmp_path / "a.jpg", camera_exif(ExposureTime=IFDRational(1, 0), FNumber=IFDRational(0, 0))
    )
    essentials = read_essentials(photo)
    assert essentials.exposure_s is None
    assert essentials.f_number is None
    assert essentials.iso == 400


def test_names_are_freed_of_characters_that_do_not_print(tmp_path):
    photo = save(tmp_path / "a.jpg", camera_exif(Model="EOS\x1b[31m R5\n"))
    assert read_essentials(photo).camera_model == "EOS[31m R5"


def apple_exif(burst):
    """An EXIF block with Apple's notes, which hold nothing but a BurstUUID (tag 0x000B)."""
    text = burst.encode() + b"\0"
    note = b"Apple iOS\0\0\x01MM" + struct.pack(">HHHIII", 1, 0x000B, 2, len(text), 32, 0) + text
    exif = camera_exif(Make="Apple")
    exif.get_ifd(IFD.Exif)[Base.MakerNote] = note
    return exif


def test_frames_of_one_apple_burst_share_an_id_and_others_do_not(tmp_path):
    ids = ["3F2504E0-4F89-41D3-9A0C-0305E82C3301", "7D444840-9DC0-11D1-B245-5FFDCE74FAD2"]
    first, second, other = (
        read_essentials(save(tmp_path / f"{n}.jpg", apple_exif(ids[n == 2]))).burst_id
        for n in range(3)
    )
    assert first is not None
    assert first == second != other


def test_google_writes_the_burst_into_xmp(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a GCamera:BurstID="7a1b-22"/></x:xmpmeta>'
    photo = save(tmp_path / "a.jpg", camera_exif(Make="Google"), xmp=xmp)
    assert read_essentials(photo).burst_id == "7a1b-22"


def tiff_block(exif):
    """An EXIF block without its prefix is a TIFF file that has no picture."""
    return exif.tobytes().removeprefix(b"Exif\0\0")


def test_the_tiff_blocks_of_a_canon_cr3_are_found(tmp_path):
    """A CR3 keeps its directories in boxes CMT1 and CMT2, which exifread does not know."""
    block = tiff_block(camera_exif())
    boxes = struct.pack(">I", len(block) + 8) + b"CMT1" + block
    cr3 = tmp_path / "a.cr3"
    cr3.write_bytes(struct.pack(">I", 24) + b"ftypcrx \0\0\0\1crx isom" + boxes)
    assert read_essentials(cr3) == EXPECTED


def test_the_preview_of_a_fujifilm_raf_is_asked(tmp_path):
    jpeg = save(tmp_path / "a.jpg", camera_exif()).read_bytes()
    head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 128, len(jpeg))
    raf = tmp_path / "a.raf"
    raf.write_bytes(head.ljust(128, b"\0") + jpeg)
    assert read_essentials(raf) == EXPECTED


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"not a photo", b"II*\0\xff\xff\xff\xff"])
def test_files_that_are_no_photos_have_no_essentials(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    assert read_essentials(tmp_path / "a.jpg") == ExifEssentials()


def test_a_missing_file_and_a_folder_have_no_essentials(tmp_path):
    assert read_essentials(tmp_path / "gone.jpg") == ExifEssentials()
    assert read_essentials(tmp_path) == ExifEssentials()


def test_a_count_of_four_thousand_million_entries_is_given_up(tmp_path):
    """exifread reads notes value by value; without the limit this would take hours."""
    entry = struct.pack("<HHII", Base.MakerNote, 7, 0xFFFF_FFFF, 0)
    make = struct.pack("<HHI4s", Base.Make, 2, 4, b"App\0")
    blob = b"II*\0" + struct.pack("<IH", 8, 2) + make + entry + bytes(4)
    photo = tmp_path / "a.tif"
    photo.write_bytes(blob)
    start = time.perf_counter()
    with photo.open("rb") as file:
        tags = exif_module._process(file, details=True)
    assert tags == {}
    assert time.perf_counter() - start < 5


JPEG_WITH_EXIF: dict[str, bytes] = {}


@given(data=st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_mutated_metadata_never_raises(tmp_path, data):
    for kind in ("jpg", "tif", "png"):
        if kind not in JPEG_WITH_EXIF:
            JPEG_WITH_EXIF[kind] = save(
                tmp_path / f"seed.{kind}", apple_exif("A" * 36)
            ).read_bytes()
    content = bytearray(JPEG_WITH_EXIF[data.draw(st.sampled_from(["jpg", "tif", "png"]))])
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, min(700, len(content) - 1)))] = data.draw(
            st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
        )
    (tmp_path / "mutant").write_bytes(content)
    assert isinstance(read_essentials(tmp_path / "mutant"), ExifEssentials)


@given(content=st.binary(max_size=300))
@example(content=b"FUJIFILMCCD-RAW")
@example(content=b"\0\0\0\x18ftypcrx CMT1II*\0")
@example(content=b"\0\0\0\x18ftypheix")
@example(
    content=b"\0\0\0\x10ftypheic\0\0\0\0\0\0\0\x30meta\0\0\0\0\0\0\0\0hdlr"
)  # NotImplementedError
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_never_raise(tmp_path, content):
    for start in (b"", b"\xff\xd8\xff\xe1\x00\x80Exif\0\0II*\0", b"MM\0*", b"II*\0\x08\0\0\0"):
        (tmp_path / "any").write_bytes(start + content)
        assert isinstance(read_essentials(tmp_path / "any"), ExifEssentials)
