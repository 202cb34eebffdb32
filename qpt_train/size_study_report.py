"""Writes a size study as Markdown and JSON."""

import json
from pathlib import Path

from qpt_app.core.atomic_write import atomic_write
from qpt_train import markdown
from qpt_train.out_folder import make_folder
from qpt_train.size_study import SizeStudy, VersionMoves


def size_study_markdown(result: SizeStudy) -> str:
    """Return the report as Markdown: a column per version, a row per setting."""
    versions = [row.version for row in result.settings[0].versions]
    header = ["views", "spread", *versions]
    rows = [
        [setting.setting, markdown.number(setting.spread, 1), *map(_cell, setting.versions)]
        for setting in result.settings
    ]
    lines = [
        f"# Size study of {result.model}",
        "",
        f"{result.photos} large clean photos (long side at least {result.smallest_side} pixels), "
        f"seed {result.seed}. A cell: mean change of the score in points against the photo as it "
        "is, (mean size of the change), share of the photos whose score falls. Spread: standard "
        "deviation over photos of the score as they are.",
        "",
        markdown.table(header, rows),
        "",
        "Wanted: no change with size; falls with native noise and blur.",
    ]
    return "\n".join(lines) + "\n"


def write_size_study(folder: Path, result: SizeStudy) -> list[Path]:
    """Write `size-study.md` and `.json`; return their paths.

    Raises:
        StorageError: if one cannot be written.
    """
    make_folder(folder)
    contents = {
        "size-study.json": json.dumps(result.to_dict(), indent=1) + "\n",
        "size-study.md": size_study_markdown(result),
    }
    for name, content in contents.items():
        atomic_write(folder / name, content)
    return [folder / name for name in contents]


def _cell(moves: VersionMoves) -> str:
    """Return `-12.3 (12.4) 95 %`."""
    return f"{moves.mean:+.1f} ({moves.mean_abs:.1f}) {moves.falls:.0%}".replace("%", " %")
