"""Scene statistics: closed forms, slow re-derivations, and what must not matter."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from qpt_app.core.crop_statistics import (
    JPEG_GRID,
    contrast_spread,
    crop_statistics,
    finest_detail,
    grid_edges,
    local_contrast,
    mscn_moments,
)
from qpt_app.core.encoder import normalise
from qpt_app.core.frame_statistics import (
    cell_means,
    clipping,
    colour_histogram,
    exposure,
    frame_statistics,
    layout,
    scale_spectrum,
)
from qpt_app.core.model_metadata import STATISTICS_VERSION
from qpt_app.core.scene_statistics import STATISTIC_COUNT, scene_statistics
from qpt_app.core.view_planes import (
    quantiles,
    saturation,
    shape_moments,
    view_pixels,
    view_planes,
)


def pixels(*shape, seed=0):
    """Smooth random colours in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(*shape[:-2], 8, 8, generator=generator)
    flat = coarse.reshape(-1, 1, 8, 8)
    smooth = torch.nn.functional.interpolate(flat, shape[-2:], mode="bicubic")
    noise = 0.05 * torch.randn(shape, generator=generator)
    return (smooth.reshape(shape) + noise).clamp(0, 1)


def views(count=3, crops=4, size=64, seed=0):
    """Normalised views of some photos."""
    overview = pixels(count, 3, 64, 96, seed=seed)
    flat = pixels(count * crops, 3, size, size, seed=seed + 1)
    return normalise(overview), normalise(flat).reshape(count, crops, 3, size, size)


def whole_steps(normalised):
    """The views as 8-bit pixels would give them."""
    flat = normalised.reshape(-1, *normalised.shape[-3:])
    return normalise(view_pixels(flat)).reshape(normalised.shape)


def maps_of(photo):
    return [*view_planes(photo), saturation(photo)]


def test_there_are_as_many_as_stated_and_all_are_finite():
    measured = scene_statistics(*views())
    assert measured.shape == (3, STATISTIC_COUNT) == (3, 342)
    assert torch.isfinite(measured).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_flat_photo_has_finite_statistics(value):
    flat = normalise(torch.full((4, 3, 64, 64), value))
    assert torch.isfinite(scene_statistics(flat[:1], flat[None])).all()


def made_by_whole_numbers(height, width, shift):
    """A photo of steps and slopes that is the same on every computer."""
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    channels = [
        row * row // (7 + k) + column * (3 + k) + shift * (k + 1) + row * column * (k + 2) // 61
        for k in range(3)
    ]
    return normalise((torch.stack(channels) % 256).float()[None] / 255)


def test_other_numbers_are_another_version():
    """If this fails on purpose, raise `STATISTICS_VERSION`: shipped heads misread other numbers."""
    overview = made_by_whole_numbers(96, 128, 0)
    crops = torch.cat([made_by_whole_numbers(64, 64, shift) for shift in (5, 90)])[None]
    crops[..., :40] = crops[..., :1, :1]  # a flat place
    measured = scene_statistics(overview, crops)[0]
    assert STATISTICS_VERSION == 2
    expected = [0.3155, 0.0371, 0.0698, -6.9276, 0.2247, -1.3899, 0.0720, -0.5490, 0.3522, 0.0324]
    expected += [0.0113, 0.5729, -2.9087, -1.9266, 0.0938, 0.1083, 0.0972, 0.1437]
    torch.testing.assert_close(measured[::19], torch.tensor(expected), rtol=0, atol=2e-4)
    assert float(measured.sum()) == pytest.approx(-212.234, abs=0.02)


def test_a_photo_is_measured_alike_alone_and_among_others():
    overview, crops = views()
    together = scene_statistics(overview, crops)
    for place in range(len(together)):
        alone = scene_statistics(overview[place : place + 1], crops[place : place + 1])
        torch.testing.assert_close(alone[0], together[place], rtol=1e-4, atol=1e-5)


def test_the_order_of_the_crops_does_not_matter():
    overview, crops = views()
    turned = scene_statistics(overview, crops.flip(1))
    torch.testing.assert_close(turned, scene_statistics(overview, crops), rtol=1e-4, atol=1e-5)


def test_the_memory_layout_does_not_matter():
    overview, crops = views()
    flat = crops.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    turned = scene_statistics(
        overview.contiguous(memory_format=torch.channels_last), flat.reshape(crops.shape)
    )
    torch.testing.assert_close(turned, scene_statistics(overview, crops), rtol=1e-5, atol=1e-6)


def test_normalisation_of_every_step_of_8_bits_is_undone_exactly():
    steps = torch.arange(256.0).repeat(3).reshape(1, 3, 16, 16)
    assert torch.equal((view_pixels(normalise(steps / 255)) * 255).round(), steps)
    for less in (torch.float16, torch.bfloat16):
        assert torch.equal(
            view_pixels(normalise(steps / 255).to(less)), view_pixels(normalise(steps / 255))
        )


