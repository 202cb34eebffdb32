"""The fixed views: same photo, same pixels; nothing enlarged; aspect ratio kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpt_app.core.preprocess import (
    PreprocessConfig,
    crop_offsets,
    fit_to_screen,
    global_size,
    grid_crops,
    pad_to,
    prepare_views,
)
from qpt_app.errors import ModelFormatError

CONFIG = PreprocessConfig()
SMALL = PreprocessConfig(screen_side=96, global_side=32, crop_size=32)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_same_pixels_give_same_views():
    first, second = (prepare_views(picture(150, 200), SMALL) for _ in range(2))
    assert np.array_equal(first.global_view, second.global_view)
    assert np.array_equal(first.crops, second.crops)


def test_a_photo_within_the_screen_is_not_resized():
    photo = picture(60, 96)
    assert fit_to_screen(photo, 96) is photo


@given(st.integers(1, 400), st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_fitting_keeps_the_aspect_ratio_and_never_enlarges(height, width):
    fitted = fit_to_screen(np.zeros((height, width, 3), np.uint8), 96)
    assert fitted.shape[0] <= height
    assert fitted.shape[1] <= width
    assert max(fitted.shape[:2]) == min(96, max(height, width))
    if max(height, width) > 96:
        scale = 96 / max(height, width)
        assert abs(fitted.shape[0] - height * scale) <= 1
        assert abs(fitted.shape[1] - width * scale) <= 1


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_global_view_has_the_configured_area_and_multiple(width, height):
    view_width, view_height = global_size(width, height, CONFIG)
    for side in (view_width, view_height):
        assert side % CONFIG.global_multiple == 0
        assert CONFIG.global_multiple <= side <= 8 * CONFIG.global_side
    if 0.5 < width / height < 2 and width * height >= 256**2:
        assert 0.75 <= view_width * view_height / CONFIG.global_side**2 <= 1.3


def test_global_view_turns_with_the_photo():
    assert global_size(1200, 800, CONFIG) == global_size(800, 1200, CONFIG)[::-1]


def test_crops_are_cut_not_resized():
    photo = picture(70, 90)
    crops = grid_crops(photo, SMALL)
    assert crops.shape == (6, 32, 32, 3)
    assert np.array_equal(crops[0], photo[:32, :32])
    assert np.array_equal(crops[-1], photo[-32:, -32:])


def test_more_crops_lie_along_the_long_side():
    wide, tall = picture(40, 96), picture(96, 40)
    assert np.array_equal(grid_crops(wide, SMALL)[1], wide[:32, 32:64])
    assert np.array_equal(grid_crops(tall, SMALL)[1], tall[:32, 8:40])


@given(st.integers(1, 40), st.integers(40, 500))
def test_crop_offsets_span_the_side(count, length):
    offsets = crop_offsets(length, 40, count)
    assert len(offsets) == count
    assert offsets == sorted(offsets)
    assert offsets[0] >= 0
    assert offsets[-1] <= length - 40
    if count > 1:
        assert (offsets[0], offsets[-1]) == (0, length - 40)


def test_small_photos_are_extended_by_mirroring():
    padded = pad_to(picture(1, 5), 32)
    assert padded.shape == (32, 32, 3)
    assert set(map(tuple, padded.reshape(-1, 3))) == set(map(tuple, picture(1, 5).reshape(-1, 3)))


def test_config_survives_its_dict():
    assert PreprocessConfig.from_dict(SMALL.to_dict()) == SMALL


@pytest.mark.parametrize(
    "change", [{"version": 99}, {"crop_size": 0}, {"crop_size": "224"}, {"more": 1}]
)
def test_a_strange_config_is_refused(change):
    with pytest.raises(ModelFormatError):
        PreprocessConfig.from_dict({**CONFIG.to_dict(), **change})
