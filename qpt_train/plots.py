"""Pictures of the reports, as PNG bytes. matplotlib is imported inside, without a display."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qpt_train.metrics import fit_logistic, srcc

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110


def scatter_png(
    predicted: ArrayLike, mos: ArrayLike, subsets: Sequence[str | None], *, title: str
) -> bytes:
    """Draw predictions against MOS, coloured by subset, with the logistic fit.

    Args:
        predicted: (N,) raw scores.
        mos: (N,) mean opinion scores.
        subsets: (N,) subset of each photo, None for none.
        title: the heading.
    """
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    figure = new_figure(6.4, 5.2)
    axes = figure.add_subplot()
    for name in sorted({subset or "" for subset in subsets}):
        rows = np.asarray([(subset or "") == name for subset in subsets])
        label = f"{name or 'photos'} (n = {int(rows.sum())})"
        axes.scatter(x[rows], y[rows], s=7, alpha=0.45, linewidths=0, label=label)
    grid = np.linspace(float(x.min()), float(x.max()), 200)
    axes.plot(grid, fit_logistic(x, y)(grid), color="black", linewidth=1.2, label="logistic fit")
    axes.set_xlabel("raw score of the model")
    axes.set_ylabel("mean opinion score")
    axes.set_title(f"{title}\nSRCC {srcc(x, y):.3f}", fontsize=9)
    axes.legend(fontsize=8, markerscale=2)
    return png(figure)


def bars_png(values: Mapping[str, float], *, title: str, label: str, mark: float | None) -> bytes:
    """Draw named values as horizontal bars, in the order given.

    Args:
        values: name -> value; at least one.
        title: the heading.
        label: what the values are.
        mark: a dashed line, such as a goal; None for none.
    """
    names, lengths = list(values), list(values.values())
    figure = new_figure(7.0, 1.2 + 0.24 * len(names))
    axes = figure.add_subplot()
    axes.barh(range(len(names)), lengths, color="#4477aa")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(min(0.0, *lengths), max(1.0, *lengths))
    if mark is not None:
        axes.axvline(mark, color="black", linestyle="--", linewidth=1)
    axes.set_xlabel(label)
    axes.set_title(title, fontsize=9)
    return png(figure)


def spread_png(
    draws: Mapping[str, Sequence[float]], *, title: str, label: str, group: str
) -> bytes:
    """Draw each group's single results as points with their median as a line.

    Args:
        draws: group name -> its results (splits, draws of labels, seeds).
        title: the heading.
        label: what the results are.
        group: what the groups are.
    """
    figure = new_figure(max(4.8, 1.6 + 0.9 * len(draws)), 4.2)
    axes = figure.add_subplot()
    for place, values in enumerate(draws.values()):
        axes.scatter([place] * len(values), list(values), s=18, alpha=0.6, color="#4477aa")
        middle = float(np.median(list(values)))
        axes.hlines(middle, place - 0.3, place + 0.3, color="black", linewidth=1.5)
        axes.annotate(f"{middle:.3f}", (place + 0.32, middle), fontsize=8, va="center")
    axes.set_xticks(range(len(draws)), list(draws), fontsize=8)
    axes.set_xlim(-0.6, len(draws) - 0.2)
    axes.set_xlabel(group)
    axes.set_ylabel(label)
    axes.set_title(title, fontsize=9)
    return png(figure)


def reliability_png(
    points: Mapping[str, Sequence[tuple[float, float]]],
    coverage: Mapping[str, tuple[float, float, float]],
    *,
    nominal: float,
    goal: tuple[float, float],
    title: str,
) -> bytes:
    """Draw a reliability diagram of pairs and the coverage of intervals side by side.

    Args:
        points: kind of pairs -> (stated, found) of each bin.
        coverage: group of photos -> (covered, low, high) with its interval.
        nominal: the coverage that the intervals are meant to have.
        goal: the range it must lie in.
        title: the heading.
    """
    figure = new_figure(10.0, 4.4)
    left, right = figure.subplots(1, 2)
    left.plot([0.5, 1], [0.5, 1], color="black", linewidth=1, linestyle="--", label="exact")
    for name, pairs in points.items():
        left.plot(
            [x for x, _ in pairs], [y for _, y in pairs], marker="o", markersize=4, label=name
        )
    left.set_xlabel("stated probability that the higher score is the better photo")
    left.set_ylabel("share of pairs where people say so")
    left.set_aspect("equal")
    left.legend(fontsize=8)
    names = list(coverage)
    for row, (covered, low, high) in enumerate(coverage.values()):
        right.hlines(row, low, high, color="#4477aa", linewidth=2)
        right.scatter([covered], [row], color="#4477aa", s=22, zorder=3)
    right.axvspan(*goal, color="#4477aa", alpha=0.12)
    right.axvline(nominal, color="black", linestyle="--", linewidth=1)
    right.set_yticks(range(len(names)), names, fontsize=8)
    right.invert_yaxis()
    right.set_xlabel(f"share of human scores within the nominal {nominal:.0%} interval")
    figure.suptitle(title, fontsize=9)
    return png(figure)


def new_figure(width: float, height: float) -> "Figure":
    """Return a figure of a size in inches that needs neither pyplot nor a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: "Figure") -> bytes:
    """Render a figure; the file carries no date and no program version."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()
