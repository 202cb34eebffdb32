"""A split that was written down stays what it was."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpt_app.errors import DatasetError
from qpt_train.data.mos_records import MosItem
from qpt_train.data.recorded_splits import fold_letters, folds_of_letters, recorded_folds
from qpt_train.data.splits import split_hash


def make_items(count):
    names = [f"ss01 ({number}).jpg" for number in range(count)]
    return [MosItem(path=Path("nowhere") / name, name=name, mos=0.5) for name in names]


@given(st.lists(st.integers(0, 35), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_a_written_split_is_read_back_for_any_order_of_the_photos(folds, shuffler):
    items = make_items(len(folds))
    letters = fold_letters(items, folds)
    assert len(letters) == len(folds)
    pairs = list(zip(items, folds, strict=True))
    shuffler.shuffle(pairs)
    moved = [item for item, _ in pairs]
    assert folds_of_letters(moved, letters) == [fold for _, fold in pairs]


def test_a_recorded_split_needs_no_pixels_and_its_hash_is_checked():
    """The photos of these items do not even exist."""
    items, folds = make_items(4), [1, 0, 2, 1]
    record = {
        "seed": 0,
        "folds": 3,
        "hash": split_hash(items, folds),
        "assignment": fold_letters(items, folds),
    }
    assert recorded_folds(items, record) == folds
    with pytest.raises(DatasetError, match="not the one that the model was trained with"):
        recorded_folds(items, {**record, "assignment": "1111"})
    with pytest.raises(DatasetError, match="of 3 photos, the set has 4"):
        recorded_folds(items, {**record, "assignment": "101"})
    with pytest.raises(DatasetError, match="of 4 photos"):
        recorded_folds(items, {**record, "assignment": "10?1"})


def test_more_folds_than_letters_are_refused():
    with pytest.raises(ValueError, match="36 folds"):
        fold_letters(make_items(1), [36])
