"""`qpt decisions check | restore`: is the database of ratings sound, and what if it is not."""

from pathlib import Path
from typing import Annotated

import typer

DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data-folder",
        metavar="FOLDER",
        help="Where the decisions are kept.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    decisions = typer.Typer(
        name="decisions",
        help="Check the database of ratings and flags, or put its backup back.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    decisions.command(name="check")(check)
    decisions.command(name="restore")(restore)
    app.add_typer(decisions)


def check(folder: DataFolder = None) -> None:
    """Check the database of decisions without changing it.

    Exit code 1 if it is damaged, of a newer qpt, or no decisions database.
    """
    for line in decisions_state(folder):
        typer.echo(line)


def restore(folder: DataFolder = None) -> None:
    """Put the newest sound backup back; the damaged file is kept under another name.

    A sound database is never replaced. Exit code 1 if there is nothing to restore.
    """
    import time

    from qpt_app.cli.data_folder import data_folder
    from qpt_app.decisions.restore import restore_backup
    from qpt_app.photos.safe_text import terminal_text

    done = restore_backup(data_folder(folder), now=time.time())
    typer.echo(f"restored  {terminal_text(str(done.backup))}")
    if done.aside is not None:
        typer.echo(f"kept      {terminal_text(str(done.aside))}")


def decisions_state(folder: Path | None) -> list[str]:
    """Return where the database is and that it is sound, as lines for a terminal.

    Raises:
        DecisionsError: if it cannot be used.
        StorageError: if it cannot be opened.
    """
    from qpt_app.cli.data_folder import data_folder
    from qpt_app.decisions.backups import backups_in
    from qpt_app.decisions.decisions_database import DATABASE_NAME, check_database
    from qpt_app.photos.safe_text import terminal_text

    path = data_folder(folder) / DATABASE_NAME
    state = "none yet"
    if path.exists():
        check_database(path)
        state = f"sound, {path.stat().st_size / 1e6:.1f} MB"
    copies = backups_in(path.parent)
    newest = f", the newest {copies[-1].name}" if copies else ""
    return [
        f"path     {terminal_text(str(path))}",
        f"state    {state}",
        f"backups  {len(copies)}{newest}",
    ]
