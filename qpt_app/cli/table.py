"""Results -> a table for people: plain text, one line a photo, the name last."""

import math
from collections.abc import Iterator, Sequence

from qpt_app.photos.results import PhotoResult
from qpt_app.photos.safe_text import terminal_text

TIE_PROBABILITY = 0.6
"""Two neighbours are a near-tie while the chance that the better one really is better stays below
this: one would bet less than 3 to 2 on it. Our choice."""
_TIE_FACTOR = 0.2533471 / 1.2815516
"""Normal quantiles of 0.6 and of 0.9: an uncertainty is the half width of an 80 % interval."""

_BOLD, _DIM, _RED, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"


def is_near_tie(better: PhotoResult, worse: PhotoResult) -> bool:
    """Whether the model cannot tell two photos apart; False where it states no uncertainty.

    With independent normal errors the difference of two scores has the scale
    hypot(uncertainty, uncertainty); it is a near-tie while the difference is below
    0.198 of that (`TIE_PROBABILITY`).
    """
    if better.score is None or worse.score is None:
        return False
    if better.uncertainty is None or worse.uncertainty is None:
        return False
    limit = _TIE_FACTOR * math.hypot(better.uncertainty, worse.uncertainty)
    return abs(better.score - worse.score) < limit


def table_lines(
    results: Sequence[PhotoResult], *, ranked: bool, color: bool, unicode: bool
) -> Iterator[str]:
    """Yield the lines of a table, without line ends.

    Args:
        results: the rows in their order.
        ranked: whether that is best first; then near-ties with the row above are marked.
        color: whether to use ANSI colours.
        unicode: whether the terminal can show more than ASCII.
    """
    marks = _near_ties(results) if ranked else [False] * len(results)
    tie, sign, times, none = ("≈", "±", "×", "–") if unicode else ("~", "+-", "x", "-")
    header = ["score", sign, "better than", "size", "photo"]
    rows = [
        [
            (f"{tie} " if mark else "") + (_number(result.score, 1) or none),
            _number(result.uncertainty, 1),
            _number(result.percentile, 0, " %"),
            _size(result, times),
            _name_and_note(result),
        ]
        for result, mark in zip(results, marks, strict=True)
    ]
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(4)]
    keep = [column for column in range(4) if column in (0, 3) or any(row[column] for row in rows)]

    def line(cells: list[str]) -> str:
        return "  ".join([*(cells[column].rjust(widths[column]) for column in keep), cells[4]])

    yield _painted(line(header), _BOLD, color)
    for result, row in zip(results, rows, strict=True):
        failed = not result.status.has_pixels or result.score is None
        yield _painted(line(row), _RED if failed else "", color)
    if any(marks):
        text = f"{tie} the model cannot tell this photo from the one above it"
        yield _painted(text, _DIM, color)


def _near_ties(results: Sequence[PhotoResult]) -> list[bool]:
    """Say for each row whether it is a near-tie with the row above."""
    return [at > 0 and is_near_tie(results[at - 1], result) for at, result in enumerate(results)]


def _number(value: float | None, decimals: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{decimals}f}{unit}"


def _size(result: PhotoResult, times: str) -> str:
    if result.width is None or result.height is None:
        return ""
    return f"{result.width}{times}{result.height}"


def _name_and_note(result: PhotoResult) -> str:
    """Return the name, its RAW companion's ending, and what is to be said of the photo."""
    name = terminal_text(str(result.path))
    if result.companion is not None:
        name += f" (+{terminal_text(result.companion.suffix)})"
    notes = [] if result.status.value == "ok" else [result.status.value]
    if result.reason:
        notes.append(terminal_text(result.reason))
    return f"{name}  [{': '.join(notes)}]" if notes else name


def _painted(text: str, code: str, color: bool) -> str:
    return f"{code}{text}{_RESET}" if color and code else text
