"""Markdown tables and the few number formats that the reports share. Pure."""

from collections.abc import Sequence

from qpt_train.metrics import Interval


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is left-aligned, the others to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    lines = [header, rule, *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as text; a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def with_interval(value: float | None, interval: Interval | None, digits: int = 3) -> str:
    """Return `0.612 [0.590, 0.633]`."""
    if interval is None:
        return number(value, digits)
    return f"{number(value, digits)} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _cell(text: str) -> str:
    """Escape what would end a cell or a row."""
    return text.replace("|", "\\|").replace("\n", " ")
