"""Splits that were written down: made again exactly, or refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qpt_app.errors import DatasetError
from qpt_train.data.mos_records import MosItem
from qpt_train.data.splits import grouped_folds, split_hash

_FOLD_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def recorded_folds(
    items: Sequence[MosItem], record: Mapping[str, Any], *, cache_folder: Path | None = None
) -> list[int]:
    """Return the folds of a recorded split, exactly, or refuse.

    Args:
        items: the photos.
        record: `seed`, `folds` and `hash`; with `assignment` (see `fold_letters`) the folds are
            read from it, without it they are made again from the photos' pixels.
        cache_folder: as of `grouped_folds`.

    Raises:
        DatasetError: if the outcome is not the split that the record's hash names.
    """
    if "assignment" in record:
        folds = folds_of_letters(items, str(record["assignment"]))
    else:
        folds = grouped_folds(
            items, folds=int(record["folds"]), seed=int(record["seed"]), cache_folder=cache_folder
        )
    found, wanted = split_hash(items, folds), str(record["hash"])
    if found != wanted:
        raise DatasetError(
            f"the split made here ({found[:12]}) is not the one that the model was trained with "
            f"({wanted[:12]}): other photos, or another version of decoding or splitting; photos "
            "of its training might be among those held out"
        )
    return folds


def fold_letters(items: Sequence[MosItem], folds: Sequence[int]) -> str:
    """Return one digit or letter per photo, in the order of the names: the split itself.

    Pixels decide the groups, so a later version of the decoder may group one photo otherwise;
    a split that is written down stays what it was.

    Raises:
        ValueError: for more than 36 folds.
    """
    if max(folds, default=0) >= len(_FOLD_LETTERS):
        raise ValueError(f"at most {len(_FOLD_LETTERS)} folds can be written as letters")
    pairs = sorted((item.name, fold) for item, fold in zip(items, folds, strict=True))
    return "".join(_FOLD_LETTERS[fold] for _, fold in pairs)


def part_letters(
    *, train: Sequence[MosItem], validation: Sequence[MosItem], heldout: Sequence[MosItem]
) -> str:
    """Return one letter per photo in the order of the names: t(rain), v(alidation), h(eld out)."""
    parts = (("t", train), ("v", validation), ("h", heldout))
    pairs = sorted((item.name, letter) for letter, items in parts for item in items)
    return "".join(letter for _, letter in pairs)


def recorded_parts(items: Sequence[MosItem], record: Mapping[str, Any]) -> dict[str, str]:
    """Return by name the letters that `part_letters` wrote; empty where none were.

    Raises:
        DatasetError: if there are not as many letters as photos.
    """
    letters = str(record.get("parts", ""))
    if letters and len(letters) != len(items):
        raise DatasetError(
            f"the recorded split is of {len(letters)} photos, the set has {len(items)}"
        )
    return dict(zip(sorted(item.name for item in items), letters, strict=False))


def heldout_letter(record: Mapping[str, Any]) -> str:
    """Return the letter of the held-out fold; empty where nothing is held out."""
    fold = record.get("heldout_fold")
    return "" if fold is None else _FOLD_LETTERS[int(fold)]


def folds_of_letters(items: Sequence[MosItem], letters: str) -> list[int]:
    """Return the folds, in the order of the items, that `fold_letters` wrote.

    Raises:
        DatasetError: if there are not as many letters as photos, or one is none.
    """
    if len(letters) != len(items) or not set(letters) <= set(_FOLD_LETTERS):
        raise DatasetError(
            f"the recorded split is of {len(letters)} photos, the set has {len(items)}"
        )
    names = sorted(item.name for item in items)
    by_name = {
        name: _FOLD_LETTERS.index(letter) for name, letter in zip(names, letters, strict=True)
    }
    return [by_name[item.name] for item in items]
