"""Which half of a RAW+JPEG pair a file operation takes, and which sidecars go with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from qpt_app.decisions.photo_kinds import format_name
from qpt_app.decisions.photo_unit import PhotoUnit, of_full_name


class PairChoice(StrEnum):
    """What a file operation takes of each pair; photos that are no pairs go whole."""

    BOTH = "both"
    RAW = "raw"
    JPEG = "jpeg"
    """The rendered file, whatever its format."""


def chosen_part(unit: PhotoUnit, choice: PairChoice) -> PhotoUnit:
    """Return what of a unit is to go.

    A sidecar named after one file (`a.cr2.xmp`) goes with that file. One named after both (`a.xmp`)
    may hold the ratings of either and the edits of the RAW, so it is never taken away from the half
    that stays: it is only `lent`.
    """
    if choice is PairChoice.BOTH or unit.companion is None:
        return unit
    goes, stays = unit.path, unit.companion
    if choice is PairChoice.RAW:
        goes, stays = stays, goes
    own = of_full_name(goes, unit.sidecars)
    others = of_full_name(stays, unit.sidecars)
    return replace(
        unit,
        path=goes,
        companion=None,
        sidecars=tuple(own),
        lent=tuple(file for file in unit.sidecars if file not in {*own, *others}),
        stays=stays,
    )


def rendered_formats(units: Iterable[PhotoUnit]) -> tuple[str, ...]:
    """Return of which formats the rendered halves of the pairs are, JPEG first: `JPEG`, `HEIC`."""
    found = {format_name(unit.path) for unit in units if unit.companion is not None}
    return tuple(sorted(found, key=lambda name: (name != "JPEG", name)))


def pairs_among(units: Iterable[PhotoUnit]) -> int:
    """Return how many of the units are pairs."""
    return sum(unit.companion is not None for unit in units)
