"""The size study: versions are what they say, and a model whose answer is known gets it."""

import json

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.errors import DatasetError
from qpt_train.size_study import (
    ViewSetting,
    choose_large_photos,
    measure_size_study,
    setting_moves,
    versions_of,
    view_settings,
)
from qpt_train.size_study_report import size_study_markdown, write_size_study

TINY = PreprocessConfig(
    screen_side=48, global_side=32, global_multiple=16, crop_size=16, crop_columns=2, crop_rows=1
)


class FineDetailScorer:
    """Scores the mean local contrast of the crops: noise raises it, blur lowers it."""

    identity = ModelIdentity(name="detail", digest="0" * 64, preprocess=TINY)
    device_name = "cpu"

    def score(self, photos):
        values = [float(np.abs(np.diff(p.crops.astype(float), axis=2)).mean()) for p in photos]
        return [PhotoScore(min(99.0, v), None, v, np.zeros(2, np.float16)) for v in values]


@pytest.fixture
def photos(tmp_path):
    generator = np.random.default_rng(1)
    for number, side in enumerate((400, 360, 300, 120)):
        small = generator.integers(60, 190, size=(30, 40, 3)).astype(np.uint8)
        picture = Image.fromarray(small).resize((side, 3 * side // 4), Image.Resampling.BICUBIC)
        picture.save(tmp_path / f"{number}.png")
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    return tmp_path


def test_only_photos_that_are_large_enough_are_drawn(photos):
    chosen = choose_large_photos([photos], count=9, smallest_side=300, seed=0)
    assert [path.name for path in chosen] == ["0.png", "1.png", "2.png"]
    assert len(choose_large_photos([photos], count=2, smallest_side=300, seed=0)) == 2
    with pytest.raises(DatasetError, match="500"):
        choose_large_photos([photos], count=9, smallest_side=500, seed=0)


def test_versions_are_what_their_names_say():
    pixels = np.full((400, 600, 3), 128, np.uint8)
    pixels[:, 300:] = 40
    versions = versions_of(pixels, 3)
    assert versions["as it is"] is pixels
    assert versions["size 50%"].shape == (200, 300, 3)
    assert versions["size 25%"].shape == (100, 150, 3)
    noise = versions["native noise, sigma 5"].astype(float) - pixels
    assert noise.std() == pytest.approx(5.0, rel=0.02)
    assert abs(noise.mean()) < 0.05
    assert np.abs(noise[:256] - noise[144:]).max() > 0  # no rows of noise come twice
    edge = versions["native blur, sigma 5 px"][200, 300 - 5, 0]
    assert 40 + 0.7 * 88 < edge < 40 + 0.95 * 88  # one sigma from a step: 84 % of its height
    assert np.array_equal(
        versions_of(pixels, 3)["native noise, sigma 15"], versions["native noise, sigma 15"]
    )


def test_the_settings_differ_in_what_they_look_at():
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    by_name = {setting.name: setting for setting in view_settings(TINY)}
    own = by_name["screen 48 (the model's)"].views(pixels)
    both = by_name["screen 48 + native crops"].views(pixels)
    native = by_name["native crops only"].views(pixels)
    assert own.crops.shape[0] == native.crops.shape[0] == TINY.crop_count
    assert np.array_equal(both.crops, np.concatenate([own.crops, native.crops]))
    assert np.array_equal(native.crops[0], pixels[37:53, :16])
    assert np.array_equal(own.global_view, native.global_view)
    assert isinstance(by_name["screen 1440"], ViewSetting)


def test_moves_are_differences_from_the_photo_as_it_is():
    found = np.zeros((2, 4, 2))
    found[0, :, 0] = found[0, :, 1] = [10, 20, 30, 40]
    found[1, :, 0] = found[1, :, 1] = [8, 24, 29, 33]
    moves = setting_moves("s", ["as it is", "v"], found)
    (row,) = moves.versions
    assert (row.mean, row.mean_abs, row.falls, row.order) == pytest.approx((-1.5, 3.5, 0.75, 1.0))
    assert moves.spread == pytest.approx(np.std([10, 20, 30, 40]))


def test_native_noise_is_seen_by_native_crops_and_lost_on_the_screen(photos, tmp_path):
    paths = choose_large_photos([photos], count=3, smallest_side=300, seed=0)
    result = measure_size_study(FineDetailScorer(), paths, label="detail", smallest_side=300)
    moves = {
        (setting.setting, row.version): row.mean_raw
        for setting in result.settings
        for row in setting.versions
    }
    noise = "native noise, sigma 15"
    assert moves["native crops only", noise] > 5 * moves["screen 48 (the model's)", noise] > 0
    assert moves["native crops only", "native blur, sigma 5 px"] < 0
    halved = abs(moves["native crops only", "size 50%"])
    assert abs(moves["screen 48 (the model's)", "size 50%"]) < 0.3 * halved
    again = measure_size_study(FineDetailScorer(), paths, label="detail", smallest_side=300)
    assert again == result
    write_size_study(tmp_path / "out", result)
    stored = json.loads((tmp_path / "out" / "size-study.json").read_text())
    assert stored["photos"] == 3
    text = (tmp_path / "out" / "size-study.md").read_text()
    assert text == size_study_markdown(result)
    assert f"{result.settings[0].versions[0].mean:+.1f} (" in text
