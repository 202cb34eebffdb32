"""Fitting a head: it learns what is there, pairs turn it, and the average is the members' mean."""

import dataclasses

import numpy as np
import pytest
import torch

from qpt_app.core.crop_statistics import crop_statistics
from qpt_app.core.quality_model import LARGEST_LEVEL, SCALE_KNOTS
from qpt_app.errors import RecipeError
from qpt_train import head_fit
from qpt_train.config import parse_config
from qpt_train.head_config import HeadRecipe, PairsConfig
from qpt_train.head_fit import LabelledInputs, fit_head, fit_scale
from qpt_train.head_inputs import HeadInputs, PairedInputs
from qpt_train.metrics import srcc

RECIPE = HeadRecipe(
    members=2, hidden=16, epochs=20, batch_size=64, pairs=PairsConfig(count=0, weight=0.0)
)


def made_inputs(count, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, 6)).astype(np.float32)
    statistics = np.exp(generator.normal(size=(count, 4))).astype(np.float32)
    return HeadInputs(features, statistics)


def labelled(count=400, seed=0):
    """Photos whose score is half in the features, half in the logarithm of a statistic."""
    inputs = made_inputs(count, seed)
    contrast = inputs.features[:, 0] - inputs.features.mean(1)
    targets = (contrast + np.log(inputs.statistics[:, 1])) / 2
    groups = np.random.default_rng(seed).integers(0, 2, count)
    return LabelledInputs(inputs, targets.astype(np.float32), groups)


def scores(head, inputs):
    with torch.inference_mode():
        return head(torch.from_numpy(inputs.features), torch.from_numpy(inputs.statistics)).numpy()


def test_it_learns_from_features_and_from_statistics():
    head = fit_head(labelled(), None, RECIPE)
    unseen = labelled(200, seed=1)
    found = scores(head, unseen.inputs)
    assert srcc(found, unseen.targets) > 0.9
    no_statistics = unseen.inputs._replace(statistics=np.ones_like(unseen.inputs.statistics))
    assert srcc(scores(head, no_statistics), unseen.targets) < 0.85


def test_the_average_is_the_mean_of_its_members(monkeypatch):
    members = []
    plain = head_fit._fit_member
    monkeypatch.setattr(
        head_fit, "_fit_member", lambda *args: (members.append(plain(*args)), members[-1])[1]
    )
    photos = labelled(100)
    head = fit_head(photos, None, dataclasses.replace(RECIPE, members=3, epochs=3))
    assert head.hidden.out_features == 48
    features, statistics = (torch.from_numpy(array) for array in photos.inputs)
    with torch.inference_mode():
        normed = torch.nn.functional.layer_norm(features, features.shape[1:])
        known = torch.cat([normed, head.scale(statistics)], dim=1)
        outputs = torch.stack([member(known).squeeze(-1) for member, _ in members])
        assert (outputs[0] - outputs[1]).abs().max() > 1e-3
        torch.testing.assert_close(head(features, statistics), outputs.mean(0))


def test_the_same_seed_gives_the_same_head_and_another_another():
    photos = labelled(100)
    quick = dataclasses.replace(RECIPE, epochs=2)
    one, two = (scores(fit_head(photos, None, quick), photos.inputs) for _ in range(2))
    assert np.array_equal(one, two)
    other = fit_head(photos, None, dataclasses.replace(quick, seed=1))
    assert not np.array_equal(scores(other, photos.inputs), one)


def test_pairs_teach_what_the_labels_do_not_tell():
    """The last statistic says nothing about the labels; worse states have more of it."""
    photos = labelled()
    better = made_inputs(300, seed=2)
    more = better.statistics * np.array([1, 1, 1, 4], dtype=np.float32)
    pairs = PairedInputs(better=better, worse=better._replace(statistics=more))
    plain = fit_head(photos, None, RECIPE)
    ranking = dataclasses.replace(RECIPE, pairs=PairsConfig(count=300, weight=2.0))
    ranked = fit_head(photos, pairs, ranking)

    def share_falling(head):
        return float(np.mean(scores(head, pairs.better) > scores(head, pairs.worse)))

    assert share_falling(plain) < 0.8
    assert share_falling(ranked) > 0.95
    assert srcc(scores(ranked, photos.inputs), photos.targets) > 0.8


def test_each_head_is_told_with_its_loss():
    told = []
    quick = dataclasses.replace(RECIPE, epochs=1)
    fit_head(labelled(100), None, quick, on_member=lambda number, loss: told.append((number, loss)))
    assert [number for number, _ in told] == [0, 1]
    assert all(0 < loss < 5 for _, loss in told)


def test_the_scale_makes_any_statistic_normal():
    statistics = np.random.default_rng(0).exponential(size=(5000, 2)).astype(np.float32)
    scaled = fit_scale(statistics)(torch.from_numpy(statistics)).numpy()
    assert np.abs(scaled.mean(0)).max() < 0.03
    assert np.abs(scaled.std(0) - 1).max() < 0.05
    assert np.abs(scaled).max() <= LARGEST_LEVEL + 1e-6


def test_a_statistic_that_is_mostly_nought_gets_the_middle_of_its_levels():
    statistics = np.zeros((1000, 1), dtype=np.float32)
    statistics[900:, 0] = np.linspace(0.1, 1, 100)
    scale = fit_scale(statistics)
    at_nought = float(scale(torch.zeros(1, 1)))
    assert -1.5 < at_nought < 0
    assert float(scale(torch.full((1, 1), 1.0))) == pytest.approx(LARGEST_LEVEL)
    assert float(scale(torch.full((1, 1), 1e-5))) == pytest.approx(at_nought, abs=0.01)


def test_values_that_differ_by_rounding_are_one():
    generator = np.random.default_rng(0)
    column = generator.choice([0.0, 1.0, 2.0], 999).astype(np.float32)
    noisy = column + generator.normal(scale=1e-7, size=999).astype(np.float32)
    scaled = fit_scale(noisy[:, None])(torch.from_numpy(noisy[:, None])).numpy()[:, 0]
    for value in (0.0, 1.0, 2.0):
        assert np.ptp(scaled[column == value]) < 0.01
    assert np.ptp(scaled) > 1.5


def test_rounding_of_flat_places_is_not_drawn_out():
    """Crops of noise whose left part is one colour, measured in single and double precision."""
    generator = torch.Generator().manual_seed(0)
    crops = torch.rand(60, 3, 64, 64, generator=generator)
    crops[..., :40] = torch.rand(60, 3, 1, 1, generator=generator)
    crops = (crops * 255).round() / 255
    rounded, exact = crop_statistics(crops, 1), crop_statistics(crops.double(), 1)
    scale = fit_scale(rounded.numpy())
    assert float((scale(rounded) - scale(exact)).abs().max()) < 0.05


def test_a_statistic_that_never_changes_is_level():
    scale = fit_scale(np.full((50, 1), 3.0, dtype=np.float32))
    assert scale.statistic_knots.shape == (1, SCALE_KNOTS)
    levels = scale(torch.tensor([[2.0], [3.0], [4.0]]))
    assert torch.allclose(levels, torch.zeros(3, 1), atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"members": 0},
        {"epochs": 0},
        {"batch_size": 0},
        {"hidden_dropout": 1.0},
        {"pairs": {"count": -1}},
        {"pairs": {"labelled_share": 7.0}},
        {"pairs": {"operators": []}},
        {"pairs": {"operators": ["nope"]}},
    ],
)
def test_a_recipe_out_of_range_is_refused_before_anything_is_measured(change):
    with pytest.raises(RecipeError):
        parse_config(change, HeadRecipe)
