"""Series on frames made by a script, with and without the tags."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from qpt_app.photos.frame_signature import exposure_step, frame_signature, likeness, sideways_shift
from qpt_app.photos.series import Frame, SeriesKind, group_series, time_neighbours
from qpt_app.photos.series_features import compact_feature


def scene(seed: int, *, width: int = 384, height: int = 256) -> np.ndarray:
    """A view in linear light: patches of many sizes."""
    generator = np.random.default_rng(seed)
    picture = np.zeros((height, width), np.float32)
    for cells in (4, 9, 20, 60, 150):
        small = generator.random((max(2, cells * height // width), cells)).astype(np.float32)
        picture += np.asarray(
            Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        )
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return 0.02 + 0.4 * picture


def pixels(light: np.ndarray, *, stops: float = 0.0, seed: int = 0) -> np.ndarray:
    """Expose a view and turn it into sRGB pixels with a little grain."""
    light = np.clip(light * 2.0**stops, 0, 1)
    display = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    grain = np.random.default_rng(seed).normal(0, 0.01, display.shape)
    grey = (np.clip(display + grain, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def frame(name: str, at: float, light: np.ndarray | None = None, *, stops: float = 0.0, **facts):
    """A frame taken at a second, looked at if there is a picture."""
    signature = None
    if light is not None:
        signature = frame_signature(pixels(light, stops=stops, seed=int(at * 10)))
    return Frame(path=Path(name), taken_at=at, signature=signature, **facts)


def only(frames):
    """The one series that is expected."""
    found = group_series(frames)
    assert len(found) == 1
    return found[0]


def test_frames_close_in_time_and_alike_are_a_burst_with_the_best_on_top():
    """The score decides, whatever the order of the frames."""
    view = scene(1)
    frames = [frame(f"{n}", 0.4 * n, view, score=score) for n, score in enumerate((40, 70, 55))]
    series = only(reversed(frames))
    assert series.kind is SeriesKind.BURST
    assert series.members == (Path("0"), Path("1"), Path("2"))
    assert series.best == series.ranked[0] == Path("1")
    assert series.ranked == (Path("1"), Path("2"), Path("0"))


def test_time_alone_makes_no_series():
    """Two different views a second apart."""
    assert group_series([frame("a", 0, scene(1)), frame("b", 1, scene(2))]) == []


def test_likeness_alone_makes_no_series():
    """The same view a minute later."""
    assert group_series([frame("a", 0, scene(1)), frame("b", 60, scene(1))]) == []


def test_frames_without_a_time_or_from_two_cameras_stay_alone():
    """Nobody knows when the first was taken; the others only met by chance."""
    view = scene(1)
    timeless = Frame(path=Path("a"), signature=frame_signature(pixels(view)))
    assert group_series([timeless, frame("b", 0, view)]) == []
    assert group_series([frame("a", 0, view, camera="X"), frame("b", 1, view, camera="Y")]) == []


def test_cached_features_join_frames_that_nobody_looked_at():
    """Compact features of alike frames are alike; those of others are not."""
    generator = np.random.default_rng(3)
    features = [generator.random(512).astype(np.float16) for _ in range(10)]
    frames = []
    for number, feature in enumerate(features):
        for shot in range(2):
            near = feature + generator.normal(0, 0.02, 512).astype(np.float16)
            frames.append(
                frame(f"{number}-{shot}", 100 * number + shot, feature=compact_feature(near))
            )
    strangers = [frame(f"s{n}", 9000 + n, feature=compact_feature(features[n])) for n in range(10)]
    series = group_series(frames + strangers)
    assert [one.members for one in series] == [
        (Path(f"{number}-0"), Path(f"{number}-1")) for number in range(10)
    ]


def test_a_bracket_with_tags_is_known_without_any_picture():
    """ExposureMode says so."""
    frames = [
        frame(f"{n}", 0.5 * n, auto_bracket=True, exposure_bias=bias)
        for n, bias in enumerate((0.0, -2.0, 2.0))
    ]
    series = only(frames)
    assert series.kind is SeriesKind.EXPOSURE
    assert series.from_tags
    assert series.is_protected
    assert series.best is None


@pytest.mark.parametrize("biases", [(-1, 0, 1), (0, -2, 2), (-2, -1, 0, 1, 2)])
def test_a_bracket_by_bias_tags_or_by_pixels_alone(biases):
    """With the bias in EXIF, and with nothing but the pictures."""
    view = scene(5)
    tagged = [
        frame(f"{n}", 0.5 * n, view, stops=b, exposure_bias=float(b)) for n, b in enumerate(biases)
    ]
    assert (only(tagged).kind, only(tagged).from_tags) == (SeriesKind.EXPOSURE, True)
    bare = [frame(f"{n}", 0.5 * n, view, stops=b) for n, b in enumerate(biases)]
    assert (only(bare).kind, only(bare).from_tags) == (SeriesKind.EXPOSURE, False)
    assert only(bare).best is None


def test_a_manual_bracket_is_known_by_its_exposure_times():
    """No bias, no mode: three times at one aperture."""
    view = scene(5)
    frames = [
        frame(f"{n}", 0.5 * n, view, exposure_s=t, f_number=8.0, iso=100)
        for n, t in enumerate((1 / 60, 1 / 250, 1 / 15))
    ]
    assert (only(frames).kind, only(frames).from_tags) == (SeriesKind.EXPOSURE, True)


@pytest.mark.parametrize("unseen", [(0, 1, 2, 3), (3,), (1,)])
def test_before_all_frames_were_looked_at_a_series_is_undecided_and_protected(unseen):
    """It could be a bracket, a focus series or a panorama; so it is after a failure to look."""
    view, feature = scene(5), np.ones(8, np.float16)
    frames = [
        frame(f"{n}", float(n), None if n in unseen else view, feature=feature, score=float(n))
        for n in range(4)
    ]
    series = only(frames)
    assert series.kind is SeriesKind.UNDECIDED
    assert series.is_protected
    assert series.best is None


def test_a_neighbour_that_nobody_could_look_at_keeps_a_series_undecided():
    """Two frames of a bracket of three look like a burst of two."""
    view = scene(5)
    seen = [frame(f"{n}", 0.5 * n, view, stops=2.0 * n) for n in range(2)]
    assert only([*seen, frame("unread", 1.0)]).kind is SeriesKind.UNDECIDED
    assert only([*seen, frame("a minute later", 60.0)]).kind is SeriesKind.BURST


def test_a_burst_under_clouds_is_no_bracket():
    """A third of a stop up and down."""
    view = scene(6)
    frames = [frame(f"{n}", 0.3 * n, view, stops=s) for n, s in enumerate((0, 0.3, 0.1, -0.2))]
    assert only(frames).kind is SeriesKind.BURST


def test_a_panorama_turns_on_in_one_direction():
    """Each frame shares a third to two thirds with the one before."""
    wide = scene(7, width=1300)
    frames = [frame(f"{n}", 1.5 * n, wide[:, 200 * n : 200 * n + 384]) for n in range(4)]
    series = only(frames)
    assert series.kind is SeriesKind.PANORAMA
    assert series.members == tuple(Path(str(n)) for n in range(4))


def test_a_focus_series_is_sharp_elsewhere_in_each_frame():
    """Three strips, each in focus once."""
    view = scene(8)
    soft = np.asarray(Image.fromarray(view).filter(ImageFilter.BoxBlur(0)))
    blurred = _blurred(view)
    frames = []
    for n in range(4):
        mixed = blurred.copy()
        mixed[:, 96 * n : 96 * (n + 1)] = soft[:, 96 * n : 96 * (n + 1)]
        frames.append(frame(f"{n}", 0.5 * n, mixed))
    series = only(frames)
    assert series.kind is SeriesKind.FOCUS
    assert series.best is None


def test_a_burst_with_one_shaken_frame_is_no_focus_series():
    """Softer everywhere is not sharp elsewhere."""
    view = scene(8)
    lights = [view, _blurred(view), view, view]
    assert only([frame(f"{n}", 0.5 * n, one) for n, one in enumerate(lights)]).kind is (
        SeriesKind.BURST
    )


def test_a_burst_id_joins_frames_whatever_they_show():
    """Phones say it themselves."""
    frames = [frame(f"{n}", 2.0 * n, scene(n), burst_id="B1") for n in range(3)]
    series = only(frames)
    assert (series.kind, series.from_tags) == (SeriesKind.BURST, True)


def test_only_time_neighbours_are_looked_at():
    """Pictures cost time; lone frames need none."""
    frames = [frame("a", 0), frame("b", 1), frame("c", 100), frame("d", 200), frame("e", 202)]
    assert {one.path.name for one in time_neighbours(frames)} == {"a", "b", "d", "e"}


def test_signatures_measure_exposure_likeness_and_shift():
    """The three questions, each on a pair with a known answer."""
    view = scene(9)
    plain, brighter = frame_signature(pixels(view)), frame_signature(pixels(view, stops=1.0))
    assert exposure_step(plain, brighter) == pytest.approx(1.0, abs=0.1)
    assert likeness(plain, brighter) > 0.95
    assert likeness(plain, frame_signature(pixels(scene(10)))) < 0.6
    wide = scene(11, width=600)
    left, right = frame_signature(pixels(wide[:, :384])), frame_signature(pixels(wide[:, 160:544]))
    assert sideways_shift(left, right) == pytest.approx(160 / 384, abs=0.03)
    assert sideways_shift(right, left) == pytest.approx(-160 / 384, abs=0.03)
    assert sideways_shift(plain, plain) is None


def test_a_picture_too_small_has_no_signature():
    """Thumbnails of a few pixels say nothing."""
    with pytest.raises(ValueError, match="too small"):
        frame_signature(np.zeros((8, 200, 3), np.uint8))


def _blurred(light: np.ndarray) -> np.ndarray:
    """Put a view out of focus."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(light, 2.2)
