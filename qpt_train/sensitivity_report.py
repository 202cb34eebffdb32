"""Writes a sensitivity measurement as Markdown, JSON and a picture."""

import json
from pathlib import Path

from qpt_app.core.atomic_write import atomic_write
from qpt_train import markdown
from qpt_train.out_folder import make_folder
from qpt_train.plots import bars_png
from qpt_train.sensitivity import EVERYDAY_OPERATORS, SEVERITIES_APART, Sensitivity


def sensitivity_markdown(result: Sensitivity) -> str:
    """Return the report as Markdown."""
    rows = [
        [
            f"{row.operator} *" if row.operator in EVERYDAY_OPERATORS else row.operator,
            row.group,
            markdown.number(row.tau),
            markdown.number(row.tau_low),
            markdown.number(row.pairwise),
            *[markdown.number(fall, 2) for fall in row.falls],
        ]
        for row in result.operators
    ]
    header = ["operator", "group", "tau", "tau, 10th percentile", "pairwise"]
    header += [f"fall at {severity}" for severity in range(1, 6)]
    everyday, interval = result.everyday_pairwise, result.everyday_interval
    met = ""
    if everyday is not None and interval is not None:
        met = f", **{everyday:.3f}** [{interval.low:.3f}, {interval.high:.3f}]"
        met += " over those that photographers meet (*; 95 % bootstrap over photos)"
    lines = [
        f"# Sensitivity of {result.model}",
        "",
        f'{result.photos} clean photos, seed {result.seed}. Pairwise accuracy of "the less '
        f'degraded of two versions, {SEVERITIES_APART} severities apart, wins": '
        f"{result.mean_pairwise:.3f} over all operators{met}.",
        "",
        markdown.table(header, rows),
        "",
        "Tau: mean over photos of Kendall's tau-b between the falling score and severity 0 to 5 "
        "(1: the score falls at every step). Falls are in standard deviations of MOS.",
    ]
    return "\n".join(lines) + "\n"


def write_sensitivity(folder: Path, result: Sensitivity) -> list[Path]:
    """Write `sensitivity.md`, `.json` and `.png`; return their paths.

    Raises:
        StorageError: if one cannot be written.
    """
    make_folder(folder)
    contents: dict[str, str | bytes] = {
        "sensitivity.json": json.dumps(result.to_dict(), indent=1) + "\n",
        "sensitivity.png": bars_png(
            {row.operator: row.pairwise for row in result.operators},
            title=f"{result.model}: the less degraded of two versions wins",
            label=f"pairwise accuracy, {SEVERITIES_APART} severities apart (chance: 0.5)",
            mark=0.5,
        ),
        "sensitivity.md": sensitivity_markdown(result) + "\n![per operator](sensitivity.png)\n",
    }
    for name, content in contents.items():
        atomic_write(folder / name, content)
    return [folder / name for name in contents]
