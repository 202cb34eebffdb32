"""The options of the commands: names, help and checks. Nothing heavy is imported."""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from qpt_app.photos.app_settings import DEVICES


class RowFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    JSON = "json"


def _choice(*allowed: str) -> Callable[[str | None], str | None]:
    """Return a callback that refuses any other value."""

    def check(value: str | None) -> str | None:
        if value is not None and value not in allowed:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(allowed)}")
        return value

    return check


def _count_or_auto(value: str | None) -> str | None:
    """Accept `auto` or a positive whole number."""
    if value is not None and value != "auto" and not (value.isdecimal() and int(value) > 0):
        raise typer.BadParameter(f"{value!r} is neither `auto` nor a whole number above 0")
    return value


def _score_bound(value: float | None) -> float | None:
    """Accept a score."""
    if value is not None and not (math.isfinite(value) and 0 <= value <= 100):
        raise typer.BadParameter(f"{value} is not a score from 0 to 100")
    return value


Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Photos and folders; `-` reads paths from standard input, `@FILE` from a list.",
        show_default=False,
    ),
]
Recursive = Annotated[
    bool, typer.Option("--recursive/--no-recursive", "-r", help="Also look in subfolders.")
]
Include = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", help="In folders, only files that match; may be repeated."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", help="In folders, no files or subfolders that match."),
]
FollowLinks = Annotated[
    bool, typer.Option("--follow-links", help="Follow links that lead out of a folder.")
]
NullSeparated = Annotated[
    bool, typer.Option("--null", "-0", help="Lists of paths are separated by NUL, not by lines.")
]
Sort = Annotated[
    bool | None,
    typer.Option("--sort/--no-sort", help="Best first; without it by path.", show_default=False),
]
Top = Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the N best; best first.")]
MinScore = Annotated[
    float | None,
    typer.Option(metavar="X", callback=_score_bound, help="Only photos of this score or more."),
]
FailUnder = Annotated[
    float | None,
    typer.Option(
        metavar="X", callback=_score_bound, help="Exit with 4 if any scored photo is below X."
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="|".join(RowFormat),
        callback=_choice(*RowFormat),
        help="How rows are written; by default a table on a terminal, else jsonl.",
        show_default=False,
    ),
]
Raw = Annotated[
    bool,
    typer.Option("--raw", help="In CSV, leave cells as they are that a spreadsheet may run."),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to a file; `-` is stdout."),
]
Model = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="A shipped model or a model file.")
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(DEVICES), callback=_choice(*DEVICES), help="Where the model runs."
    ),
]
BatchSize = Annotated[
    str | None,
    typer.Option(metavar="auto|N", callback=_count_or_auto, help="Photos per forward pass."),
]
Workers = Annotated[
    str | None,
    typer.Option(metavar="auto|N", callback=_count_or_auto, help="Decoding processes."),
]
Cache = Annotated[
    bool | None,
    typer.Option("--cache/--no-cache", help="Look scores up and keep them.", show_default=False),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours in the table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors on stderr.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also say on stderr what is wrong with a photo.")
]
