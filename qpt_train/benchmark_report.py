"""Writes a benchmark as a table (Markdown), JSON and a picture."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from qpt_app.core.atomic_write import atomic_write
from qpt_train import markdown
from qpt_train.benchmark import BenchmarkResult, TrialResult
from qpt_train.evaluate import FINAL_WARNING
from qpt_train.evaluation_report import TITLES, measure_table
from qpt_train.group_measures import MEASURES, SplitMeasure
from qpt_train.out_folder import make_folder
from qpt_train.plots import spread_png


def by_group(trials: Iterable[TrialResult]) -> dict[str, list[TrialResult]]:
    """Return the trials by group, in the order they were run."""
    groups: dict[str, list[TrialResult]] = {}
    for trial in trials:
        groups.setdefault(trial.group, []).append(trial)
    return groups


def median_and_range(values: list[float]) -> str:
    """Return `0.612 (0.600 to 0.631)`: the median and the inter-quartile range."""
    if len(values) == 1:
        return markdown.number(values[0])
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def benchmark_markdown(result: BenchmarkResult) -> str:
    """Return the report as Markdown."""
    lines = [f"# {result.protocol}: {result.method} on {result.data}", "", f"Model: {result.model}"]
    lines += ["", *(f"**{FINAL_WARNING}**\n" for _ in range(result.final))]
    lines += [f"- {caution}" for caution in result.cautions] + [""]
    groups = by_group(result.trials)
    lines += [summary_table(groups, lambda trial: trial.measures), ""]
    lines += _leak_lines(result)
    if len(result.trials) == 1:
        lines += [
            "In full, with bootstrap intervals:",
            "",
            measure_table(result.trials[0].measures),
        ]
    hashes = sorted({trial.split_hash[:12] for trial in result.trials})
    lines += [
        "",
        "Medians over trials, inter-quartile range in brackets. PLCC logistic and RMSE follow a "
        "4-parameter logistic fit on the tested photos.",
        f"Seed {result.seed}; split hashes {', '.join(hashes)}.",
    ]
    return "\n".join(lines) + "\n"


def _leak_lines(result: BenchmarkResult) -> list[str]:
    """Return what the leak check found; nothing if it was not asked for."""
    checked = [trial.leaked for trial in result.trials if trial.leaked is not None]
    if not checked:
        return []
    if not any(checked):
        return ["Leak check: no tested photo has a near-duplicate in its training part.", ""]
    left = [trial for trial in result.trials if trial.without_leaks is not None]
    lines = []
    if len(left) < len(checked):
        lines += [
            f"Leak check: in {len(checked) - len(left)} of {len(checked)} trials fewer than two "
            "tested photos have no near-duplicate in the training part; there are no figures "
            "without leaks.",
            "",
        ]
    if left:
        lines += [
            f"Without tested photos that have a near-duplicate in the training part "
            f"({sum(checked)} over all trials):",
            "",
            summary_table(by_group(left), lambda trial: trial.without_leaks or trial.measures),
            "",
        ]
    return lines


def summary_table(
    groups: dict[str, list[TrialResult]], choose: Callable[[TrialResult], SplitMeasure]
) -> str:
    """Return one row per group and subset with medians over the group's trials."""
    header = ["", "trials", "trained on", "tested on", *[TITLES[m] for m in MEASURES]]
    rows = []
    for name, trials in groups.items():
        measures = [choose(trial) for trial in trials]
        overall = [measure.overall.agreement.to_dict() for measure in measures]
        sizes = [str(round(float(np.median([trial.trained_on for trial in trials]))))]
        sizes.append(str(round(float(np.median([fields["count"] for fields in overall])))))
        cells = [median_and_range([float(f[m]) for f in overall]) for m in MEASURES]
        rows.append([name, str(len(trials)), *sizes, *cells])
        for subset in sorted(set.intersection(*[set(m.subsets) for m in measures])):
            inside = [measure.subsets[subset].agreement.to_dict() for measure in measures]
            cells = [median_and_range([float(f[m]) for f in inside]) for m in MEASURES]
            count = str(round(float(np.median([fields["count"] for fields in inside]))))
            rows.append([f"{name}: {subset}", "", "", count, *cells])
        means = [m.mean_subset_srcc for m in measures if m.mean_subset_srcc is not None]
        if means:
            blank = [""] * (len(MEASURES) - 1)
            rows.append(
                [f"{name}: mean within subsets", "", "", "", median_and_range(means), *blank]
            )
    return markdown.table(header, rows)


def write_benchmark(folder: Path, result: BenchmarkResult) -> list[Path]:
    """Write `benchmark.md`, `.json` and `.png`; return their paths.

    Raises:
        StorageError: if one cannot be written.
    """
    make_folder(folder)
    draws = {
        name: [trial.measures.overall.agreement.srcc for trial in trials]
        for name, trials in by_group(result.trials).items()
    }
    contents: dict[str, str | bytes] = {
        "benchmark.json": json.dumps(result.to_dict(), indent=1) + "\n",
        "benchmark.png": spread_png(
            draws, title=f"{result.method}\n{result.model} on {result.data}", label="SRCC", group=""
        ),
        "benchmark.md": benchmark_markdown(result) + "\n![trials](benchmark.png)\n",
    }
    for name, content in contents.items():
        atomic_write(folder / name, content)
    return [folder / name for name in contents]
