"""Writes a reliability measurement as Markdown, JSON and a picture."""

import json
from pathlib import Path

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.calibration import NOMINAL_COVERAGE
from qpt_train import markdown
from qpt_train.out_folder import make_folder
from qpt_train.plots import reliability_png
from qpt_train.reliability import COVERAGE_GOAL, PairReliability, Reliability


def reliability_markdown(result: Reliability) -> str:
    """Return the report as Markdown."""
    low, high = (round(100 * value) for value in COVERAGE_GOAL)
    reached = "reached" if result.coverage_reached else "**missed**"
    lines = [f"# Reliability of {result.model} on {result.data}, held out", ""]
    if result.split_hash:
        lines += [f"Split hash: `{result.split_hash}`", ""]
    lines += [
        f"Fitted on {result.folds - 1} of {result.folds} folds and checked on the other, for each "
        f"in turn (seed {result.seed}); {result.photo_groups} groups of near-duplicates and scenes "
        "stay whole.",
        "",
        f"Intervals: nominal {NOMINAL_COVERAGE:.0%}; the goal, {low} to {high} % over all photos "
        f"with every subset weighing the same, is {reached}.",
        "",
        coverage_table(result),
        "",
        "Pairs: how likely people prefer the photo of the higher score.",
        "",
        pairs_table(result),
        "",
        bins_table(result.pairs),
    ]
    return "\n".join(lines) + "\n"


def coverage_table(result: Reliability) -> str:
    """Return the coverage per group of photos."""
    rows = [
        [
            row.group,
            str(row.photos),
            markdown.with_interval(row.covered, row.interval),
            markdown.number(row.width, 1),
        ]
        for row in result.coverage
    ]
    return markdown.table(["", "photos", "covered", "mean width, points"], rows)


def pairs_table(result: Reliability) -> str:
    """Return the summary of both kinds of pairs."""
    rows = [
        [
            row.group,
            f"{row.pairs:,}",
            markdown.number(row.expected_error),
            markdown.number(row.log_loss),
            markdown.number(row.accuracy),
        ]
        for row in result.pairs
    ]
    header = ["", "pairs", "expected calibration error", "log-loss", "right order"]
    return markdown.table(header, rows)


def bins_table(pairs: tuple[PairReliability, ...]) -> str:
    """Return the diagram's points."""
    rows = [
        [
            row.group,
            markdown.number(point.stated),
            markdown.number(point.found),
            f"{100 * point.share:.1f} %",
        ]
        for row in pairs
        for point in row.bins
    ]
    return markdown.table(["", "stated", "found", "share of the pairs"], rows)


def write_reliability(folder: Path, result: Reliability) -> list[Path]:
    """Write `reliability.md`, `.json` and `.png`; return their paths.

    Raises:
        StorageError: if one cannot be written.
    """
    make_folder(folder)
    picture = reliability_png(
        {row.group: [(point.stated, point.found) for point in row.bins] for row in result.pairs},
        {row.group: (row.covered, *row.interval) for row in result.coverage},
        nominal=NOMINAL_COVERAGE,
        goal=COVERAGE_GOAL,
        title=f"{result.model}, cross-fitted on held-out photos of {result.data}",
    )
    contents: dict[str, str | bytes] = {
        "reliability.json": json.dumps(result.to_dict(), indent=1) + "\n",
        "reliability.png": picture,
        "reliability.md": reliability_markdown(result) + "\n![reliability](reliability.png)\n",
    }
    for name, content in contents.items():
        atomic_write(folder / name, content)
    return [folder / name for name in contents]
