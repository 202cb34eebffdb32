"""`qpt score`: parses the options and hands over to `score_run`."""

from pathlib import Path

import typer

from qpt_app.cli.options import (
    BatchSize,
    Cache,
    Device,
    Exclude,
    FailUnder,
    FollowLinks,
    Format,
    Include,
    MinScore,
    Model,
    NoColor,
    NullSeparated,
    Output,
    Paths,
    Quiet,
    Raw,
    Recursive,
    RowFormat,
    Sort,
    Top,
    Verbose,
    Workers,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="score")(score)


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
    raw: Raw = False,
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
    from qpt_app.cli.score_run import ScoreRequest, default_format, run_score
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
        raw=raw,
        output=target,
        color=not no_color,
    )
    with Console(quiet=quiet, verbose=verbose) as console:
        for name in settings.unknown_variables:
            console.warn(f"the variable {name} means nothing to qpt; is it misspelt?")
        raise typer.Exit(run_score(request, console))
