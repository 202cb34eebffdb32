"""Reliability: an honest model passes, one that boasts is found out; nothing checks its own fit."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qpt_app.errors import DatasetError
from qpt_train import reliability as module
from qpt_train.data.mos_records import MosItem
from qpt_train.reliability import (
    CheckedPairs,
    CheckedPhotos,
    coverage_rows,
    human_scores,
    measure_reliability,
    pair_reliability,
)
from qpt_train.reliability_report import reliability_markdown, write_reliability

COUNT = 900
GENERATOR = np.random.default_rng(7)
RAW = GENERATOR.normal(size=COUNT)
MOS = np.clip(0.5 + 0.1 * (RAW + GENERATOR.normal(size=COUNT)), 0, 1)
GROUPS = np.repeat(np.arange(COUNT // 3), 3)


def items_of(mos=MOS, subsets=("a", "b")):
    return [
        MosItem(path=Path("x"), name=f"{n:04}", mos=float(v), subset=subsets[n % len(subsets)])
        for n, v in enumerate(mos)
    ]


def measured(**changes):
    fields = {"model": "m", "data": "d", "split_hash": "f00", **changes}
    return measure_reliability(RAW, items_of(), GROUPS, **fields)


@pytest.fixture(scope="module")
def result():
    return measured()


def test_an_honest_model_covers_what_it_says_and_means_its_probabilities(result):
    overall = result.coverage[0]
    assert overall.group == "all photos"
    assert overall.photos == COUNT
    assert 0.76 < overall.covered < 0.84
    assert result.coverage_reached
    assert overall.interval.low < overall.covered < overall.interval.high
    within, across = result.pairs
    assert within.expected_error < 0.03
    assert across.expected_error < 0.03
    assert within.log_loss < 0.69
    assert 0.6 < within.accuracy < 0.9
    for pairs in result.pairs:
        assert sum(row.share for row in pairs.bins) == pytest.approx(1)
        assert all(0.5 <= row.stated <= 1 for row in pairs.bins)


def test_every_subset_and_band_has_a_row(result):
    names = [row.group for row in result.coverage]
    assert names[:3] == ["all photos", "a", "b"]
    assert names[3:] == [f"score {low} to {low + 20}" for low in range(0, 100, 20)]
    assert sum(row.photos for row in result.coverage[3:]) == COUNT


def test_a_fit_never_sees_the_photos_it_is_checked_on(monkeypatch):
    """Groups stay whole, every photo is checked once."""
    seen = []
    real = module.calibrate

    def watched(raw, items, **fields):
        seen.append({item.name for item in items})
        return real(raw, items, **fields)

    monkeypatch.setattr(module, "calibrate", watched)
    measured(folds=3)
    everything = {item.name for item in items_of()}
    outside = [everything - inside for inside in seen]
    assert set.union(*outside) == everything
    assert sum(map(len, outside)) == COUNT
    for checked in outside:
        groups = {GROUPS[int(name)] for name in checked}
        assert len(checked) == 3 * len(groups)


def test_a_model_that_only_learnt_its_fit_is_found_out():
    """Noise that is fitted perfectly inside and means nothing outside: no coverage, no order."""
    generator = np.random.default_rng(1)
    noise = generator.normal(size=COUNT)
    found = measure_reliability(noise, items_of(), GROUPS, model="m", data="d", split_hash=None)
    assert found.pairs[0].accuracy == pytest.approx(0.5, abs=0.05)
    assert found.pairs[0].log_loss == pytest.approx(np.log(2), abs=0.02)


def test_boasting_shows_in_the_diagram_and_in_the_error():
    stated = np.full(1000, 0.95)
    right = np.arange(1000) < 700
    found = pair_reliability("boast", CheckedPairs(stated, right, np.ones(1000)))
    assert found.expected_error == pytest.approx(0.25)
    assert found.bins == ((pytest.approx(0.95), pytest.approx(0.7), pytest.approx(1.0)),)
    assert found.log_loss == pytest.approx(-0.7 * np.log(0.95) - 0.3 * np.log(0.05))


def test_coverage_is_counted_by_hand():
    """Two photos of one subset and one of another: the subsets weigh the same."""
    items = items_of([0.1, 0.2, 0.3], ["a", "a", "b"])
    photos = CheckedPhotos(
        scores=np.asarray([10.0, 30.0, 50.0]),
        low=np.asarray([0.0, 20.0, 40.0]),
        high=np.asarray([20.0, 40.0, 80.0]),
        human=np.asarray([20.0, 41.0, 41.0]),
    )
    rows = {row.group: row for row in coverage_rows(photos, items, np.arange(3), 0)}
    assert rows["all photos"].covered == pytest.approx(0.75)
    assert rows["a"].covered == pytest.approx(0.5)
    assert rows["all photos"].width == pytest.approx(30.0)
    assert rows["score 20 to 40"].covered == 0
    assert "score 60 to 80" not in rows


def test_human_scores_are_places_among_others():
    reference, weights = np.asarray([3.0, 1.0, 2.0, 2.0]), np.ones(4)
    places = human_scores(np.asarray([0.0, 1.0, 2.0, 2.5, 9.0]), reference, weights)
    assert places.tolist() == [0.0, 12.5, 50.0, 75.0, 100.0]


def test_too_few_photos_are_refused():
    with pytest.raises(DatasetError, match="too few"):
        measure_reliability(
            RAW[:15], items_of()[:15], GROUPS[:15], model="m", data="d", split_hash=None
        )


def test_the_report_holds_the_same_figures_in_every_form(result, tmp_path):
    write_reliability(tmp_path / "out", result)
    stored = json.loads((tmp_path / "out" / "reliability.json").read_text())
    text = (tmp_path / "out" / "reliability.md").read_text()
    assert stored["coverage"][0]["covered"] == result.coverage[0].covered
    assert stored["pairs"][0]["bins"][0]["stated"] == result.pairs[0].bins[0].stated
    assert stored["coverage_reached"] is True
    assert f"| {result.coverage[0].covered:.3f} [" in text
    assert "reached" in text
    assert "f00" in text
    assert measured().to_dict() == result.to_dict()
    with Image.open(tmp_path / "out" / "reliability.png") as picture:
        assert picture.size > (800, 300)


def test_a_goal_that_is_missed_is_said_loudly(result):
    import dataclasses

    low = dataclasses.replace(result.coverage[0], covered=0.70)
    missed = dataclasses.replace(result, coverage=(low, *result.coverage[1:]))
    assert "**missed**" in reliability_markdown(missed)
    assert missed.to_dict()["coverage_reached"] is False
