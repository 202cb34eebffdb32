"""The logs of pre-training runs -> a picture of their loss and of what would show a collapse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpt_app.errors import DatasetError
from qpt_train.run_log import read_run_log

SMOOTHED_STEPS = 9
"""Logged steps that each drawn point is the mean of; our choice: single steps are noisy."""

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""(steps, values), equally long."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of the picture."""

    title: str
    fields: Mapping[str, str]
    """Field of the log -> its name in the legend; equal runs share a colour by field."""


PANELS = (
    Panel("loss", {"loss": "loss"}),
    Panel(
        "mean cosine of a query to ...",
        {
            "positive_similarity": "its key",
            "degradation_similarity": "its siblings",
            "content_similarity": "other images",
        },
    ),
    Panel(
        "share of queries nearest to their own key",
        {"degradation_accuracy": "among siblings", "content_accuracy": "among other images"},
    ),
    Panel("directions in use (embedding rank)", {"embedding_rank": "rank"}),
    Panel("spread of the embedding (0: collapsed)", {"embedding_spread": "spread"}),
    Panel("gradient norm", {"gradient_norm": "norm"}),
)


def read_curves(run: Path, fields: Sequence[str]) -> dict[str, Curve]:
    """Read fields of the steps that a run logged; of a step done twice, the later record.

    Args:
        run: the run's folder.
        fields: names in the log; values that were not finite are left out.

    Raises:
        DatasetError: if there is no log or it holds no step.
    """
    log = run / "log.jsonl"
    if not log.is_file():
        raise DatasetError(f"{run} holds no log.jsonl: it is not a pre-training run's folder")
    steps = {r["step"]: r for r in read_run_log(log) if r.get("event") == "step"}
    if not steps:
        raise DatasetError(f"{log} holds no steps yet")
    curves = {}
    for name in fields:
        pairs = [(step, r[name]) for step, r in sorted(steps.items()) if r.get(name) is not None]
        if pairs:
            values = np.array(pairs, dtype=np.float64)
            curves[name] = (values[:, 0], values[:, 1])
    return curves


def smooth(curve: Curve, width: int = SMOOTHED_STEPS) -> Curve:
    """Replace values by running means over `width` neighbours, fewer at the ends."""
    steps, values = curve
    before = (width - 1) // 2
    sums = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    low = np.maximum(0, place - before)
    high = np.minimum(len(values), place + width - before)
    return steps, (sums[high] - sums[low]) / (high - low)


def curves_png(runs: Mapping[str, Path]) -> bytes:
    """Draw the runs' curves over each other.

    Args:
        runs: name -> folder; at least one.

    Raises:
        DatasetError: if a folder holds no log of steps.
    """
    from qpt_train.plots import new_figure, png

    fields = [name for panel in PANELS for name in panel.fields]
    curves = [read_curves(folder, fields) for folder in runs.values()]
    figure = new_figure(11.0, 6.0)
    for axes, panel in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
        for colour, (name, label) in enumerate(panel.fields.items()):
            for number, run in enumerate(curves):
                if name in run:
                    shown = label if number == 0 and len(panel.fields) > 1 else None
                    axes.plot(*smooth(run[name]), color=f"C{colour}", alpha=0.75, label=shown)
        axes.set_title(panel.title, fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=8)
        if len(panel.fields) > 1:
            axes.legend(fontsize=8)
    figure.suptitle(f"pre-training: {', '.join(runs)}", fontsize=10)
    return png(figure)
