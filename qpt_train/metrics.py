"""Agreement between predictions and mean opinion scores. Pure functions of numpy arrays.

All four measures take (predicted, mos), both (N,) with N >= 2 and finite; both sides are
higher-is-better. A constant side has no order: the correlations are then 0.0, never NaN, because
a model that says the same of every photo agrees with nobody.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from qpt_train.randomness import numpy_generator

Vector = NDArray[np.float64]


class Interval(NamedTuple):
    """A percentile bootstrap interval."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """The measures of one group of photos."""

    count: int
    """Number of photos."""
    srcc: float
    """Spearman's rank correlation, -1..1, average ranks for ties."""
    plcc: float
    """Pearson's correlation of the raw predictions, -1..1."""
    plcc_logistic: float
    """Pearson's correlation after the 4-parameter logistic fit, -1..1."""
    krcc: float
    """Kendall's tau-b, -1..1."""
    rmse: float
    """Root mean square error after the fit, in units of the set's own MOS."""

    def to_dict(self) -> dict[str, float | int]:
        """Return the fields for JSON."""
        return asdict(self)


class LogisticFit(NamedTuple):
    """Parameters of f(x) = (b1 - b2) / (1 + exp(-(x - b3) / |b4|)) + b2 (VQEG practice)."""

    b1: float
    b2: float
    b3: float
    b4: float

    def __call__(self, x: ArrayLike) -> Vector:
        """Map predictions (N,) to the MOS scale."""
        values = np.asarray(x, dtype=np.float64)
        argument = np.clip(-(values - self.b3) / abs(self.b4), -700.0, 700.0)
        return np.asarray((self.b1 - self.b2) / (1.0 + np.exp(argument)) + self.b2)


def srcc(predicted: ArrayLike, mos: ArrayLike) -> float:
    """Return Spearman's rank correlation, average ranks for ties.

    Raises:
        ValueError: for sides of other lengths, fewer than two values, or non-finite values.
    """
    x, y = _checked(predicted, mos)
    return _pearson(stats.rankdata(x), stats.rankdata(y))


def plcc(predicted: ArrayLike, mos: ArrayLike) -> float:
    """Return Pearson's linear correlation of the raw predictions.

    Raises:
        ValueError: as `srcc`.
    """
    return _pearson(*_checked(predicted, mos))


def krcc(predicted: ArrayLike, mos: ArrayLike) -> float:
    """Return Kendall's tau-b.

    Raises:
        ValueError: as `srcc`.
    """
    x, y = _checked(predicted, mos)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(stats.kendalltau(x, y).statistic)


def rmse(predicted: ArrayLike, mos: ArrayLike) -> float:
    """Return the root mean square difference of two vectors on one scale.

    Raises:
        ValueError: as `srcc`.
    """
    x, y = _checked(predicted, mos)
    return float(np.sqrt(np.mean((x - y) ** 2)))


def fit_logistic(predicted: ArrayLike, mos: ArrayLike) -> LogisticFit:
    """Fit the rising or falling 4-parameter logistic by least squares.

    Both directions and a nearly linear start are tried and the best is kept, so that the fit is
    never worse than a straight line by more than rounding. Deterministic.

    Raises:
        ValueError: as `srcc`.
    """
    x, y = _checked(predicted, mos)
    spread = float(np.std(x))
    if spread == 0.0:
        centre = float(np.mean(y))
        return LogisticFit(centre, centre, float(x[0]), 1.0)
    z = (x - np.mean(x)) / spread
    fits = [_fit_from(z, y, start) for start in _starts(z, y)]
    best = min(fits, key=lambda fit: float(np.sum((fit(z) - y) ** 2)))
    return LogisticFit(
        best.b1, best.b2, float(np.mean(x)) + spread * best.b3, spread * abs(best.b4)
    )


def plcc_logistic(predicted: ArrayLike, mos: ArrayLike) -> float:
    """Return Pearson's correlation after the 4-parameter logistic fit.

    Raises:
        ValueError: as `srcc`.
    """
    return plcc(fit_logistic(predicted, mos)(predicted), mos)


def agreement(predicted: ArrayLike, mos: ArrayLike) -> Agreement:
    """Return all measures of one group; RMSE and the second PLCC share one fit.

    Raises:
        ValueError: as `srcc`.
    """
    fitted = fit_logistic(predicted, mos)(predicted)
    return Agreement(
        count=len(fitted),
        srcc=srcc(predicted, mos),
        plcc=plcc(predicted, mos),
        plcc_logistic=plcc(fitted, mos),
        krcc=krcc(predicted, mos),
        rmse=rmse(fitted, mos),
    )


