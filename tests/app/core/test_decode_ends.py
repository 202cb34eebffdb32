"""Where a file should end: makers add data of their own, and a cut file is cut nevertheless."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.decode import decode_photo
from qpt_app.core.decode_ends import lacks_end, missing_share_of_raw
from qpt_app.core.status import PhotoStatus

TRAILERS = {
    "samsung": b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1712345678901SEFHk\0\0\0"
    + b"a" * 20
    + b"SEFT",
    "vivo": b'vivo{"watermark":"x","time":1}',
    "zeros": bytes(64),
    "short": b"ab",
}
"""As phones write them after the last box."""


def box(kind, payload):
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


WHOLE = box(b"ftyp", b"crx \0\0\0\x01") + box(b"made", bytes(40)) + box(b"mdat", bytes(4000))


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
def test_what_a_maker_adds_after_the_last_box_is_no_missing_end(trailer):
    """In HEIC, AVIF and CR3, which have boxes."""
    assert not lacks_end(io.BytesIO(WHOLE + trailer), "HEIF")
    assert not lacks_end(io.BytesIO(WHOLE + trailer), "AVIF")
    assert missing_share_of_raw(io.BytesIO(WHOLE + trailer), "CR3") == 0


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.98])
def test_a_cut_in_the_data_is_a_missing_end(kept):
    """Also behind a box of a type that nobody knows."""
    cut = io.BytesIO(WHOLE[: int(kept * len(WHOLE))])
    assert lacks_end(cut, "HEIF")
    assert missing_share_of_raw(cut, "CR3") == pytest.approx(1 - kept, abs=0.01)


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
def test_an_avif_with_a_trailer_is_whole(tmp_path, trailer):
    """Status and pixels are those of the photo without it."""
    pixels = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    file = tmp_path / "a.avif"
    Image.fromarray(pixels).save(file)
    whole = decode_photo(file)
    file.write_bytes(file.read_bytes() + trailer)
    photo = decode_photo(file)
    assert (photo.status, photo.reason) == (PhotoStatus.OK, None)
    assert np.array_equal(photo.pixels, whole.pixels)
