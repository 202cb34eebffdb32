"""The measure of focus, on pictures whose blur is known."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.decode import decode_photo
from qpt_app.photos.focus import ALL_SOFT, CELL, IN_FOCUS, blur_of_photo, measure_focus
from qpt_app.resources import samples_dir

SIDE = 256
_erf = np.vectorize(math.erf)


def grey(plane: np.ndarray) -> np.ndarray:
    """Levels 0 to 255 as a picture."""
    return np.repeat(np.clip(np.round(plane), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def drawn(kind: str, blur: float, degrees: float) -> np.ndarray:
    """An edge, a line or a texture, blurred by a Gaussian of known sigma, in levels."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    angle = math.radians(degrees)
    away = (columns - SIDE / 2 - 0.3) * math.cos(angle) + (rows - SIDE / 2) * math.sin(angle)
    if kind == "edge":
        return 30 + 190 * (0.5 + 0.5 * _erf(away / (blur * math.sqrt(2))))
    if kind == "line":
        return 30 + 190 * np.exp(-away * away / (2 * blur * blur))
    texture = np.fft.fft2(np.random.default_rng(int(degrees)).normal(size=(SIDE, SIDE)))
    across, down = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE))
    blurred = np.exp(-2 * math.pi**2 * blur**2 * (across**2 + down**2))
    plane = np.fft.ifft2(texture * blurred).real
    inside = (abs(rows - SIDE / 2) < 0.3 * SIDE) & (abs(columns - SIDE / 2) < 0.3 * SIDE)
    return 128 + inside * 40 * plane / plane.std()


