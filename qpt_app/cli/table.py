"""Results -> a table for people: plain text, one line a photo, the name last."""

from collections import Counter
from collections.abc import Iterator, Sequence

from qpt_app.photos.results import PhotoResult
from qpt_app.photos.safe_text import terminal_text

_BOLD, _DIM, _RED, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"


def table_lines(results: Sequence[PhotoResult], *, color: bool, unicode: bool) -> Iterator[str]:
    """Yield the lines of a table, without line ends.

    Args:
        results: the rows in their order.
        color: whether to use ANSI colours.
        unicode: whether the terminal can show more than ASCII.
    """
    sharing = Counter(result.rank for result in results if result.rank is not None)
    sign, times, none = ("±", "×", "–") if unicode else ("+-", "x", "-")
    header = ["rank", "score", sign, "better than", "size", "photo"]
    rows = [
        [
            _rank(result, sharing),
            _number(result.score, 1) or none,
            _number(result.uncertainty, 1),
            _number(result.percentile, 0, " %"),
            _size(result, times),
            _name_and_note(result),
        ]
        for result in results
    ]
    columns = len(header) - 1  # the name, last, has no width
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(columns)]
    always = (header.index("score"), header.index("size"))
    keep = [column for column in range(columns) if column in always or any(r[column] for r in rows)]

    def line(cells: list[str]) -> str:
        return "  ".join([*(cells[column].rjust(widths[column]) for column in keep), cells[-1]])

    yield _painted(line(header), _BOLD, color)
    for result, row in zip(results, rows, strict=True):
        failed = not result.status.has_pixels or result.score is None
        yield _painted(line(row), _RED if failed else "", color)
    if any(count > 1 for count in sharing.values()):
        text = "=  the model can hardly tell these photos from the best of the same rank"
        yield _painted(text, _DIM, color)


def _rank(result: PhotoResult, sharing: Counter[int]) -> str:
    """Return `7`, or `7=` where photos of the table share it."""
    if result.rank is None:
        return ""
    return f"{result.rank}=" if sharing[result.rank] > 1 else f"{result.rank} "


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