def test_another_order_of_rounding_changes_nothing():
    overview, crops = (whole_steps(part) for part in views())
    for factor in (1 - 1e-6, 1 + 1e-6):
        moved = scene_statistics(overview * factor, crops * factor)
        assert torch.equal(moved, scene_statistics(overview, crops))


def with_a_flat_place(seed):
    """A crop of smooth colours and noise whose left part is one colour."""
    generator = torch.Generator().manual_seed(seed)
    crop = pixels(1, 3, 64, 64, seed=seed)
    crop[:, :, :, :40] = torch.rand(1, 3, 1, 1, generator=generator)
    return (crop * 255).round() / 255


@pytest.mark.parametrize("seed", range(20))
def test_flat_places_beside_others_are_as_in_double_precision(seed):
    crop = with_a_flat_place(seed)
    exact = crop_statistics(crop.double(), 1)
    assert float((crop_statistics(crop, 1) - exact).abs().max()) < 1e-4


def test_grey_has_its_own_luminance_and_no_colour():
    grey = torch.rand(2, 1, 5, 7).expand(2, 3, 5, 7)
    planes = view_planes(grey)
    torch.testing.assert_close(planes.luminance, grey[:, :1])
    for plane in (*planes[1:], saturation(grey)):
        assert plane.abs().max() < 1e-6


def test_local_contrast_is_the_windows_own_standard_deviation():
    plane = pixels(1, 1, 20, 22)
    mean, contrast = local_contrast(plane)
    assert contrast.shape == (1, 1, 14, 16)
    places = np.arange(-3, 4)
    window = np.exp(-0.5 * (places / (7 / 6)) ** 2)
    window = np.outer(window, window) / window.sum() ** 2
    part = plane[0, 0, 5:12, 4:11].double().numpy()
    slow_mean = (window * part).sum()
    slow = np.sqrt((window * (part - slow_mean) ** 2).sum())
    assert float(mean[0, 0, 5, 4]) == pytest.approx(slow_mean, abs=1e-6)
    assert float(contrast[0, 0, 5, 4]) == pytest.approx(slow, abs=1e-5)


def test_gaussian_noise_has_the_moments_of_its_closed_form():
    noise = torch.randn(4, 1, 200, 200, generator=torch.Generator().manual_seed(1))
    moments = mscn_moments(noise).mean(0)
    assert float(moments[0]) == pytest.approx(1.0, abs=0.01)
    assert float(moments[1]) == pytest.approx(2 / np.pi, abs=0.01)
    for first in range(2, len(moments), 5):  # of independent neighbours' products
        spread, peakedness, mean, positive, negative = moments[first : first + 5].tolist()
        assert spread == pytest.approx(1.0, abs=0.02)
        assert peakedness == pytest.approx((2 / np.pi) ** 2, abs=0.02)
        assert mean == pytest.approx(0.0, abs=0.01)
        assert positive == pytest.approx(np.sqrt(0.5), abs=0.02)
        assert negative == pytest.approx(np.sqrt(0.5), abs=0.02)


def test_products_are_those_of_the_four_directions():
    plane = torch.zeros(4, 1, 9, 9)
    plane[:, :, 4, 4] = 1.0
    for number, (down, right) in enumerate([(0, 1), (1, 0), (1, 1), (1, -1)]):
        plane[number, 0, 4 + down, 4 + right] = 1.0
    means = mscn_moments(plane)[:, 4::5]
    assert torch.equal(means > 0, torch.eye(4, dtype=torch.bool))


def test_quantiles_are_values_that_occur_in_rising_order():
    values = torch.rand(3, 100, generator=torch.Generator().manual_seed(0))
    found = quantiles(values, (0.0, 0.5, 1.0))
    ordered = values.sort(dim=1).values
    assert torch.equal(found, ordered[:, [0, 50, 99]])


def test_peakedness_of_two_values_is_one():
    spread, peakedness = shape_moments(torch.tensor([[[3.0, -3.0, 3.0, -3.0]]]))
    assert float(spread) == pytest.approx(3.0)
    assert float(peakedness) == pytest.approx(1.0)


def test_one_sharp_crop_shows_in_the_spread_over_crops():
    contrast = torch.full((4, 1, 12, 12), 0.01)
    contrast[2] = 0.5
    over_crops = contrast_spread(contrast, 4, step=1)[0, -5:]
    assert float(over_crops[-1] - over_crops[0]) > 3
    assert float(over_crops[2] - over_crops[0]) == pytest.approx(0, abs=1e-5)


