"""The fine-tuning loss: closed forms, invariances, averages."""

import pytest
import torch

from qpt_train.finetune_loss import (
    average_weights,
    centre_groups,
    correlation_loss,
    quality_loss,
    ramped_decay,
    ranking_loss,
    within_group_loss,
)

TARGETS = torch.tensor([0.3, -1.0, 0.8, 2.0])


def test_correlation_loss_closed_forms():
    assert correlation_loss(3 * TARGETS + 7, TARGETS).item() == pytest.approx(0.0, abs=1e-6)
    assert correlation_loss(-TARGETS, TARGETS).item() == pytest.approx(1.0, abs=1e-6)


def test_correlation_loss_is_half_of_one_minus_plcc():
    scores = torch.tensor([0.1, 0.4, -0.2, 1.0])
    plcc = torch.corrcoef(torch.stack([scores, TARGETS]))[0, 1]
    assert correlation_loss(scores, TARGETS).item() == pytest.approx((1 - plcc.item()) / 2)


def test_correlation_loss_of_equal_scores_has_a_finite_gradient():
    scores = torch.zeros(4, requires_grad=True)
    loss = correlation_loss(scores, TARGETS)
    loss.backward()
    assert loss.item() == pytest.approx(0.5)
    assert torch.isfinite(scores.grad).all()


def test_quality_loss_without_correlation_is_smooth_l1_by_hand():
    scores = TARGETS + torch.tensor([0.0, 0.25, -1.0, 3.0])
    by_hand = (0 + 0.25**2 / (2 * 0.5) + (1 - 0.25) + (3 - 0.25)) / 4
    value = quality_loss(scores, TARGETS, beta=0.5, correlation_weight=0.0)
    assert value.item() == pytest.approx(by_hand)


def test_centred_groups_by_hand():
    values, groups = torch.tensor([1.0, 5.0, 3.0, 9.0]), torch.tensor([0, 2, 0, 4])
    assert centre_groups(values, groups).tolist() == [-1.0, 0.0, 1.0, 0.0]


def test_within_groups_no_groups_mean_counts():
    groups = torch.tensor([0, 0, 1, 1])
    scores = torch.tensor([0.1, 0.4, -0.2, 1.0])
    shifted = scores + torch.tensor([7.0, 7.0, -3.0, -3.0])
    value = within_group_loss(scores, TARGETS, groups)
    assert within_group_loss(shifted, TARGETS, groups).item() == pytest.approx(value.item())
    # telling the groups apart is worth nothing, ranking inside them is all
    apart = torch.tensor([0.0, 0.0, 9.0, 9.0])
    assert within_group_loss(apart, TARGETS, groups).item() == pytest.approx(0.5)
    inside = TARGETS - 4 * groups
    assert within_group_loss(inside, TARGETS, groups).item() == pytest.approx(0.0, abs=1e-6)


def test_one_group_is_the_correlation_loss():
    scores, one = torch.tensor([0.1, 0.4, -0.2, 1.0]), torch.zeros(4, dtype=torch.int64)
    expected = correlation_loss(scores, TARGETS).item()
    assert within_group_loss(scores, TARGETS, one).item() == pytest.approx(expected)


def test_average_moves_by_the_decay_and_copies_counters():
    average = {"w": torch.zeros(2), "n": torch.tensor(0)}
    average_weights(average, {"w": torch.ones(2), "n": torch.tensor(5)}, 0.9)
    assert average["w"].tolist() == pytest.approx([0.1, 0.1])
    assert average["n"].item() == 5


def test_early_averages_forget_quickly():
    decays = [ramped_decay(0.998, step) for step in range(1, 6000)]
    assert decays[0] < 0.2
    assert decays == sorted(decays)
    assert decays[-1] == 0.998


def test_ranking_loss_by_hand():
    scores, degraded = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.5])
    # the first fell by 1 where 0.6 was asked for, the second rose by 0.5 where -0.2 was
    value = ranking_loss(scores, degraded, torch.tensor([3.0, 1.0]), margin=0.2)
    assert value.item() == pytest.approx((0 + 0.7) / 2)
