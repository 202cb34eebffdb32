"""The quality model: its scale of scene statistics, and a head with and without them."""

import pytest
import torch

from qpt_app.core.quality_model import (
    LARGEST_LEVEL,
    QualityHead,
    StatisticsScale,
    build_quality_model,
)
from qpt_app.core.scene_statistics import STATISTIC_COUNT, scene_statistics


def scale_of(knots, levels):
    scale = StatisticsScale(1)
    scale.statistic_knots, scale.statistic_levels = torch.tensor([knots]), torch.tensor([levels])
    return scale


def test_a_fresh_scale_hands_small_numbers_through_and_stops_at_its_ends():
    values = torch.tensor([[-9.0, 0.3], [1.7, 9.0]])
    expected = torch.tensor([[-LARGEST_LEVEL, 0.3], [1.7, LARGEST_LEVEL]])
    torch.testing.assert_close(StatisticsScale(2)(values), expected)


def test_between_knots_the_line_is_straight_and_at_them_exact():
    scale = scale_of([0.0, 1.0, 10.0], [-2.0, 0.0, 2.0])
    values = torch.tensor([[0.0], [0.25], [1.0], [5.5], [10.0]])
    expected = torch.tensor([[-2.0], [-1.5], [0.0], [1.0], [2.0]])
    torch.testing.assert_close(scale(values), expected)


def test_a_value_that_many_photos_share_has_one_level_and_no_step_behind_it():
    scale = scale_of([0.0, 0.0, 0.0, 1.0], [-1.0, -1.0, -1.0, 2.0])
    values = torch.tensor([[-1.0], [0.0], [1e-6], [1.0]])
    expected = torch.tensor([[-1.0], [-1.0], [-1.0], [2.0]])
    torch.testing.assert_close(scale(values), expected, atol=1e-5, rtol=0)


def test_the_scale_never_falls():
    generator = torch.Generator().manual_seed(0)
    scale = StatisticsScale(3)
    scale.statistic_knots = torch.randn(3, 33, generator=generator).sort(dim=1).values
    scale.statistic_levels = torch.randn(3, 33, generator=generator).sort(dim=1).values
    values = torch.linspace(-4, 4, 500)[:, None].expand(500, 3)
    assert (scale(values).diff(dim=0) >= 0).all()


def test_the_score_of_a_model_with_statistics_comes_from_both():
    torch.manual_seed(0)
    model = build_quality_model("resnet18", head_hidden=8, with_statistics=True).eval()
    overview, crops = torch.randn(2, 3, 64, 96), torch.randn(2, 3, 3, 64, 64)
    with torch.inference_mode():
        output = model(overview, crops)
        by_hand = model.head(model.encode(overview, crops), scene_statistics(overview, crops))
        other = model.head(output.feature, torch.zeros(2, STATISTIC_COUNT))
    assert model.with_statistics
    assert output.feature.shape == (2, 1024)
    assert torch.equal(output.raw_score, by_hand)
    assert not torch.allclose(output.raw_score, other)


def test_a_model_without_statistics_has_no_trace_of_them():
    model = build_quality_model("resnet18", head_hidden=8)
    assert not model.with_statistics
    assert not any("scale" in name for name in model.state_dict())
    assert model.head.hidden.in_features == 1024


def test_a_head_that_needs_statistics_says_so():
    head = QualityHead(4, 2, statistic_count=3)
    with pytest.raises(ValueError, match="scene statistics"):
        head(torch.zeros(1, 4))