def bootstrap_interval(
    measure: Callable[[Vector, Vector], float],
    predicted: ArrayLike,
    mos: ArrayLike,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of a measure over photos.

    Args:
        measure: any of this module's functions of (predicted, mos).
        predicted: (N,) predictions.
        mos: (N,) mean opinion scores.
        resamples: how many draws of N photos with replacement.
        level: nominal coverage, in (0, 1).
        seed: the draws are a function of it alone.

    Raises:
        ValueError: as `srcc`, or for a level outside (0, 1) or fewer than one resample.
    """
    x, y = _checked(predicted, mos)
    if not 0.0 < level < 1.0 or resamples < 1:
        raise ValueError(f"level {level} must be in (0, 1) and resamples {resamples} at least 1")
    values = [
        measure(x[rows], y[rows]) for rows in resampled_rows(len(x), resamples=resamples, seed=seed)
    ]
    return percentile_interval(np.asarray(values), level=level)


def resampled_rows(count: int, *, resamples: int, seed: int) -> list[NDArray[np.int64]]:
    """Return `resamples` draws of `count` row numbers with replacement."""
    generator = numpy_generator(seed, "bootstrap", count)
    return [generator.integers(0, count, size=count) for _ in range(resamples)]


def resampled_groups(groups: ArrayLike, *, resamples: int, seed: int) -> list[NDArray[np.int64]]:
    """Return `resamples` draws of whole groups with replacement, as row numbers.

    Photos of one scene are judged and scored alike; drawn one by one they make an interval too
    narrow. As many groups are drawn as there are, so the number of rows varies.

    Args:
        groups: (N,) group label of each row.
        resamples: how many draws.
        seed: the draws are a function of it and the number of groups.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    count = int(numbers.max()) + 1
    order = np.argsort(numbers, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
    generator = numpy_generator(seed, "group bootstrap", count)
    return [
        np.concatenate([members[group] for group in generator.integers(0, count, size=count)])
        for _ in range(resamples)
    ]


def percentile_interval(values: Vector, *, level: float) -> Interval:
    """Return the central `level` of resampled values."""
    tail = 100.0 * (1.0 - level) / 2.0
    low, high = np.percentile(values, [tail, 100.0 - tail])
    return Interval(float(low), float(high))


def pairwise_accuracy(better: ArrayLike, worse: ArrayLike) -> float:
    """Return the share of pairs whose better member scores higher; a tie counts half.

    Raises:
        ValueError: for sides of other lengths, none at all, or non-finite values.
    """
    x, y = np.asarray(better, dtype=np.float64), np.asarray(worse, dtype=np.float64)
    if x.shape != y.shape or x.size == 0 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError(f"need equal, finite, non-empty sides, got {x.shape} and {y.shape}")
    return float(np.mean(np.where(x > y, 1.0, np.where(x == y, 0.5, 0.0))))


def _checked(predicted: ArrayLike, mos: ArrayLike) -> tuple[Vector, Vector]:
    """Return both sides as float64 vectors, or raise ValueError."""
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"need two vectors of one length, got shapes {x.shape} and {y.shape}")
    if len(x) < 2:
        raise ValueError(f"need at least two values, got {len(x)}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("predictions and mean opinion scores must be finite")
    return x, y


def _pearson(x: Vector, y: Vector) -> float:
    """Return the correlation of two checked vectors; 0.0 if one is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    dx, dy = x - x.mean(), y - y.mean()
    dx, dy = dx / np.abs(dx).max(), dy / np.abs(dy).max()
    value = float(np.dot(dx, dy) / math.sqrt(float(np.dot(dx, dx) * np.dot(dy, dy))))
    return max(-1.0, min(1.0, value))


def _starts(z: Vector, y: Vector) -> list[tuple[float, float, float, float]]:
    """Return starting points of the fit of standardised predictions `z`."""
    low, high = float(np.min(y)), float(np.max(y))
    slope, centre = (float(value) for value in np.polyfit(z, y, 1))
    # Around b3 a logistic of scale b4 and height h has the slope h / (4 * b4).
    reach = 20.0
    line = (centre + 2 * slope * reach, centre - 2 * slope * reach, 0.0, reach)
    return [(high, low, 0.0, 0.5), (low, high, 0.0, 0.5), line]


def _fit_from(z: Vector, y: Vector, start: tuple[float, float, float, float]) -> LogisticFit:
    """Run Levenberg-Marquardt from one starting point."""

    def residual(parameters: Vector) -> Vector:
        return _logistic(parameters)(z) - y

    if len(z) < len(start):  # fewer points than parameters: keep the start itself
        return LogisticFit(*start)
    # mypy takes the function for the module of the same name inside scipy.
    solution = optimize.least_squares(  # type: ignore[operator]
        residual, start, method="lm", max_nfev=2000
    )
    return _logistic(solution.x)


def _logistic(parameters: Vector) -> LogisticFit:
    """Return the curve of four raw parameters; the scale is kept away from zero."""
    b1, b2, b3, b4 = (float(value) for value in parameters)
    return LogisticFit(b1, b2, b3, max(abs(b4), 1e-6))
