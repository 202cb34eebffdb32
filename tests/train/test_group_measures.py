"""Intervals over scenes: as wide as the scenes differ, and as often right as they say."""

import numpy as np
import pytest

from qpt_train.group_measures import BootstrapConfig, measure_split
from qpt_train.metrics import resampled_groups

CONFIG = BootstrapConfig(resamples=200)


def make_scenes(generator, *, scenes=40, each=10):
    """Photos of one scene share most of their score and most of the model's error."""
    groups = np.repeat(np.arange(scenes), each)
    mos = generator.normal(size=scenes)[groups] + 0.3 * generator.normal(size=len(groups))
    error = generator.normal(size=scenes)[groups] + 0.3 * generator.normal(size=len(groups))
    return mos + error, mos, groups


def width(measures):
    low, high = measures.overall.intervals["plcc"]
    return high - low


def test_draws_hold_whole_groups_and_as_many_as_there_are():
    groups = np.array([5, 5, 5, 2, 9, 9])
    draws = resampled_groups(groups, resamples=50, seed=1)
    for rows in draws:
        labels, counts = np.unique(groups[rows], return_counts=True)
        sizes = {5: 3, 2: 1, 9: 2}
        times = [count / sizes[label] for label, count in zip(labels, counts, strict=True)]
        assert all(time == int(time) for time in times)
        assert sum(times) == 3
    again = resampled_groups(groups, resamples=50, seed=1)
    assert all(np.array_equal(one, two) for one, two in zip(draws, again, strict=True))


def test_scenes_make_the_interval_wider_and_the_figure_stays():
    predicted, mos, groups = make_scenes(np.random.default_rng(0))
    single = measure_split(predicted, mos, ["a"] * len(mos), CONFIG)
    whole = measure_split(predicted, mos, ["a"] * len(mos), CONFIG, groups=groups)
    assert whole.overall.agreement == single.overall.agreement
    assert width(whole) > 1.8 * width(single)
    assert whole.mean_subset_interval.high - whole.mean_subset_interval.low > 0


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Over scenes about 90 of 100; photo by photo it would be far fewer."""
    level = BootstrapConfig(resamples=100, level=0.9)
    truth = 1 / np.sqrt(2)
    held = {"scenes": 0, "photos": 0}
    for seed in range(60):
        predicted, mos, groups = make_scenes(np.random.default_rng(seed), each=8)
        for name, given in (("scenes", groups), ("photos", None)):
            found = measure_split(predicted, mos, [None] * len(mos), level, groups=given)
            low, high = found.overall.intervals["plcc"]
            held[name] += low <= truth <= high
    assert held["scenes"] >= 48
    assert held["photos"] <= 40


def test_photos_of_a_single_scene_are_drawn_one_by_one():
    generator = np.random.default_rng(2)
    x = generator.normal(size=30)
    found = measure_split(
        x, x + generator.normal(size=30), ["a"] * 30, CONFIG, groups=np.zeros(30, dtype=int)
    )
    assert width(found) > 0.05
    assert found.mean_subset_srcc == pytest.approx(found.overall.agreement.srcc)
