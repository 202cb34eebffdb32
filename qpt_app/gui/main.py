"""Starts the desktop program: `qpt-gui [FOLDER]`, `python -m qpt_app.gui.main [FOLDER]`.

Light to import: every process that the program starts imports this module again, and has no use
for Qt or the window.
"""

import multiprocessing
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qpt_app.core.decode_pool import DecodePool


def run() -> None:
    """Entry point of `qpt-gui`; ends the process."""
    os.environ.setdefault("PYTHONSAFEPATH", "1")  # no child runs what lies in the current folder
    multiprocessing.freeze_support()
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Open the window, with a folder if one is named, and return the exit code."""
    if len(arguments) > 1 or any(one.startswith("-") for one in arguments):
        sys.stderr.write("usage: qpt-gui [FOLDER]\n")
        return 0 if arguments in (["-h"], ["--help"]) else 2
    if arguments and not Path(arguments[0]).is_dir():
        sys.stderr.write(f"qpt-gui: no such folder: {arguments[0]}\n")
        return 2
    pool = _started_pool()
    from qpt_app.gui.application import run_application

    return run_application(Path(arguments[0]).absolute() if arguments else None, pool)


def _started_pool() -> "DecodePool | None":
    """Start the processes that decode thumbnails, before Qt takes its time to be imported.

    None where the settings cannot be read; the window, once it can speak, says why.
    """
    from qpt_app.errors import QptError
    from qpt_app.gui.view_pool import start_view_pool
    from qpt_app.photos.settings import load_settings

    try:
        return start_view_pool(load_settings().values)
    except QptError:
        return None


if __name__ == "__main__":
    run()
