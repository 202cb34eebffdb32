"""Measuring focus where photos are decoded: in a process that can be killed."""

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.decode_limits import DecodeLimits
from qpt_app.core.decode_pool import DecodePool
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.focus import CELL
from qpt_app.photos.focus_job import FocusJob
from qpt_app.resources import samples_dir

SAMPLE = samples_dir() / "still-life-1-sharp.jpg"
WIDTH, HEIGHT = 1080, 720


def test_a_decode_process_sends_the_map_alone():
    """It travels there and back, and is of the photo's own pixels."""
    with DecodePool(workers=1) as pool:
        outcome = pool.submit(FocusJob(SAMPLE)).result(timeout=60)
    assert outcome.status is PhotoStatus.OK
    assert (outcome.width, outcome.height) == (WIDTH, HEIGHT)
    assert outcome.paint.shape == (HEIGHT // CELL, WIDTH // CELL)
    assert outcome.paint.dtype == np.uint8
    assert outcome.sharpest is not None
    assert outcome.pixels is None


def test_a_side_bounds_what_is_measured():
    """A smaller picture gives a smaller map of the same photo."""
    outcome = FocusJob(SAMPLE, 540).run(DecodeLimits())
    assert outcome.paint.shape == (360 // CELL, 540 // CELL)
    assert (outcome.width, outcome.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("broken", [True, False])
def test_what_cannot_be_measured_has_a_reason(tmp_path, broken):
    """A file that is no photo, and one that is too small."""
    path = tmp_path / "photo.png"
    if broken:
        path.write_bytes(b"\x89PNG\r\n\x1a\n no photo")
    else:
        Image.new("RGB", (300, 12)).save(path)
    outcome = FocusJob(path).run(DecodeLimits())
    assert outcome.paint is None
    assert outcome.sharpest is None
    assert outcome.reason
