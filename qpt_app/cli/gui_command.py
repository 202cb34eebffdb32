"""`qpt gui`: starts the desktop program as a program of its own."""

import sys
from pathlib import Path
from typing import Annotated

import typer

GUI_MODULE = "qpt_app.gui.main"

Folder = Annotated[
    str | None, typer.Argument(metavar="[FOLDER]", help="The folder to open.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="gui")(gui)


def gui_program(module: str = GUI_MODULE) -> list[str]:
    """Return the command line of the desktop program, in a frozen build too."""
    if getattr(sys, "frozen", False):
        here = Path(sys.executable)
        return [str(here.with_name(f"qpt-gui{here.suffix}"))]
    return [sys.executable, "-m", module]


def gui(folder: Folder = None) -> None:
    """Open the desktop program, with a folder if one is named. Returns when it is closed."""
    import subprocess

    from qpt_app.errors import UsageError

    arguments: list[str] = []
    if folder is not None:
        if not Path(folder).is_dir():
            raise UsageError(f"no such folder: {folder}")
        arguments = [str(Path(folder).absolute())]
    code = subprocess.run([*gui_program(), *arguments], check=False).returncode
    raise typer.Exit(code if code >= 0 else 1)
