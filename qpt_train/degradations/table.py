"""Name -> degradation, and group -> names."""

from types import MappingProxyType

from qpt_train.degradations import (
    blur,
    brightness,
    colour,
    compression,
    geometric,
    noise,
    resampling,
    sharpness,
    spatial,
)
from qpt_train.degradations.types import GROUPS, Degradation

_FAMILIES = (
    blur,
    colour,
    compression,
    noise,
    brightness,
    spatial,
    sharpness,
    resampling,
    geometric,
)

DEGRADATIONS: MappingProxyType[str, Degradation] = MappingProxyType(
    {record.name: record for family in _FAMILIES for record in family.DEGRADATIONS}
)
"""Every degradation by name, in canonical order."""


def find_degradation(name: str) -> Degradation:
    """Return a degradation by name.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in DEGRADATIONS:
        raise ValueError(f"unknown degradation {name!r}; known: {', '.join(DEGRADATIONS)}")
    return DEGRADATIONS[name]


def names_by_group(names: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Return the chosen names (all if none are given) by group, both in canonical order.

    Raises:
        ValueError: if a name is unknown or given twice.
    """
    for name in names:
        find_degradation(name)
    if len(set(names)) != len(names):
        raise ValueError("a degradation is named twice")
    chosen = [record for record in DEGRADATIONS.values() if not names or record.name in names]
    grouped = {
        group: tuple(record.name for record in chosen if record.group == group) for group in GROUPS
    }
    return {group: members for group, members in grouped.items() if members}
