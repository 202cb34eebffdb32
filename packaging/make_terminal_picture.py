"""Runs `qpt score assets/samples --sort` and draws what it printed as docs/images/terminal.svg.

python packaging/make_terminal_picture.py
"""

import io
import os
import re
import shutil
import subprocess
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
COMMAND = ["qpt", "score", "assets/samples", "--sort"]
COLUMNS = 96
PICTURE = ROOT / "docs" / "images" / "terminal.svg"


def main() -> None:
    """Run the command as a person at a terminal would and save the picture."""
    qpt = shutil.which("qpt")
    if qpt is None:
        raise SystemExit("install qpt first: python -m pip install -e .")
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(
        [qpt, *COMMAND[1:], "--format", "table"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    console = Console(record=True, width=COLUMNS, force_terminal=True, file=io.StringIO())
    console.print(f"[bold green]$[/] {' '.join(COMMAND)}", highlight=False)
    console.print(Text.from_ansi(done.stdout.rstrip("\n")))
    note = done.stderr.strip().splitlines()
    if note:
        console.print(Text(note[-1], style="dim"))
    picture = console.export_svg(title="qpt")
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)  # no web fonts
    PICTURE.write_text(picture.replace("Fira Code", "DejaVu Sans Mono"), encoding="utf-8")


if __name__ == "__main__":
    main()
