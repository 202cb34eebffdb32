"""Order and filter as the session file keeps them. No Qt."""

import logging
from collections.abc import Mapping
from typing import Any

from qpt_app.decisions.decision import Flag, Label
from qpt_app.gui.gui_settings import SessionState
from qpt_app.gui.photo_filter import (
    FocusTest,
    PhotoFilter,
    PhotoOrder,
    SortKey,
    StarTest,
    StatusTest,
)

_log = logging.getLogger(__name__)


def plain_filter(shown: PhotoFilter) -> dict[str, Any]:
    """Return a filter as values that JSON knows; stacking is a field of the session itself."""
    return {
        "score_from": shown.score_from,
        "score_to": shown.score_to,
        "star_test": shown.star_test.value,
        "stars": shown.stars,
        "flags": sorted(flag.value for flag in shown.flags),
        "labels": sorted(label.value for label in shown.labels),
        "status": shown.status.value,
        "focus": shown.focus.value,
        "text": shown.text,
    }


def saved_filter(session: SessionState) -> PhotoFilter:
    """Return the filter of a session; what cannot be used is reported and shows all."""
    if not session.shown:
        return PhotoFilter(stacked=session.stacked)
    try:
        return _filter(session.shown, stacked=session.stacked)
    except (KeyError, TypeError, ValueError) as error:
        _log.warning("starting without the last filter: %r", error)
        return PhotoFilter(stacked=session.stacked)


def saved_order(session: SessionState) -> PhotoOrder:
    """Return the order of a session; by name if it names none that is known."""
    if session.sort_key not in set(SortKey):
        _log.warning("starting without the last order: %r", session.sort_key)
        return PhotoOrder()
    return PhotoOrder(key=SortKey(session.sort_key), descending=session.descending)


def _filter(values: Mapping[str, Any], *, stacked: bool) -> PhotoFilter:
    """Build a filter that the bar can show.

    Raises:
        KeyError, TypeError, ValueError: if the values are no such filter.
    """
    low, high = float(values["score_from"]), float(values["score_to"])
    test, stars = StarTest(values["star_test"]), int(values["stars"])
    least = {StarTest.ANY: 0, StarTest.EXACTLY: 0, StarTest.AT_LEAST: 1}[test]
    most = 0 if test is StarTest.ANY else 5
    if not (0 <= low <= high <= 100 and least <= stars <= most):
        raise ValueError(f"out of range: scores {low} to {high}, {test} {stars} stars")
    return PhotoFilter(
        score_from=low,
        score_to=high,
        star_test=test,
        stars=stars,
        flags=frozenset(Flag(flag) for flag in values["flags"]),
        labels=frozenset(Label(label) for label in values["labels"]),
        status=StatusTest(values["status"]),
        focus=FocusTest(values.get("focus", FocusTest.ANY)),  # older files have none
        text=str(values["text"]),
        stacked=stacked,
    )
