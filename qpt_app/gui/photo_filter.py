"""Which photos are shown and in what order. Pure functions over records."""

import math
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qpt_app.decisions.decision import Flag, Label
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.photos.focus import ALL_SOFT, IN_FOCUS
from qpt_app.photos.series import Series


class SortKey(StrEnum):
    """What the grid is ordered by."""

    SCORE = "score"
    NAME = "name"
    TIME = "time"
    RATING = "rating"


class StarTest(StrEnum):
    """How the number of stars is compared."""

    ANY = "any"
    EXACTLY = "exactly"
    AT_LEAST = "at_least"


class StatusTest(StrEnum):
    """Which outcomes of scoring are shown."""

    ANY = "any"
    SCORED = "scored"
    FAILED = "failed"
    WAITING = "waiting"


class FocusTest(StrEnum):
    """How sharp the sharpest part of a photo is."""

    ANY = "any"
    SHARP = "sharp"
    SLIGHTLY_SOFT = "slightly_soft"
    SOFT = "soft"
    UNKNOWN = "unknown"
    """Not measured yet, or nothing in it to judge by."""


def focus_of(record: PhotoRecord) -> FocusTest:
    """Return what is known of a photo's focus."""
    blur = record.sharpest
    if blur is None:
        return FocusTest.UNKNOWN
    if blur <= IN_FOCUS:
        return FocusTest.SHARP
    return FocusTest.SLIGHTLY_SOFT if blur < ALL_SOFT else FocusTest.SOFT


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoFilter:
    """What a photo must be to be shown; the default shows all."""

    score_from: float = 0.0
    score_to: float = 100.0
    """Both ends count. A range other than 0 to 100 hides photos without a score."""
    star_test: StarTest = StarTest.ANY
    stars: int = 0
    flags: frozenset[Flag] = frozenset()
    """Flags to show; empty shows all."""
    labels: frozenset[Label] = frozenset()
    """Labels to show; empty shows all."""
    status: StatusTest = StatusTest.ANY
    focus: FocusTest = FocusTest.ANY
    text: str = ""
    """Must occur in the name; case is ignored."""
    stacked: bool = False
    """Whether a series is shown by its top alone: the best of its photos that pass the rest."""

    @property
    def is_trivial(self) -> bool:
        """Whether every photo is shown."""
        return self == PhotoFilter()


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoOrder:
    """How photos are sorted; ties go by path."""

    key: SortKey = SortKey.NAME
    descending: bool = False


def visible_order(
    records: Sequence[PhotoRecord], shown: PhotoFilter, order: PhotoOrder
) -> list[int]:
    """Return the positions in `records` of the photos to show, in order.

    Photos without a value for the key (no score, no stars) come last in both directions.
    """
    positions = passing(records, range(len(records)), shown)
    if shown.stacked:
        positions = _tops(records, positions)
    paths = [record.path_key for record in records]
    if order.key is SortKey.NAME:
        positions.sort(key=paths.__getitem__, reverse=order.descending)
        return positions
    positions.sort(key=paths.__getitem__)
    value = _VALUES[order.key]
    sign = -1.0 if order.descending else 1.0
    keys = [math.inf if (known := value(record)) is None else sign * known for record in records]
    positions.sort(key=keys.__getitem__)
    return positions


def passing(
    records: Sequence[PhotoRecord], positions: Sequence[int], shown: PhotoFilter
) -> list[int]:
    """Return the positions whose photos the filter accepts, stacked or not."""
    tests = _tests(shown)
    if not tests:
        return list(positions)
    return [at for at in positions if all(test(records[at]) for test in tests)]


def _tops(records: Sequence[PhotoRecord], positions: Sequence[int]) -> list[int]:
    """Return the photos that stand alone and of each series the best one."""
    members: dict[Series, dict[bytes, int]] = defaultdict(dict)
    for at in positions:
        if (series := records[at].series) is not None:
            members[series][records[at].path_key] = at
    tops = set()
    for series, found in members.items():
        keys = (os.fsencode(path) for path in series.ranked)
        tops.add(next((found[key] for key in keys if key in found), -1))
    return [at for at in positions if records[at].series is None or at in tops]


def nearest_visible(old_order: Sequence[int], row: int, visible: Callable[[int], bool]) -> int:
    """Return the position to select when the one at `row` of the old order went away.

    The next one that is still visible, else the previous one, else -1.
    """
    for at in old_order[row:]:
        if visible(at):
            return at
    for at in reversed(old_order[:row]):
        if visible(at):
            return at
    return -1


def _tests(shown: PhotoFilter) -> list[Callable[[PhotoRecord], bool]]:
    """Return one test for each part of the filter that is in use, but for the stacking."""
    tests: list[Callable[[PhotoRecord], bool]] = []
    if shown.score_from > 0 or shown.score_to < 100:
        low, high = shown.score_from, shown.score_to
        tests.append(lambda record: (score := record.score) is not None and low <= score <= high)
    if shown.star_test is StarTest.EXACTLY:
        tests.append(lambda record: record.stars == shown.stars)
    elif shown.star_test is StarTest.AT_LEAST:
        tests.append(lambda record: record.stars >= shown.stars)
    if shown.flags:
        tests.append(lambda record: record.decision.flag in shown.flags)
    if shown.labels:
        tests.append(lambda record: record.decision.label in shown.labels)
    if shown.status is not StatusTest.ANY:
        tests.append(_STATUS_TESTS[shown.status])
    if shown.focus is not FocusTest.ANY:
        tests.append(lambda record: focus_of(record) is shown.focus)
    if shown.text:
        wanted = shown.text.casefold()
        tests.append(lambda record: wanted in record.name.casefold())
    return tests


_STATUS_TESTS: dict[StatusTest, Callable[[PhotoRecord], bool]] = {
    StatusTest.SCORED: lambda record: record.score is not None,
    StatusTest.FAILED: lambda record: record.has_failed,
    StatusTest.WAITING: lambda record: record.result is None,
}
_VALUES: dict[SortKey, Callable[[PhotoRecord], Any]] = {
    SortKey.SCORE: lambda record: record.score,
    SortKey.TIME: lambda record: record.time,
    SortKey.RATING: lambda record: record.placed_stars or None,
}
