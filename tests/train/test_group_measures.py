"""Intervals over scenes: as wide as the scenes differ, and as often right as they say."""

import numpy as np
import pytest

from qpt_train import group_measures
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


def test_subsets_that_share_their_scenes_make_the_mean_no_surer():
    """Four distortions of the same references, all alike: their mean knows what one of them does.

    Drawn apart from each other, each with other references, the interval would be half as wide.
    """
    predicted, mos, groups = make_scenes(np.random.default_rng(3), scenes=16, each=3)
    few = BootstrapConfig(resamples=50)
    alone = measure_split(predicted, mos, [None] * len(mos), few, groups=groups)
    names = np.repeat(["blur", "jpeg", "noise", "shift"], len(mos)).tolist()
    shared = measure_split(
        np.tile(predicted, 4), np.tile(mos, 4), names, few, groups=np.tile(groups, 4)
    )
    assert shared.mean_subset_srcc == pytest.approx(alone.overall.agreement.srcc)
    found, expected = shared.mean_subset_interval, alone.overall.intervals["srcc"]
    assert list(found) == pytest.approx(list(expected))


def test_scenes_that_lie_within_one_subset_each_make_a_proper_interval_of_the_mean(monkeypatch):
    """As in BIQ2021: the interval holds the truth about 90 times of 100, and two subsets of scenes
    of their own are surer than one by the root of two."""
    monkeypatch.setattr(group_measures, "krcc", lambda _x, _y: 0.0)  # slow, and not looked at
    level = BootstrapConfig(resamples=40, level=0.9)
    truth = 6 / np.pi * np.arcsin(0.5 / np.sqrt(2))  # Spearman's of a correlation of 1/sqrt(2)
    held, widths = 0, []
    for seed in range(10):
        predicted, mos, groups = make_scenes(np.random.default_rng(seed), scenes=60, each=4)
        names = ["a" if group < 30 else "b" for group in groups]
        found = measure_split(predicted, mos, names, level, groups=groups)
        low, high = found.mean_subset_interval
        held += low <= truth <= high
        single = [found.subsets[name].intervals["srcc"] for name in ("a", "b")]
        widths.append((high - low, np.mean([one.high - one.low for one in single])))
    mean, alone = np.mean(widths, axis=0)
    assert held >= 7
    assert mean * np.sqrt(2) == pytest.approx(alone, rel=0.15)


def test_a_draw_counts_with_the_subsets_that_it_holds():
    """A subset of one scene is missing from a third of the draws; none of them is an error."""
    generator = np.random.default_rng(4)
    predicted, mos, groups = make_scenes(generator, scenes=8, each=4)
    names = ["rare" if group == 0 else "common" for group in groups]
    few = BootstrapConfig(resamples=20)
    found = measure_split(predicted, mos, names, few, groups=groups)
    assert found.mean_subset_interval.low < found.mean_subset_interval.high
    lone = [None] * len(mos)
    lone[:2] = ["rare", "rare"]
    never = measure_split(predicted, mos, lone, BootstrapConfig(resamples=1, seed=0), groups=groups)
    assert set(never.subsets) == {"rare"}
