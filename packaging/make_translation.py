"""Collects every text of the desktop program for translators.

    python packaging/make_translation.py LANGUAGE FILE.ts

such as `de qpt_de.ts`. An existing file is updated and keeps its translations.
Needs `pyside6-lupdate`, which comes with PySide6-Essentials. Open the result with
`pyside6-linguist`; `pyside6-lrelease` makes the binary form.
"""

import shutil
import subprocess
import sys
from pathlib import Path

GUI = Path(__file__).resolve().parent.parent / "qpt_app" / "gui"


def main(arguments: list[str]) -> int:
    """Run lupdate over the sources; return its exit code."""
    if len(arguments) != 2:
        print(__doc__)
        return 2
    language, target = arguments
    program = shutil.which("pyside6-lupdate")
    if program is None:
        print("pyside6-lupdate is not installed: python -m pip install PySide6-Essentials")
        return 1
    sources = [str(path) for path in sorted(GUI.rglob("*.py"))]
    command = [program, *sources, "-target-language", language, "-ts", target]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
