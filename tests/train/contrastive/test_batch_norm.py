"""Groups that do not leak, and running statistics that do not depend on the division."""

import pytest
import torch
from torch import nn

from qpt_train.contrastive.batch_norm import RunningStatistics, from_key_groups, to_key_groups


@pytest.mark.parametrize(("images", "compositions", "groups"), [(8, 2, 4), (12, 3, 2), (16, 1, 4)])
def test_regrouping_is_undone(images, compositions, groups):
    """Every row comes back to its place."""
    rows = torch.arange(images * compositions)
    there = to_key_groups(rows, groups, compositions)
    assert sorted(there.tolist()) == rows.tolist()
    assert torch.equal(from_key_groups(there, groups, compositions), rows)


def test_key_groups_tell_nothing():
    """Siblings share a key group, and every key group meets every query group equally often."""
    images, compositions, groups = 16, 2, 4
    rows = torch.arange(images * compositions)
    key_groups = to_key_groups(rows, groups, compositions).chunk(groups)
    query_groups = rows.chunk(groups)
    for key_group in key_groups:
        own = set(key_group.tolist())
        for image in {row // compositions for row in own}:
            assert {image * compositions + m for m in range(compositions)} <= own
        shared = {len(own & set(query_group.tolist())) for query_group in query_groups}
        assert shared == {len(rows) // groups**2}


def test_running_statistics_are_the_mean_over_groups():
    """Two groups in one process give what one group in each of two processes gives."""
    torch.manual_seed(0)
    layer = nn.BatchNorm1d(3)
    statistics = RunningStatistics(layer)
    groups = [torch.randn(8, 3) * 2 + 1, torch.randn(8, 3) - 4]
    for group in groups:
        layer(group)
        statistics.collect()
    statistics.end_step(lambda _tensors: None)
    statistics.write()
    assert torch.allclose(layer.running_mean, torch.stack([g.mean(0) for g in groups]).mean(0))
    assert torch.allclose(layer.running_var, torch.stack([g.var(0) for g in groups]).mean(0))


def test_writing_does_not_disturb_training():
    """A probe or a checkpoint in between leaves the later average as it would have been."""

    def run(*, disturbed):
        torch.manual_seed(1)
        layer = nn.BatchNorm1d(2)
        statistics = RunningStatistics(layer)
        for _ in range(4):
            layer(torch.randn(6, 2))
            statistics.collect()
            statistics.end_step(lambda _tensors: None)
            if disturbed:
                statistics.write()
        statistics.write()
        return layer.running_mean

    assert torch.equal(run(disturbed=True), run(disturbed=False))


def test_a_network_without_batch_norm_needs_no_care():
    """Nothing to collect, nothing fails."""
    statistics = RunningStatistics(nn.Linear(2, 2))
    statistics.collect()
    statistics.end_step(lambda _tensors: None)
    statistics.write()
