"""`qpt xmp read | write | check`: ratings that other programs see. Parses and hands over."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

PROFILES = ("lightroom", "darktable", "all")
FLAGS = ("pick", "reject", "none")
LABELS = ("red", "yellow", "green", "blue", "purple", "none")


def register(app: typer.Typer) -> None:
    """Add the group."""
    xmp = typer.Typer(
        name="xmp",
        help="Read and write the ratings that Lightroom, darktable and digiKam see.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    xmp.command(name="read")(read)
    xmp.command(name="write")(write)
    xmp.command(name="check")(check)
    app.add_typer(xmp)


def _one_of(*allowed: str) -> Callable[[str | None], str | None]:
    def check_value(value: str | None) -> str | None:
        if value is not None and value not in allowed:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(allowed)}")
        return value

    return check_value


Paths = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Photos and folders; `-` and `@LIST` as in qpt score."),
]
MaybePaths = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PATH]...", help="Photos and folders to write ratings for."),
]
Recursive = Annotated[
    bool, typer.Option("--recursive/--no-recursive", "-r", help="Also look in subfolders.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per photo and line.")]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        "--label-names",
        metavar="R,Y,G,B,P",
        help="The five labels in your editor, for instance Rot,Gelb,Grün,Blau,Lila.",
    ),
]
Stars = Annotated[int | None, typer.Option(min=0, max=5, help="Stars; 0 removes the rating.")]
FlagOption = Annotated[
    str | None,
    typer.Option("--flag", metavar="|".join(FLAGS), callback=_one_of(*FLAGS), help="The flag."),
]
LabelOption = Annotated[
    str | None,
    typer.Option("--label", metavar="|".join(LABELS), callback=_one_of(*LABELS), help="The label."),
]
Table = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="A CSV or JSON lines table with the columns path, stars, flag, label, score.",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="The folder that the table's photos lie in; else the current one."
    ),
]
WithScores = Annotated[
    bool, typer.Option("--with-scores", help="Write the table's scores too, as qpt:Score.")
]
Profile = Annotated[
    str,
    typer.Option(
        metavar="|".join(PROFILES), callback=_one_of(*PROFILES), help="For which programs."
    ),
]
Embed = Annotated[
    bool, typer.Option("--embed", help="Also write into JPEG files, losslessly, by exiftool.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace ratings that are there already.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, change nothing.")]
DataFolder = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where the decisions are kept.", show_default=False),
]


def read(
    paths: Paths, recursive: Recursive = False, as_json: AsJson = False, names: LabelsOption = None
) -> None:
    """Print the rating, flag and label that each photo's XMP has, and where it was found.

    Exit codes: 0 all read; 1 there are no photos; 3 some XMP could not be read.
    """
    from qpt_app.cli.xmp_run import run_read

    raise typer.Exit(run_read(paths, recursive=recursive, as_json=as_json, label_names=names))


def check(
    paths: Paths, recursive: Recursive = False, as_json: AsJson = False, names: LabelsOption = None
) -> None:
    """Say which rating Lightroom, darktable, digiKam and qpt will see for each photo, and why.

    Exit codes: 0 all read; 1 there are no photos; 3 some XMP could not be read.
    """
    from qpt_app.cli.xmp_run import run_check

    raise typer.Exit(run_check(paths, recursive=recursive, as_json=as_json, label_names=names))


def write(
    paths: MaybePaths = None,
    stars: Stars = None,
    flag: FlagOption = None,
    label: LabelOption = None,
    table: Table = None,
    root: Root = None,
    with_scores: WithScores = False,
    profile: Profile = "all",
    embed: Embed = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    recursive: Recursive = False,
    names: LabelsOption = None,
    data_folder: DataFolder = None,
) -> None:
    """Rate photos and write the ratings into XMP, where other programs find them.

    What other programs wrote stays; a rating that is there already is only replaced with
    --overwrite. Undo in the desktop program takes it back. A RAW+JPEG pair is rated as one.

    Exit codes: 0 all written; 1 there are no photos; 2 wrong usage; 3 some could not be written.
    """
    from qpt_app.cli.xmp_run import WriteOptions, run_write

    options = WriteOptions(
        stars=stars,
        flag=flag,
        label=label,
        table=table,
        root=root or Path(),
        with_scores=with_scores,
        profile=profile,
        embed=embed,
        overwrite=overwrite,
        dry_run=dry_run,
        recursive=recursive,
        label_names=names,
        data_folder=data_folder,
    )
    raise typer.Exit(run_write(paths or [], options))