def test_the_finest_detail_of_a_slope_is_none_and_of_noise_its_own():
    slope = torch.linspace(0, 1, 32).repeat(1, 1, 32, 1)
    noise = 0.1 * torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(2))
    assert float(finest_detail(slope)[0, 0]) < np.log(2e-4)
    expected = np.log(0.1 * np.sqrt(1 + 4 / 16))  # the pixel, less the mean of four others
    assert float(finest_detail(noise)[0, 0]) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("start", [0, 3, 7])
def test_blocks_of_eight_stand_out_wherever_the_crop_begins(start):
    levels = torch.rand(12, 12, generator=torch.Generator().manual_seed(3))
    blocks = levels.repeat_interleave(JPEG_GRID, 0).repeat_interleave(JPEG_GRID, 1)
    crop = blocks[start : start + 64, start : start + 64][None, None]
    across, _, down, _ = grid_edges(crop)[0].tolist()
    assert min(across, down) > 3
    plain = grid_edges(pixels(1, 1, 64, 64))[0]
    assert max(plain[0], plain[2]) < 1


def test_jpeg_raises_the_grid_statistics_and_blur_lowers_the_contrast():
    photo = pixels(1, 3, 64, 64, seed=5)
    image = Image.fromarray((photo[0].permute(1, 2, 0) * 255).byte().numpy())
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=8, subsampling=0)
    decoded = np.asarray(Image.open(stream).convert("RGB"))
    squeezed = torch.from_numpy(decoded.copy()).permute(2, 0, 1)[None] / 255
    edges = [grid_edges(view_planes(p).luminance)[0] for p in (photo, squeezed)]
    assert edges[1][0] > edges[0][0] + 0.3
    assert edges[1][2] > edges[0][2] + 0.3
    blurred = torch.nn.functional.avg_pool2d(photo, 3, 1, 1)
    sharp, soft = (local_contrast(view_planes(p).luminance)[1].mean() for p in (photo, blurred))
    assert soft < 0.9 * sharp


def test_exposure_rises_with_light_and_saturation_with_colour():
    dark, bright = torch.full((1, 3, 8, 8), 0.2), torch.full((1, 3, 8, 8), 0.8)
    rise = exposure(maps_of(bright)) - exposure(maps_of(dark))
    assert float(rise[0, 0]) == pytest.approx(0.6, abs=1e-6)
    red = torch.zeros(1, 3, 8, 8)
    red[:, 0] = 0.5
    assert float(exposure(maps_of(red))[0, 27]) == pytest.approx(1.0, abs=0.01)


def test_clipping_counts_the_pixels_at_either_end():
    photo = torch.full((1, 3, 10, 10), 0.5)
    photo[:, :, :2] = 1.0  # a fifth: all channels
    photo[:, 0, 2:6] = 0.0  # two fifths: one channel
    expected = torch.tensor([[0.2, 0.2, 0.4, 0.0]]).sqrt()
    torch.testing.assert_close(clipping(photo), expected)


@pytest.mark.parametrize("sides", [(64, 96), (63, 95), (31, 223), (5, 4)])
def test_cells_are_those_of_adaptive_pooling(sides):
    plane = torch.rand(2, 1, *sides, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.adaptive_avg_pool2d(plane, 4).flatten(1)
    torch.testing.assert_close(cell_means(plane), expected)


def test_layout_says_where_the_light_is():
    photo = torch.zeros(1, 3, 64, 64)
    photo[:, :, :16, 48:] = 1.0
    light = layout(maps_of(photo))[0, :16].reshape(4, 4)
    assert float(light[0, 3]) == pytest.approx(1.0)
    assert float(light.sum()) == pytest.approx(1.0)


def test_the_colour_histogram_has_one_box_per_colour():
    photo = torch.zeros(2, 3, 8, 8)
    photo[1, 0] = 1.0
    boxes = colour_histogram(photo)
    assert torch.equal(boxes.square().sum(1), torch.ones(2))
    assert float(boxes[0, 0]) == 1.0
    assert float(boxes[1, 3 * 16]) == 1.0


def test_the_spectrum_finds_the_octave_of_a_pattern():
    columns = torch.arange(128)
    for octave in range(3):
        stripes = ((columns // 2**octave) % 2).float().repeat(1, 1, 128, 1)
        logs = scale_spectrum(stripes)[0, ::2]
        assert int(logs.argmax()) == octave


def test_mirroring_changes_only_where_things_are():
    crops = pixels(4, 3, 64, 64)
    torch.testing.assert_close(
        crop_statistics(crops.flip(0), 4), crop_statistics(crops, 4), rtol=1e-4, atol=1e-5
    )
    frame = pixels(1, 3, 64, 64)
    plain, mirrored = frame_statistics(frame), frame_statistics(frame.flip(3))
    grids = slice(40, 40 + 6 * 16)
    turned = mirrored[0, grids].reshape(6, 4, 4).flip(2)
    torch.testing.assert_close(
        turned[:4], plain[0, grids].reshape(6, 4, 4)[:4], rtol=1e-4, atol=1e-5
    )
