"""The momentum encoder: its closed form, and no gradient."""

import pytest
import torch
from torch import nn

from qpt_train.contrastive.momentum import momentum_copy, update_momentum


def test_the_copy_starts_equal_and_takes_no_gradient():
    """A copy, not an alias."""
    fast = nn.Linear(3, 2)
    slow = momentum_copy(fast)
    assert torch.equal(slow.weight, fast.weight)
    assert slow.weight.data_ptr() != fast.weight.data_ptr()
    assert not any(parameter.requires_grad for parameter in slow.parameters())


def test_n_updates_follow_the_closed_form():
    """After n updates towards a constant, slow = m^n * start + (1 - m^n) * constant."""
    fast, slow = nn.Linear(3, 2), nn.Linear(3, 2)
    slow.requires_grad_(False)
    start = slow.weight.clone()
    for _ in range(5):
        update_momentum(slow, fast, 0.9)
    expected = 0.9**5 * start + (1 - 0.9**5) * fast.weight
    assert torch.allclose(slow.weight, expected, atol=1e-6)


@pytest.mark.parametrize(("momentum", "follows"), [(1.0, False), (0.0, True)])
def test_the_ends_of_the_range(momentum, follows):
    """1 stands still, 0 copies."""
    fast, slow = nn.Linear(3, 2), nn.Linear(3, 2)
    before = slow.weight.clone()
    update_momentum(slow, fast, momentum)
    assert torch.equal(slow.weight, fast.weight if follows else before)
