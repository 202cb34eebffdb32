"""Crop pairs: within the area, with little overlap, from their generator alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpt_train.data.crop_pairs import draw_crop_pairs, overlap_share


@settings(max_examples=100, deadline=None)
@given(
    height=st.integers(32, 100),
    width=st.integers(32, 100),
    seed=st.integers(0, 1000),
    limit=st.floats(0, 1),
)
def test_crops_lie_within_the_area(height, width, seed, limit):
    """Whatever the area, both crops are cut from it."""
    pairs = draw_crop_pairs(
        np.random.default_rng(seed),
        area=(5, 7, height, width),
        crop_size=32,
        max_overlap=limit,
        count=4,
    )
    places = pairs.reshape(-1, 2) - np.array([5, 7])
    assert places.min() >= 0
    assert (places + 32 <= np.array([height, width])).all()


def test_overlap_is_kept_where_the_area_allows_it():
    """224 crops in a 352 window share at most 30 %, and do not all lie in the corners."""
    pairs = draw_crop_pairs(
        np.random.default_rng(0), area=(0, 0, 352, 352), crop_size=224, max_overlap=0.3, count=2000
    )
    assert overlap_share(pairs, 224).max() <= 0.3
    assert len({tuple(pair.ravel()) for pair in pairs}) > 1500


def test_a_small_area_gives_the_corners():
    """Where 30 % cannot be had, the crops are as far apart as they can be."""
    pairs = draw_crop_pairs(
        np.random.default_rng(0), area=(0, 0, 40, 40), crop_size=32, max_overlap=0.3, count=50
    )
    assert overlap_share(pairs, 32) == pytest.approx((24 / 32) ** 2)
    assert {tuple(place) for place in pairs.reshape(-1, 2)} == {(0, 0), (0, 8), (8, 0), (8, 8)}


def test_all_directions_are_drawn():
    """The key lies above, below, left and right of the query about equally often."""
    pairs = draw_crop_pairs(
        np.random.default_rng(0), area=(0, 0, 352, 352), crop_size=224, max_overlap=0.3, count=4000
    )
    above = (pairs[:, 0] > pairs[:, 1]).mean(axis=0)
    assert above == pytest.approx(0.5, abs=0.05)
