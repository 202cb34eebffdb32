"""Raw score -> 0..100: rises everywhere, uses the scale, states its uncertainty."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.core.calibration import (
    Calibration,
    fit_calibration,
    weighted_quantiles,
    weighted_ranks,
)
from qpt_app.errors import ModelFormatError

RNG = np.random.default_rng(3)
RAW = RNG.normal(size=4000)
MOS = 0.6 + 0.1 * (RAW + RNG.normal(size=4000))
CURVE = fit_calibration(RAW, MOS, np.ones(4000), mos_mean=0.6, mos_std=0.1, population="made up")


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_score_rises_with_the_raw_score(first, second):
    low, high = sorted((first, second))
    assert 0 <= CURVE.score(low) <= CURVE.score(high) <= 100


def test_different_photos_beyond_the_population_still_differ():
    assert CURVE.score(RAW.max() + 1) < CURVE.score(RAW.max() + 2) < 100


def test_score_is_the_share_of_the_population_below():
    for level in (0.02, 0.2, 0.5, 0.8, 0.98):
        assert CURVE.score(float(np.quantile(RAW, level))) == pytest.approx(100 * level, abs=0.5)


def test_the_whole_scale_is_used():
    scores = np.array([CURVE.score(value) for value in RAW])
    counts, _ = np.histogram(scores, bins=10, range=(0, 100))
    assert counts.min() > 0.07 * len(RAW)


def test_not_a_number_stays_so():
    assert math.isnan(CURVE.score(math.nan))
    assert math.isnan(CURVE.score(math.inf))
    assert CURVE.uncertainty(math.nan) is None


def test_stated_intervals_cover_four_fifths_of_new_photos():
    raw = RNG.normal(size=4000)
    mos = 0.6 + 0.1 * (raw + RNG.normal(size=4000))
    human = 100 * weighted_ranks(mos, np.ones(4000))
    scores = np.array([CURVE.score(value) for value in raw])
    widths = np.array([CURVE.uncertainty(score) for score in scores])
    assert 0.77 <= float((np.abs(scores - human) <= widths).mean()) <= 0.83


def test_weights_count_like_repeated_photos():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    repeated = np.array([3.0, 1.0, 1.0, 2.0])
    assert weighted_ranks(values, weights)[2] == pytest.approx(
        weighted_ranks(repeated, np.ones(4))[3]
    )
    assert weighted_quantiles(values, weights, (0.625,)) == pytest.approx((2.0,))


def test_curve_survives_its_dict():
    assert Calibration.from_dict(CURVE.to_dict()) == CURVE


@pytest.mark.parametrize(
    "change",
    [
        {"raw_knots": (0.0, 0.0), "level_knots": (0.1, 0.9)},
        {"raw_knots": (0.0, 1.0), "level_knots": (0.0, 0.9)},
        {"raw_knots": (0.0,), "level_knots": (0.5,)},
        {"raw_knots": (0.0, math.nan), "level_knots": (0.1, 0.9)},
        {"raw_knots": (0.0, 1.0), "level_knots": (0.1, 0.9), "band_centres": (5.0,)},
    ],
)
def test_a_curve_that_does_not_rise_is_refused(change):
    with pytest.raises(ModelFormatError):
        Calibration(**change)


PAIRS = dataclasses.replace(CURVE, pair_knots=(0.0, 40.0, 100.0), pair_strengths=(0.0, 2.0, 3.0))
points = st.floats(0, 100)


@given(points, points, points)
def test_the_probability_rises_with_the_better_and_is_fair(first, second, other):
    low, high = sorted((first, second))
    one, two = (PAIRS.probability_better(score, other) for score in (low, high))
    assert 0 < one <= two < 1
    assert one + PAIRS.probability_better(other, low) == pytest.approx(1)
    assert PAIRS.probability_better(other, other) == 0.5


def test_the_log_odds_are_the_difference_of_the_strengths():
    assert PAIRS.probability_better(70, 20) == pytest.approx(1 / (1 + math.exp(-(2.5 - 1.0))))


def test_a_model_without_strengths_states_no_probability():
    assert CURVE.probability_better(80, 20) is None
    assert PAIRS.probability_better(math.nan, 20) is None


def test_strengths_survive_their_dict_and_their_absence():
    assert Calibration.from_dict(PAIRS.to_dict()) == PAIRS
    assert "pair_knots" not in CURVE.to_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"pair_knots": (0.0, 1.0), "pair_strengths": (0.0,)},
        {"pair_knots": (0.0,), "pair_strengths": (0.0,)},
        {"pair_knots": (0.0, 1.0), "pair_strengths": (0.0, 0.0)},
        {"pair_knots": (0.0, 1.0), "pair_strengths": (0.0, math.inf)},
    ],
)
def test_strengths_that_do_not_rise_are_refused(change):
    with pytest.raises(ModelFormatError):
        dataclasses.replace(CURVE, **change)


def test_unknown_fields_are_refused():
    with pytest.raises(ModelFormatError):
        Calibration.from_dict({**CURVE.to_dict(), "more": 1})
