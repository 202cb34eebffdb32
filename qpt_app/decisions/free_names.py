"""Finds names that nothing has, on file systems that ignore case or compose accents too."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path

from qpt_app.decisions.photo_kinds import PHOTO_SUFFIXES, is_raw, suffix_of
from qpt_app.decisions.photo_unit import name_key


class FreeNames:
    """Remembers what every target folder holds and what was promised in it."""

    def __init__(self) -> None:
        self._taken: dict[Path, dict[str, str]] = {}
        """Names by their keys."""

    def claim(
        self, folder: Path, names: Sequence[str], stem: str, doubles: Collection[str] = ()
    ) -> list[str]:
        """Return names for one photo's files in `folder`, free as of now, and promise them.

        Args:
            folder: where they go; it need not exist.
            names: the wanted names.
            stem: what they all begin with; a suffix -1, -2, ... is put behind it.
            doubles: those of the names under which the same file lies there already. They do not
                count as taken where the photos of that name are one photo with the new ones.
        """
        taken = self._taken.setdefault(folder, _listed(folder))
        for number in count():
            tried = names if number == 0 else [_suffixed(name, stem, number) for name in names]
            keys = {name_key(name): name for name in tried}
            if len(keys) == len(names) and (
                keys.keys().isdisjoint(taken)
                or (number == 0 and _only_doubles_meet(keys, taken, stem, doubles))
            ):
                taken |= keys
                return list(tried)
            if number == 0 and len(keys) < len(names):
                return [
                    single
                    for name in names
                    for single in self.claim(folder, [name], Path(name).stem)
                ]
        raise AssertionError("unreachable: count() does not end")


def _suffixed(name: str, stem: str, number: int) -> str:
    """`a.cr2.xmp` with the stem `a` becomes `a-1.cr2.xmp`."""
    if name_key(name[: len(stem)]) == name_key(stem):
        return f"{name[: len(stem)]}-{number}{name[len(stem) :]}"
    return f"{Path(name).stem}-{number}{Path(name).suffix}"


def _only_doubles_meet(
    keys: Mapping[str, str], taken: Mapping[str, str], stem: str, doubles: Collection[str]
) -> bool:
    """Whether files can go to a folder beside the sidecars that they share with what is there."""
    if not {keys[key] for key in keys.keys() & taken.keys()} <= set(doubles):
        return False
    there = (taken.get(name_key(stem) + suffix) for suffix in PHOTO_SUFFIXES)
    coming = (name for name in keys.values() if suffix_of(Path(name)) in PHOTO_SUFFIXES)
    return _is_one_photo([*coming, *(name for name in there if name is not None)])


def _is_one_photo(names: Iterable[str]) -> bool:
    """Whether files are one photo: a single one, or a RAW and a rendered file of one base name."""
    photos = [Path(name) for name in names]
    raws = sum(is_raw(photo) for photo in photos)
    return max(raws, len(photos) - raws) <= 1 and len({photo.stem for photo in photos}) <= 1


def _listed(folder: Path) -> dict[str, str]:
    try:
        return {name_key(name): name for name in os.listdir(folder)}  # noqa: PTH208 - names only
    except OSError:
        return {}
