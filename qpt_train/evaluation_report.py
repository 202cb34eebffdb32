"""Writes an evaluation for people (Markdown, scatter plot) and for programs (JSON, CSV)."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from qpt_app.core.atomic_write import atomic_write
from qpt_train import markdown
from qpt_train.data.mos_records import MosItem
from qpt_train.evaluate import FINAL_WARNING, Evaluation
from qpt_train.group_measures import MEASURES, GroupMeasure, SplitMeasure
from qpt_train.leaks import SharedScenes
from qpt_train.out_folder import make_folder
from qpt_train.photo_scores import PhotoScores
from qpt_train.plots import scatter_png

TITLES = {
    "srcc": "SRCC",
    "plcc": "PLCC raw",
    "plcc_logistic": "PLCC logistic",
    "krcc": "KRCC",
    "rmse": "RMSE",
}
"""Column titles of `MEASURES`."""


def evaluation_markdown(result: Evaluation) -> str:
    """Return the report as Markdown."""
    percent = round(100 * result.bootstrap.level)
    lines = [f"# {result.model} on {result.data}, {result.split}", ""]
    if result.split == "official-test":
        lines += [f"**{FINAL_WARNING}**", ""]
    if result.split == "all":
        lines += ["**All photos of the set: the model may have trained on some of them.**", ""]
    if result.split_hash:
        lines += [f"Split hash: `{result.split_hash}`", ""]
    lines += [measure_table(result.measures), ""]
    lines += _leak_lines(result)
    lines.append(
        f"In brackets: {percent} % bootstrap intervals over the photos' {result.groups} groups "
        f"(scenes, near-duplicates; {result.bootstrap.resamples} resamples, seed "
        f"{result.bootstrap.seed}). PLCC logistic and RMSE follow a 4-parameter "
        "logistic fit; RMSE is in units of the set's MOS. The sign of the raw PLCC and the SRCC "
        "tells whether the direction is right; the fit does not."
    )
    return "\n".join(lines) + "\n"


def _leak_lines(result: Evaluation) -> list[str]:
    """Return what the leak check found; nothing if it was not asked for."""
    if result.leak_pairs is None:
        return []
    lines = []
    if result.without_leaks is None:
        lines += [
            f"Leak check: fewer than two photos have no near-duplicate among the other photos of "
            f"the set ({result.leak_pairs} pairs); there are no figures without leaks.",
            "",
        ]
    else:
        dropped = (
            result.measures.overall.agreement.count - result.without_leaks.overall.agreement.count
        )
        lines += [
            f"Without the {dropped} photos that have a near-duplicate among the other photos of "
            f"the set ({result.leak_pairs} pairs):",
            "",
            measure_table(result.without_leaks),
            "",
        ]
    if result.shared_scenes is not None:
        lines += [scenes_line(result.shared_scenes), ""]
    return lines


def scenes_line(found: SharedScenes) -> str:
    """Return how many tested photos show a scene of the others, in a sentence."""
    subsets = "; ".join(
        f"{name}: {shared} of {photos}" for name, (shared, photos) in found.subsets.items()
    )
    inside = f" ({subsets})" if subsets else ""
    return (
        f"{found.shared} of {found.photos} photos{inside} show one scene with a photo on the other "
        "side of the split: shot one after the other and alike, or of one reference. Those of them "
        "that are no near-duplicates are in every figure here."
    )


def measure_table(measures: SplitMeasure) -> str:
    """Return the measures of all photos, each subset and the mean within subsets."""
    rows = [_group_row("all photos", measures.overall)]
    rows += [_group_row(name, group) for name, group in measures.subsets.items()]
    if measures.mean_subset_srcc is not None:
        mean = markdown.with_interval(measures.mean_subset_srcc, measures.mean_subset_interval)
        rows.append(["mean within subsets", "", mean, *[""] * (len(MEASURES) - 1)])
    return markdown.table(["", "photos", *[TITLES[name] for name in MEASURES]], rows)


def write_evaluation(
    folder: Path, result: Evaluation, items: Sequence[MosItem], found: PhotoScores
) -> list[Path]:
    """Write `evaluation.md`, `.json`, `predictions.csv` and `scatter.png`; return their paths.

    Raises:
        StorageError: if one cannot be written.
    """
    make_folder(folder)
    contents: dict[str, str | bytes] = {
        "evaluation.json": json.dumps(result.to_dict(), indent=1) + "\n",
        "predictions.csv": predictions_csv(items, found),
        "scatter.png": scatter_png(
            found.raw_scores,
            [item.mos for item in items],
            [item.subset for item in items],
            title=f"{result.model} on {result.data}, {result.split}",
        ),
        "evaluation.md": evaluation_markdown(result) + "\n![scatter plot](scatter.png)\n",
    }
    for name, content in contents.items():
        atomic_write(folder / name, content)
    return [folder / name for name in contents]


def predictions_csv(items: Sequence[MosItem], found: PhotoScores) -> str:
    """Return one line per photo: name, subset, mos, raw_score, score."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["name", "subset", "mos", "raw_score", "score"])
    for item, raw, score in zip(items, found.raw_scores, found.scores, strict=True):
        writer.writerow([item.name, item.subset or "", item.mos, f"{raw:.6f}", f"{score:.4f}"])
    return stream.getvalue()


def _group_row(name: str, group: GroupMeasure) -> list[str]:
    """Return one row of the table."""
    fields = group.agreement.to_dict()
    return [
        name,
        str(group.agreement.count),
        *[markdown.with_interval(fields[m], group.intervals[m]) for m in MEASURES],
    ]
