"""`qpt score`: parses the options and hands over to `score_run`."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

FORMATS = ("table", "jsonl", "csv", "json")
DEVICES = ("auto", "cpu", "cuda", "mps")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="score")(score)


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
        metavar="|".join(FORMATS),
        callback=_choice(*FORMATS),
        help="How rows are written; by default a table on a terminal, else jsonl.",
        show_default=False,
    ),
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


def score(
    paths: Paths,
    recursive: Recursive = False,
    include: Include = None,
    exclude: Exclude = None,
    follow_links: FollowLinks = False,
    null: NullSeparated = False,
    sort: Sort = None,
    top: Top = None,
    min_score: MinScore = None,
    fail_under: FailUnder = None,
    row_format: Format = None,
    output: Output = None,
    model: Model = None,
    device: Device = None,
    batch_size: BatchSize = None,
    workers: Workers = None,
    cache: Cache = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Score photos from 0 (worst) to 100 (best) and print one row for each.

    Exit codes: 0 all scored; 1 nothing scored or a failure; 2 wrong usage; 3 some files could not
    be scored; 4 a photo is below --fail-under; 130 interrupted, finished rows are written.
    """
    from qpt_app.cli.console import Console
    from qpt_app.cli.path_arguments import expand_paths
    from qpt_app.cli.score_run import RowFormat, ScoreRequest, default_format, run_score
    from qpt_app.photos.scan import ScanOptions
    from qpt_app.photos.settings import load_settings

    flags = {
        "model": model,
        "device": device,
        "batch_size": batch_size,
        "workers": workers,
        "cache": cache,
    }
    settings = load_settings(flags=flags)
    target = None if output in (None, "-") else Path(str(output))
    request = ScoreRequest(
        paths=tuple(expand_paths(paths, null_separated=null)),
        scan=ScanOptions(
            recursive=recursive,
            include=tuple(include or ()),
            exclude=tuple(exclude or ()),
            follow_links=follow_links,
        ),
        settings=settings.values,
        sort=top is not None if sort is None else sort,
        top=top,
        min_score=min_score,
        fail_under=fail_under,
        format=RowFormat(row_format) if row_format else default_format(target),
        output=target,
        color=not no_color,
    )
    with Console(quiet=quiet, verbose=verbose) as console:
        for name in settings.unknown_variables:
            console.warn(f"the variable {name} means nothing to qpt; is it misspelt?")
        raise typer.Exit(run_score(request, console))
