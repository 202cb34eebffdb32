"""Starts the desktop program: `qpt-gui [FOLDER]`, `python -m qpt_app.gui.main [FOLDER]`.

Light to import: every process that the program starts imports this module again, and has no use
for Qt or the window.
"""

import multiprocessing
import sys
from pathlib import Path


def run() -> None:
    """Entry point of `qpt-gui`; ends the process."""
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
    from qpt_app.gui.application import run_application

    return run_application(Path(arguments[0]).absolute() if arguments else None)


if __name__ == "__main__":
    run()
