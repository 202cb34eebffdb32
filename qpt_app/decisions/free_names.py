"""Finds names that nothing has, on file systems that ignore case or compose accents too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from qpt_app.decisions.photo_unit import name_key


class FreeNames:
    """Remembers what every target folder holds and what was promised in it."""

    def __init__(self) -> None:
        self._taken: dict[Path, set[str]] = {}

    def claim(self, folder: Path, names: Sequence[str], stem: str) -> list[str]:
        """Return names for one photo's files in `folder`, free as of now, and promise them.

        Args:
            folder: where they go; it need not exist.
            names: the wanted names.
            stem: what they all begin with; a suffix -1, -2, ... is put behind it.
        """
        taken = self._taken.setdefault(folder, _listed(folder))
        for number in count():
            tried = names if number == 0 else [_suffixed(name, stem, number) for name in names]
            keys = {name_key(name) for name in tried}
            if len(keys) == len(names) and not keys & taken:
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


def _listed(folder: Path) -> set[str]:
    try:
        return {name_key(name) for name in os.listdir(folder)}  # noqa: PTH208 - names only
    except OSError:
        return set()