def scene(seed: int, height: int = 400, width: int = 600) -> np.ndarray:
    """Grey shapes with straight and round outlines on a shaded ground, in levels."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width].astype(float)
    plane = 90 + 40 * columns / width
    for _ in range(60):
        x, y = generator.uniform(0, width), generator.uniform(0, height)
        radius, level = generator.uniform(10, 40), generator.uniform(20, 230)
        far = np.hypot(columns - x, rows - y)
        if generator.random() < 0.5:
            far = np.maximum(abs(columns - x), abs(rows - y))
        plane = np.where(far < radius, level, plane)
    return plane


def blurred(plane: np.ndarray, sigma: float) -> np.ndarray:
    """The plane out of focus; sigma in pixels."""
    reach = math.ceil(4 * sigma)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * max(sigma, 0.01) ** 2))
    padded = np.pad(plane, reach, mode="edge")
    for axis in (0, 1):
        padded = np.apply_along_axis(np.convolve, axis, padded, kernel / kernel.sum(), "valid")
    return padded


def lit(pixels: np.ndarray) -> float:
    """Share of the picture that would be painted."""
    return float((measure_focus(pixels).paint > 64).mean())


def as_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


@pytest.mark.parametrize("degrees", [0, 20, 45])
@pytest.mark.parametrize("kind", ["edge", "line", "texture"])
@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5, 2.0, 3.0])
def test_the_blur_is_read_in_pixels_whatever_is_blurred(kind, sigma, degrees):
    """An edge, a line and a texture of one blur read the same; what is soft may read softer."""
    focus = measure_focus(grey(drawn(kind, sigma, degrees)))
    read = np.nanmedian(focus.blur[20:-20, 20:-20])
    assert read > 0.75 * sigma
    if sigma < 1.7:
        assert read == pytest.approx(sigma, abs=0.35)


def test_more_blur_is_never_read_as_less():
    """What is lit shrinks with every step out of focus, and the sharpest part gets softer."""
    plane = scene(3)
    steps = [measure_focus(grey(blurred(plane, sigma))) for sigma in (0.3, 0.7, 1.1, 1.5, 2, 3, 5)]
    shares = [float((step.paint > 64).mean()) for step in steps]
    assert shares[0] > 0.05
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 1e-3
    readings = [step.sharpest for step in steps]
    assert readings == sorted(readings)
    assert readings[0] < IN_FOCUS < ALL_SOFT < readings[-2]


@pytest.mark.parametrize("stops", [-2, -1, 0.5])
@pytest.mark.parametrize("seed", [4, 5])
def test_exposure_changes_nothing(stops, seed):
    """What is sharp in the dark is sharp; levels of a camera go with the power 1/2.2 of light."""
    plane = blurred(scene(seed), 0.8)
    assert_alike(plane, np.minimum(plane * 2 ** (stops / 2.2), 255))


@pytest.mark.parametrize("contrast", [0.4, 0.7])
@pytest.mark.parametrize("seed", [4, 5])
def test_contrast_changes_nothing(contrast, seed):
    """Mist does not make a picture soft."""
    plane = blurred(scene(seed), 0.8)
    assert_alike(plane, 128 + contrast * (plane - 128))


def assert_alike(plane: np.ndarray, other: np.ndarray) -> None:
    """The same edges are lit, and read the same."""
    before, after = measure_focus(grey(plane)), measure_focus(grey(other))
    edges = before.paint > 64
    assert np.nanmedian(abs(after.blur[edges] - before.blur[edges])) < 0.15
    assert (after.paint[edges] > 64).mean() > 0.8
    assert (after.paint > 64).mean() < 1.1 * edges.mean()
    assert after.sharpest == pytest.approx(before.sharpest, abs=0.2)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_area_says_nothing(level):
    """Neither sharp nor soft."""
    focus = measure_focus(np.full((200, 300, 3), level, np.uint8))
    assert np.isnan(focus.blur).all()
    assert not focus.paint.any()
    assert focus.sharpest is None


@pytest.mark.parametrize("quality", [None, 90, 60])
@pytest.mark.parametrize("deviation", [2, 6, 15, 25])
def test_noise_alone_is_never_in_focus(deviation, quality):
    """Nor on a slope of brightness, nor as JPEG wrote it."""
    generator = np.random.default_rng(deviation)
    ground = 80 + 90 * np.linspace(0, 1, 600)[None, :]
    pixels = grey(ground + generator.normal(0, deviation, (400, 600)))
    pixels = pixels if quality is None else as_jpeg(pixels, quality)
    focus = measure_focus(pixels)
    assert lit(pixels) < 1e-4
    assert focus.sharpest is None or focus.sharpest > ALL_SOFT


@pytest.mark.parametrize("quality", [75, 50, 30, 10])
def test_the_blocks_of_jpeg_are_not_in_focus(quality):
    """A soft picture stays soft however strongly it was compressed, a slope stays flat."""
    slope = grey(60 + 120 * np.linspace(0, 1, 600)[None, :] + np.zeros((400, 1)))
    assert lit(as_jpeg(slope, quality)) < 1e-3
    if quality >= 30:
        soft = as_jpeg(grey(blurred(scene(6), 4)), quality)
        assert lit(soft) < 1e-3
        assert measure_focus(soft).sharpest > ALL_SOFT


@pytest.mark.parametrize("deviation", [3, 8])
def test_noise_does_not_sharpen_what_is_soft_nor_hide_what_is_sharp(deviation):
    """As at a high ISO."""
    generator = np.random.default_rng(1)
    noise = generator.normal(0, deviation, (400, 600))
    assert lit(grey(blurred(scene(7), 4) + noise)) < 1e-3
    assert lit(grey(blurred(scene(7), 0.7) + noise)) > 0.6 * lit(grey(blurred(scene(7), 0.7)))


def test_what_is_sharp_in_one_half_lights_up_there_alone():
    """The other half is out of focus by three pixels."""
    plane = scene(8)
    half = plane.shape[1] // 2
    mixed = np.where(np.arange(plane.shape[1]) < half, blurred(plane, 0.6), blurred(plane, 3))
    paint = measure_focus(grey(mixed)).paint > 64
    edge = half // CELL
    assert paint[:, :edge].mean() > 0.05
    assert paint[:, edge + 4 :].mean() < 1e-3
    assert measure_focus(grey(mixed)).sharpest < IN_FOCUS


@pytest.mark.parametrize("noise", [0, 2])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_soft_photo_full_of_texture_is_not_in_focus(seed, noise):
    """Its quietest places are texture and no noise; real noise came after the blur and is sharp."""
    plane = natural(seed)
    generator = np.random.default_rng(seed)
    grain = generator.normal(0, 1, plane.shape) * noise
    sharp = measure_focus(grey(blurred(plane, 0.5) + grain)).sharpest
    soft = measure_focus(grey(blurred(plane, 2) + grain)).sharpest
    assert sharp < IN_FOCUS
    assert 1.3 < soft < 2.6


def natural(seed: int, height: int = 600, width: int = 900) -> np.ndarray:
    """Texture with the spectrum of nature, stronger in some places than in others, in levels."""
    generator = np.random.default_rng(seed)
    across, down = np.meshgrid(np.fft.fftfreq(width), np.fft.fftfreq(height))
    far = np.hypot(across, down)
    far[0, 0] = 1
    texture = np.fft.ifft2(np.fft.fft2(generator.normal(size=far.shape)) / far).real
    places = np.fft.ifft2(np.fft.fft2(generator.normal(size=far.shape)) * (far < 0.01)).real
    strength = 12 * np.exp(0.7 * places / places.std())
    return 128 + strength * texture / texture.std()


@pytest.mark.parametrize("noise", [0, 3])
def test_a_photo_that_is_sharp_in_a_thirtieth_of_the_frame_is_in_focus(noise):
    """A face in a frame that is out of focus."""
    plane = scene(11, height=1000, width=1500)
    face = (slice(400, 573), slice(700, 960))
    mixed = blurred(plane, 5)
    mixed[face] = blurred(plane, 0.6)[face]
    mixed += np.random.default_rng(1).normal(0, 1, mixed.shape) * noise
    assert measure_focus(grey(mixed)).sharpest < IN_FOCUS


def test_the_border_of_a_soft_photo_is_not_in_focus():
    """A frame cut out of what is blurred ends where slopes go on."""
    cut = blurred(scene(12, height=500, width=700), 4)[50:-50, 50:-50]
    blur = measure_focus(grey(cut)).blur
    assert np.nanmin(blur) > 1.7


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.rot90])
def test_a_mirrored_picture_is_in_focus_in_the_mirrored_places(turn):
    """Left and right, above and below are alike to it."""
    plane = np.where(np.arange(600) < 300, blurred(scene(9), 0.7), blurred(scene(9), 2))
    pixels = grey(plane)
    there = turn(measure_focus(pixels).paint).astype(int)
    here = measure_focus(np.ascontiguousarray(turn(pixels))).paint.astype(int)
    assert here.shape == there.shape
    # not equal: the coarse scale takes every second pixel, from the left and from above
    assert (abs(here - there) > 96).mean() < 0.05 * (there > 64).mean()
    assert here.mean() == pytest.approx(there.mean(), rel=0.05)


def test_the_samples_read_as_they_were_rendered():
    """Sharp is sharp, grainy and over-compressed too; out of focus is soft."""
    read = {
        path.stem: measure_focus(decode_photo(path).pixels).sharpest
        for path in samples_dir().glob("still-life-*.jpg")
    }
    assert read.pop("still-life-2-defocused") > IN_FOCUS
    assert len(read) == 6
    assert all(blur < IN_FOCUS for blur in read.values())


def test_a_picture_too_small_to_judge_is_refused():
    """A window must fit into it."""
    with pytest.raises(ValueError, match="too small"):
        measure_focus(np.zeros((19, 400, 3), np.uint8))


def test_sides_that_are_no_multiple_of_a_cell_are_taken_as_they_are():
    """A rest of some pixels is left out."""
    focus = measure_focus(grey(scene(2, height=203, width=317)))
    assert focus.paint.shape == focus.blur.shape == (203 // CELL, 317 // CELL)


@pytest.mark.parametrize("factor", [1.0, 1.05])
def test_a_picture_of_the_photos_own_size_is_taken_at_its_word(factor):
    """Nothing is added for a border that is missing."""
    for blur in (0.0, IN_FOCUS, 1.5, ALL_SOFT, 100.0):
        assert blur_of_photo(blur, factor) == blur


@pytest.mark.parametrize("factor", [1.2, 1.5, 1.86, 3.0, 6.0])
def test_the_smaller_the_picture_the_less_it_says_of_the_photo(factor):
    """From some size on that it is soft at most; what is said is the blur times the factor."""
    read = [number / 40 for number in range(200)]
    told = [blur_of_photo(blur, factor) for blur in read]
    assert all(says in (None, blur * factor) for blur, says in zip(read, told, strict=True))
    known = [says for says in told if says is not None]
    assert any(blur <= IN_FOCUS for blur in known) == (factor < 1.85)
    assert any(IN_FOCUS < blur < ALL_SOFT for blur in known) == (factor < 1.57)
    assert max(known) > ALL_SOFT
    assert all(says is None or says <= IN_FOCUS for says in told[: told.index(None)])
    assert all(says >= ALL_SOFT for says in told[-20:])
