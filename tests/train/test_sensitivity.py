"""Sensitivity: closed forms of the measures, and a model whose answer is known."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.errors import DatasetError, UsageError
from qpt_train.degradations.table import DEGRADATIONS
from qpt_train.sensitivity import (
    EVERYDAY_OPERATORS,
    Sensitivity,
    check_operators,
    choose_clean_photos,
    degraded_versions,
    measure_sensitivity,
    operator_sensitivity,
)
from qpt_train.sensitivity_report import write_sensitivity

TINY = PreprocessConfig(
    screen_side=64, global_side=64, global_multiple=16, crop_size=32, crop_columns=1, crop_rows=1
)


class DarknessScorer:
    """Darker is worse: follows `darken`, and is turned upside down by `brighten`."""

    identity = ModelIdentity(name="dark", digest="0" * 64, preprocess=TINY)
    device_name = "cpu"

    def score(self, photos):
        values = [float(photo.global_view.mean()) for photo in photos]
        return [PhotoScore(50.0, None, value, np.zeros(2, np.float16)) for value in values]


@pytest.fixture
def clean_photos(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(4):
        small = generator.integers(60, 190, size=(6, 6, 3)).astype(np.uint8)
        picture = Image.fromarray(small).resize((96, 72), Image.Resampling.BICUBIC)
        picture.save(tmp_path / f"{number}.png")
    (tmp_path / "note.txt").write_text("not a photo")
    return tmp_path


def test_a_score_that_falls_at_every_step_is_perfect():
    found = operator_sensitivity("jpeg", np.asarray([[5.0, 4, 3, 2, 1, 0], [9, 7, 6, 3, 2, 1]]))
    assert (found.tau, found.tau_low, found.pairwise) == pytest.approx((1, 1, 1))
    assert found.falls == (1.5, 2.5, 4.5, 5.5, 6.5)
    assert found.group == "compression"


def test_a_score_that_rises_or_stays_is_told_apart():
    rising = operator_sensitivity("jpeg", np.arange(6.0)[None])
    assert (rising.tau, rising.pairwise) == pytest.approx((-1.0, 0.0))
    constant = operator_sensitivity("jpeg", np.ones((3, 6)))
    assert (constant.tau, constant.pairwise) == (0.0, 0.5)


def test_pairs_are_two_severities_apart_and_counted_from_the_undegraded_photo():
    # (0,2) lost, (1,3) won, (2,4) won, (3,5) tie
    found = operator_sensitivity("jpeg", np.asarray([[1.0, 5, 2, 0, 1, 0]]))
    assert found.pairwise == pytest.approx(2.5 / 4)


def test_the_interval_is_of_photos_and_closes_when_they_agree():
    won, lost = np.arange(6.0)[::-1], np.arange(6.0)

    def found(photos):
        scores = np.stack(photos)
        rows = tuple(operator_sensitivity(name, scores) for name in EVERYDAY_OPERATORS)
        other = operator_sensitivity("shear", -scores)
        return Sensitivity(model="m", photos=len(photos), seed=0, operators=(*rows, other))

    mixed = found([won] * 8 + [lost] * 8)
    assert mixed.operators[0].by_photo == (1.0,) * 8 + (0.0,) * 8
    low, high = mixed.everyday_interval
    # The share of 16 coin throws: its 95 % interval is .25 to .75.
    assert low == pytest.approx(0.25, abs=0.07)
    assert high == pytest.approx(0.75, abs=0.07)
    assert found([won] * 5).everyday_interval == (1.0, 1.0)
    lost_one = operator_sensitivity("jpeg", np.stack([lost] * 5))
    rows = found([won] * 5).operators
    nine_of_ten = tuple(lost_one if row.operator == "jpeg" else row for row in rows)
    assert found([won] * 5).everyday_pairwise == 1.0
    assert dataclasses.replace(found([won] * 5), operators=nine_of_ten).everyday_interval == (
        pytest.approx((0.9, 0.9))
    )
    few = dataclasses.replace(mixed, operators=mixed.operators[:2])
    assert few.everyday_interval is None


def test_a_model_of_darkness_follows_darken_and_fails_on_brighten(clean_photos):
    found = measure_sensitivity(
        DarknessScorer(),
        choose_clean_photos(clean_photos, count=9, seed=0),
        label="dark",
        operators=("darken", "brighten"),
    )
    darken, brighten = found.operators
    assert found.photos == 4
    assert (darken.tau, darken.pairwise) == pytest.approx((1.0, 1.0))
    assert (brighten.tau, brighten.pairwise) == pytest.approx((-1.0, 0.0))
    assert found.mean_pairwise == 0.5
    assert found.everyday_pairwise is None


def test_the_same_seed_gives_the_same_pixels_and_severities_differ(clean_photos):
    pixels = np.asarray(Image.open(clean_photos / "0.png"))
    first = degraded_versions(pixels, "white_noise", 7)
    again = degraded_versions(pixels, "white_noise", 7)
    other = degraded_versions(pixels, "white_noise", 8)
    assert len(first) == 5
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not any((a == b).all() for a, b in zip(first, other, strict=True))
    errors = [float(np.mean((version.astype(float) - pixels) ** 2)) for version in first]
    assert errors == sorted(errors)


def test_the_photos_are_drawn_by_the_seed_and_only_photos(clean_photos):
    two = choose_clean_photos(clean_photos, count=2, seed=1)
    assert len(two) == 2
    assert two == choose_clean_photos(clean_photos, count=2, seed=1) == sorted(two)
    drawn = {tuple(choose_clean_photos(clean_photos, count=2, seed=s)) for s in range(8)}
    assert len(drawn) > 1
    (clean_photos / "empty").mkdir()
    with pytest.raises(DatasetError, match="no photos"):
        choose_clean_photos(clean_photos / "empty", count=1, seed=0)


def test_operators_are_all_or_those_named():
    assert check_operators([]) == tuple(DEGRADATIONS)
    assert check_operators(["jpeg"]) == ("jpeg",)
    assert set(EVERYDAY_OPERATORS) <= set(DEGRADATIONS)
    with pytest.raises(UsageError, match="unknown degradation 'fog'"):
        check_operators(["fog"])


def test_the_report_has_every_operator_and_the_everyday_mean(clean_photos, tmp_path):
    found = measure_sensitivity(
        DarknessScorer(),
        choose_clean_photos(clean_photos, count=1, seed=0),
        label="dark",
        operators=EVERYDAY_OPERATORS,
    )
    write_sensitivity(tmp_path / "out", found)
    text = (tmp_path / "out" / "sensitivity.md").read_text()
    stored = json.loads((tmp_path / "out" / "sensitivity.json").read_text())
    assert stored["everyday_pairwise"] == pytest.approx(
        np.mean([row["pairwise"] for row in stored["operators"]])
    )
    assert all(f"| {name} * |" in text for name in EVERYDAY_OPERATORS)
    low, high = stored["everyday_interval"]
    assert f"**{found.everyday_pairwise:.3f}** [{low:.3f}, {high:.3f}]" in text
    with Image.open(tmp_path / "out" / "sensitivity.png") as picture:
        assert picture.width > 400
