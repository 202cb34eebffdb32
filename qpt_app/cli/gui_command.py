"""`qpt gui`: starts the desktop program as a program of its own."""

import sys
from pathlib import Path
from typing import Annotated

import typer

GUI_MODULE = "qpt_app.gui.main"

Folder = Annotated[
    str | None, typer.Argument(metavar="FOLDER", help="The folder to open.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="gui")(gui)


def gui_program(module: str = GUI_MODULE) -> list[str]:
    """Return the command line of a module of the desktop program, in a frozen build too.

    Python does not look for modules in the current folder (`-P`), which may be anybody's.

    Raises:
        UsageError: if it is another module than the program itself and this is a frozen build,
            which has no Python to run it with.
    """
    from qpt_app.errors import UsageError

    if not getattr(sys, "frozen", False):
        return [sys.executable, "-P", "-m", module]
    if module != GUI_MODULE:
        raise UsageError("not in this build of qpt; install it with pip for that")
    here = Path(sys.executable)
    return [str(here.with_name(f"qpt-gui{here.suffix}"))]


def run_gui_program(module: str, arguments: list[str]) -> int:
    """Run a module of the desktop program as a program of its own; return its exit code.

    Raises:
        QptError: if it cannot be started.
    """
    import subprocess

    from qpt_app.errors import QptError

    command = [*gui_program(module), *arguments]
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise QptError(f"cannot start {command[0]}: {error.strerror}") from error
    return code if code >= 0 else 1


def gui(folder: Folder = None) -> None:
    """Open the desktop program, with a folder if one is named. Returns when it is closed."""
    from qpt_app.errors import UsageError

    arguments: list[str] = []
    if folder is not None:
        if not Path(folder).is_dir():
            raise UsageError(f"no such folder: {folder}")
        arguments = [str(Path(folder).absolute())]
    raise typer.Exit(run_gui_program(GUI_MODULE, arguments))
