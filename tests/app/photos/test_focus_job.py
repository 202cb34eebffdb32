"""Measuring focus where photos are decoded: in a process that can be killed."""

import io
import math

import numpy as np
import pytest
from made_dng import make_dng
from PIL import Image, ImageFilter

from qpt_app.core.decode_limits import DecodeLimits
from qpt_app.core.decode_pool import DecodePool
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.focus import ALL_SOFT, CELL, IN_FOCUS, FocusGap
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


def test_a_file_that_is_no_photo_has_a_reason(tmp_path):
    """It is not measured."""
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n no photo")
    outcome = FocusJob(path).run(DecodeLimits())
    assert (outcome.paint, outcome.sharpest, outcome.gap) == (None, None, None)
    assert outcome.reason


def test_a_photo_that_is_too_small_is_known_to_be(tmp_path):
    """That will not change."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (300, 12)).save(path)
    outcome = FocusJob(path).run(DecodeLimits())
    assert (outcome.paint, outcome.sharpest) == (None, None)
    assert outcome.gap is FocusGap.TOO_SMALL


def shapes(width: int, height: int, blur: float) -> Image.Image:
    """Outlines out of focus by so many pixels."""
    generator = np.random.default_rng(5)
    image = Image.new("L", (width, height), 120)
    for _ in range(width * height // 6000):
        x, y, side = generator.uniform((0, 0, 20), (width, height, 60)).astype(int)
        image.paste(int(generator.uniform(20, 230)), (x, y, x + side, y + side))
    return image.filter(ImageFilter.GaussianBlur(blur)).convert("RGB")


def measured_raw(path, *, side: int, preview: int, blur: float):
    """What is said of a RAW file of a side that holds a preview of another.

    The blur is in pixels of the photo at 3000, of which the preview is a smaller copy.
    """
    factor = min(3000, side) / preview
    buffer = io.BytesIO()
    shapes(preview, preview * 3 // 4, math.hypot(0.4, blur / factor)).save(
        buffer, "JPEG", quality=92
    )
    path.write_bytes(make_dng(preview=buffer.getvalue(), size=(side, side * 3 // 4)))
    outcome = FocusJob(path, 3000).run(DecodeLimits())
    assert max(outcome.paint.shape) == preview // CELL
    return outcome


@pytest.mark.parametrize(("side", "preview"), [(4000, 1024), (3000, 1616)])
def test_of_a_raw_with_a_small_preview_it_is_never_said_that_it_is_in_focus(
    tmp_path, side, preview
):
    """A blur of 1.5 pixels at 3000 is half a pixel there, which looks as sharp as none."""
    for blur in (0, 1.5):
        outcome = measured_raw(tmp_path / "a.dng", side=side, preview=preview, blur=blur)
        assert outcome.sharpest is None
        assert outcome.gap is FocusGap.SMALL_PREVIEW


@pytest.mark.parametrize(("side", "preview"), [(4000, 1024), (3000, 1616), (2000, 1100)])
def test_what_is_soft_in_a_small_preview_is_soft(tmp_path, side, preview):
    """It is out of focus by as many times more pixels as the photo has along a side."""
    outcome = measured_raw(tmp_path / "a.dng", side=side, preview=preview, blur=6)
    assert outcome.gap is None
    assert 0.8 * 6 < outcome.sharpest < 1.6 * 6


@pytest.mark.parametrize(("side", "preview"), [(4000, 3000), (3000, 2900), (1500, 1480)])
def test_a_raw_whose_preview_is_as_large_as_it_is_compared_at_is_judged_by_it(
    tmp_path, side, preview
):
    """A border of some pixels is missing in many."""
    sharp = measured_raw(tmp_path / "a.dng", side=side, preview=preview, blur=0)
    assert sharp.gap is None
    assert sharp.sharpest < IN_FOCUS
    soft = measured_raw(tmp_path / "a.dng", side=side, preview=preview, blur=1.5)
    assert IN_FOCUS < soft.sharpest < ALL_SOFT


def test_a_small_photo_is_judged_at_its_own_size(tmp_path):
    """There is no larger one of it."""
    path = tmp_path / "a.png"
    shapes(900, 600, 0.4).save(path)
    outcome = FocusJob(path, 3000).run(DecodeLimits())
    assert outcome.gap is None
    assert outcome.sharpest < IN_FOCUS
