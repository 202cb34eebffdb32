"""CutMix: windows lie inside, cover what they say, and scores are mixed by area."""

import numpy as np
import pytest
import torch

from qpt_train.data.cut_mix import MixWindow, choose_partners, draw_window, paste_window


def test_windows_lie_inside_and_their_areas_are_uniform():
    generator = np.random.default_rng(0)
    windows = [draw_window(generator) for _ in range(4000)]
    for window in windows:
        assert 0 <= window.top <= 1 - window.side + 1e-9
        assert 0 <= window.left <= 1 - window.side + 1e-9
    areas = np.sort([window.area for window in windows])
    assert np.abs(areas - np.linspace(0, 1, len(areas))).max() < 0.03


def test_a_pasted_window_covers_its_share_and_nothing_else():
    target, source = torch.zeros(2, 3, 40, 60), torch.ones(2, 3, 40, 60)
    window = MixWindow(0.25, 0.5, 0.5)
    paste_window(target, source, window)
    assert target.mean() == pytest.approx(window.area)
    assert target[:, :, 10:30, 30:].min() == 1
    assert target[:, :, :10].max() == target[:, :, 30:].max() == target[..., :30].max() == 0


def test_the_whole_and_the_empty_window():
    source = torch.rand(3, 7, 5)
    target = torch.zeros_like(source)
    paste_window(target, source, MixWindow(0.0, 0.0, 0.0))
    assert target.max() == 0
    paste_window(target, source, MixWindow(0.0, 0.0, 1.0))
    assert torch.equal(target, source)


def test_partners_are_of_the_same_group():
    groups = [0, 1, 0, 2, 1, 0]
    partners = choose_partners(groups)
    assert partners == [2, 4, 5, 3, 1, 0]  # the only one of its group: itself
    assert [groups[partner] for partner in partners] == groups
