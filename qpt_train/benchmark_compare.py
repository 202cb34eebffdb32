"""Compares two benchmarks trial by trial: the same photos trained on and tested on in both."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qpt_app.errors import DatasetError
from qpt_train import markdown

COMPARED = ("srcc", "mean_subset_srcc", "plcc", "plcc_logistic", "krcc", "rmse")
"""Measures that are paired; RMSE is better when lower."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedDifference:
    """One measure of one group of trials, second benchmark minus first."""

    group: str
    measure: str
    first: float
    """Median of the first benchmark."""
    second: float
    """Median of the second one."""
    median: float
    """Median of the differences."""
    low: float
    """Smallest difference."""
    high: float
    """Largest difference."""
    improved: int
    """Trials in which the second is better."""
    trials: int


def compare_benchmarks(first: Path, second: Path) -> list[PairedDifference]:
    """Pair the trials of two `benchmark.json` files (or the folders that hold them).

    Raises:
        DatasetError: if one cannot be read or they do not hold the same trials.
    """
    one, other = _read_trials(first), _read_trials(second)
    if set(one) != set(other):
        odd = sorted(set(one) ^ set(other))[0]
        raise DatasetError(f"the benchmarks do not hold the same trials: {odd[0]} {odd[1]}")
    for key, trial in one.items():
        if trial["split_hash"] != other[key]["split_hash"]:
            raise DatasetError(
                f"trial {key[0]} {key[1]} is of another split in each benchmark; use the same "
                "--data, --seed and protocol"
            )
    found = []
    for group in dict.fromkeys(key[0] for key in one):
        keys = [key for key in one if key[0] == group]
        for measure in COMPARED:
            values = [(_value(one[key], measure), _value(other[key], measure)) for key in keys]
            pairs = [(a, b) for a, b in values if a is not None and b is not None]
            if pairs:
                found.append(paired_difference(group, measure, pairs))
    return found


def paired_difference(
    group: str, measure: str, pairs: Sequence[tuple[float, float]]
) -> PairedDifference:
    """Summarise pairs (first, second) of one measure."""
    first, second = np.asarray(pairs, dtype=np.float64).T
    change = second - first
    better = change < 0 if measure == "rmse" else change > 0
    return PairedDifference(
        group=group,
        measure=measure,
        first=float(np.median(first)),
        second=float(np.median(second)),
        median=float(np.median(change)),
        low=float(change.min()),
        high=float(change.max()),
        improved=int(better.sum()),
        trials=len(change),
    )


def compare_markdown(found: Sequence[PairedDifference]) -> str:
    """Return the comparison as a Markdown table."""
    header = ["trials", "measure", "first", "second", "median change", "range", "improved"]
    rows = [
        [
            row.group,
            row.measure,
            markdown.number(row.first),
            markdown.number(row.second),
            f"{row.median:+.3f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            f"{row.improved} of {row.trials}",
        ]
        for row in found
    ]
    return markdown.table(header, rows) + "\n"


def compare_json(found: Sequence[PairedDifference]) -> str:
    """Return the comparison as JSON."""
    return json.dumps({"schema": 1, "differences": [asdict(row) for row in found]}, indent=1) + "\n"


def _read_trials(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the trials of a benchmark by (group, number)."""
    file = path / "benchmark.json" if path.is_dir() else path
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return {(trial["group"], trial["number"]): trial for trial in stored["trials"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"cannot read the benchmark {file}: {error}") from error


def _value(trial: dict[str, Any], measure: str) -> float | None:
    """Return a trial's measure; None if it has none."""
    measures = trial["measures"]
    value = measures.get(measure, measures["overall"].get(measure))
    return None if value is None else float(value)
