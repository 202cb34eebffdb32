"""The measures of groups of photos with bootstrap intervals. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qpt_train.metrics import (
    Agreement,
    Interval,
    agreement,
    fit_logistic,
    krcc,
    percentile_interval,
    plcc,
    resampled_groups,
    rmse,
    srcc,
)
from qpt_train.randomness import derive_seed

MEASURES = ("srcc", "plcc", "plcc_logistic", "krcc", "rmse")


@dataclass(frozen=True, kw_only=True, slots=True)
class BootstrapConfig:
    """How intervals are made."""

    resamples: int = 1000
    """Draws of the photos' groups with replacement."""
    level: float = 0.95
    """Nominal coverage."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupMeasure:
    """One group's measures and their intervals."""

    agreement: Agreement
    intervals: dict[str, Interval]
    """By measure; the logistic fit is made once, on all photos, and kept while resampling."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            **self.agreement.to_dict(),
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitMeasure:
    """All photos, each subset, and the mean of the within-subset rank correlations."""

    overall: GroupMeasure
    subsets: dict[str, GroupMeasure]
    """By subset, sorted; empty if the set has none."""
    mean_subset_srcc: float | None
    """Mean of the subsets' SRCC: what is left when the subset itself predicts the score."""
    mean_subset_interval: Interval | None
    """Of that mean: the groups are drawn once for all subsets, which may share them as the
    distortions of a synthetic set share its reference images. None without subsets."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        interval = self.mean_subset_interval
        return {
            "overall": self.overall.to_dict(),
            "subsets": {name: group.to_dict() for name, group in self.subsets.items()},
            "mean_subset_srcc": self.mean_subset_srcc,
            "mean_subset_interval": list(interval) if interval is not None else None,
        }


def measure_split(
    predicted: ArrayLike,
    mos: ArrayLike,
    subsets: Sequence[str | None],
    config: BootstrapConfig,
    *,
    groups: ArrayLike | None = None,
) -> SplitMeasure:
    """Measure all photos and each subset of at least two photos.

    Args:
        predicted: (N,) predictions, higher is better.
        mos: (N,) mean opinion scores.
        subsets: (N,) subset of each photo; None for none.
        config: the bootstrap.
        groups: (N,) scene of each photo, drawn as wholes by the bootstrap; None draws photos.

    Raises:
        ValueError: for fewer than two photos or values that are not finite.
    """
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    scenes = np.arange(len(x)) if groups is None else np.asarray(groups)
    overall = _measure_group(x, y, scenes, config)
    by_subset: dict[str, GroupMeasure] = {}
    members: list[NDArray[np.bool_]] = []
    for place, name in enumerate(sorted({subset for subset in subsets if subset is not None})):
        rows = np.asarray([subset == name for subset in subsets])
        if rows.sum() < 2:
            continue
        group_seed = derive_seed(config.seed, "subset bootstrap", place)
        by_subset[name] = _measure_group(x[rows], y[rows], scenes[rows], config, group_seed)
        members.append(rows)
    if not by_subset:
        return SplitMeasure(
            overall=overall, subsets={}, mean_subset_srcc=None, mean_subset_interval=None
        )
    return SplitMeasure(
        overall=overall,
        subsets=by_subset,
        mean_subset_srcc=mean_subset_srcc(x, y, subsets),
        mean_subset_interval=_mean_subset_interval(x, y, scenes, members, config),
    )


def mean_subset_srcc(
    predicted: ArrayLike, mos: ArrayLike, subsets: Sequence[str | None]
) -> float | None:
    """Return the mean of the SRCCs within subsets of two photos or more; None without any."""
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    found = []
    for name in sorted({subset for subset in subsets if subset is not None}):
        rows = np.asarray([subset == name for subset in subsets])
        if rows.sum() >= 2:
            found.append(srcc(x[rows], y[rows]))
    return float(np.mean(found)) if found else None


def _mean_subset_interval(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    scenes: NDArray[np.int64],
    members: Sequence[NDArray[np.bool_]],
    config: BootstrapConfig,
) -> Interval | None:
    """Return the interval of the mean of the SRCCs within subsets, `members` (N,) bool each.

    A draw counts with the subsets that it holds two photos of; None if no draw holds any.
    """
    means = []
    for rows in resampled_groups(_drawable(scenes), resamples=config.resamples, seed=config.seed):
        inside = [rows[subset[rows]] for subset in members]
        found = [srcc(x[chosen], y[chosen]) for chosen in inside if len(chosen) >= 2]
        if found:
            means.append(np.mean(found))
    return percentile_interval(np.asarray(means), level=config.level) if means else None


def _drawable(scenes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the groups to draw: single photos where there is but one scene."""
    return np.arange(len(scenes)) if np.ptp(scenes) == 0 else scenes


def _measure_group(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    scenes: NDArray[np.int64],
    config: BootstrapConfig,
    seed: int | None = None,
) -> GroupMeasure:
    """Return one group's measures."""
    fitted = fit_logistic(x, y)(x)
    draws = np.asarray(
        [
            (
                srcc(x[rows], y[rows]),
                plcc(x[rows], y[rows]),
                plcc(fitted[rows], y[rows]),
                krcc(x[rows], y[rows]),
                rmse(fitted[rows], y[rows]),
            )
            for rows in resampled_groups(
                _drawable(scenes),
                resamples=config.resamples,
                seed=config.seed if seed is None else seed,
            )
        ]
    )
    intervals = {
        name: percentile_interval(draws[:, column], level=config.level)
        for column, name in enumerate(MEASURES)
    }
    return GroupMeasure(agreement=agreement(x, y), intervals=intervals)
