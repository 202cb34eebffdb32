"""Strengths of pairs: known ones are found again, on made-up photos of two subsets."""

import math
from pathlib import Path

import numpy as np
import pytest

from qpt_app.core.calibration import Calibration
from qpt_train import calibrate as module
from qpt_train.calibrate import (
    LEAST_PAIRS,
    PAIR_KNOTS,
    calibrate,
    draw_pairs,
    fit_strengths,
    subset_weights,
)
from qpt_train.data.mos_records import MosItem


def items_of(mos, subsets):
    return [
        MosItem(path=Path("x"), name=str(number), mos=float(value), subset=subset)
        for number, (value, subset) in enumerate(zip(mos, subsets, strict=True))
    ]


def test_every_subset_weighs_the_same():
    weights = subset_weights(items_of(np.zeros(5), ["a", "b", "b", "b", "b"]))
    assert weights[0] == pytest.approx(weights[1:].sum())
    assert weights.mean() == pytest.approx(1)


def test_pairs_within_subsets_are_all_of_them_and_weigh_the_same():
    mos = np.asarray([1.0, 2.0, 2.0, 0.0, 3.0])
    pairs = draw_pairs(mos, ["a", "a", "a", "b", "b"], within=True)
    found = set(zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True))
    assert found == {(1, 0), (2, 0), (4, 3)}  # 1 and 2 are equal to people
    weights = dict(zip(pairs.better.tolist(), pairs.weights.tolist(), strict=True))
    assert weights[4] == pytest.approx(3 * weights[1])  # one of one against two of three
    assert pairs.weights.sum() == pytest.approx(1)
    assert len(draw_pairs(mos, ["a", "a", "a", "b", "b"], within=False).better) == 9


def test_many_pairs_are_drawn_without_a_photo_against_itself(monkeypatch):
    monkeypatch.setattr(module, "_MOST_PAIRS", 500)
    mos = np.random.default_rng(0).random(100)
    pairs = draw_pairs(mos, [None] * 100, within=True)
    assert len(pairs.better) == 500
    assert bool((mos[pairs.better] > mos[pairs.worse]).all())
    again = draw_pairs(mos, [None] * 100, within=True)
    assert pairs.better.tolist() == again.better.tolist()


def test_known_strengths_are_found_again():
    """People prefer by a law of Bradley and Terry whose strengths are given."""
    true = Calibration(
        raw_knots=(-1.0, 1.0), level_knots=(0.2, 0.8),
        pair_knots=PAIR_KNOTS, pair_strengths=(0.0, 2.0, 2.4, 2.6, 3.0, 5.0),
    )  # fmt: skip
    generator = np.random.default_rng(4)
    scores = generator.uniform(0, 100, 4000)
    first, second = generator.integers(0, 4000, (2, 60_000))
    chance = [
        true.probability_better(scores[a], scores[b]) for a, b in zip(first, second, strict=True)
    ]
    ahead = generator.random(60_000) < np.asarray(chance)
    pairs = module.PhotoPairs(
        np.where(ahead, first, second), np.where(ahead, second, first), np.full(60_000, 1 / 60_000)
    )
    found = fit_strengths(scores, pairs)
    assert found == pytest.approx(true.pair_strengths, abs=0.2)


def test_strengths_rise_even_where_people_disagree_with_the_model():
    scores = np.linspace(1, 99, 60)
    pairs = draw_pairs(100 - scores, [None] * 60, within=True)
    found = fit_strengths(scores, pairs)
    assert bool((np.diff(found) > 0).all())
    calibration = Calibration(
        raw_knots=(-1.0, 1.0), level_knots=(0.2, 0.8), pair_knots=PAIR_KNOTS, pair_strengths=found
    )
    assert calibration.probability_better(90, 10) < 0.55


def test_a_calibration_holds_everything_where_there_are_photos_enough():
    generator = np.random.default_rng(2)
    raw = generator.normal(size=300)
    mos = 0.5 + 0.1 * (raw + generator.normal(size=300))
    subsets = ["a", "b", "b"] * 100
    whole = calibrate(raw, items_of(mos, subsets), mos_mean=0.5, mos_std=0.1, name="made up")
    assert whole.pair_knots == PAIR_KNOTS
    assert whole.half_widths
    assert "made up" in whole.population
    # Normal errors of the size of the signal: one standard deviation apart is 76 % (Phi(0.707)).
    high, low = whole.score(0.5), whole.score(-0.5)
    assert whole.probability_better(high, low) == pytest.approx(0.76, abs=0.06)
    few = math.isqrt(2 * LEAST_PAIRS) - 2
    rest = items_of(mos[:few], ["a"] * few)
    assert calibrate(raw[:few], rest, mos_mean=0, mos_std=1, name="").pair_knots == ()
