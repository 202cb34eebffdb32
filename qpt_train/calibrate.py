"""Fits everything that a model file's calibration holds, on photos that were never trained on.

The curve and the uncertainty come from `qpt_app.core.calibration`; the strengths that pairs are
judged by are fitted here, by maximum likelihood over pairs of one subset: photos of one source, as
the photos of a folder are. Over pairs of different subsets the same model is right more often than
it says, because there the source already tells much.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from qpt_app.core.calibration import Calibration, fit_calibration
from qpt_train.data.mos_records import MosItem
from qpt_train.randomness import numpy_generator

PAIR_KNOTS = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
"""Scores between which the strength is linear. Our choice."""
LEAST_PAIRS = 200
"""With fewer pairs no strengths are fitted."""
_MOST_PAIRS = 200_000
"""Pairs drawn from a subset that has more."""
_SLOPE_LIMITS = (1e-3, 1.0)
"""Log-odds per point: strengths always rise, and few photos never make them certain."""

Vector = NDArray[np.float64]


class PhotoPairs(NamedTuple):
    """Pairs of photos whose human scores differ."""

    better: NDArray[np.int64]
    """(P,) place of the photo that people prefer."""
    worse: NDArray[np.int64]
    """(P,) place of the other."""
    weights: Vector
    """(P,) sums to 1; every subset weighs the same."""


def calibrate(
    raw_scores: ArrayLike, items: Sequence[MosItem], *, mos_mean: float, mos_std: float, name: str
) -> Calibration:
    """Fit curve, uncertainty and strengths of pairs.

    Args:
        raw_scores: (N,) the model's raw scores.
        items: the N labelled photos, in the same order.
        mos_mean: mean MOS of the training photos.
        mos_std: its standard deviation.
        name: the set's name.
    """
    raw = np.asarray(raw_scores, dtype=np.float64)
    mos = np.asarray([item.mos for item in items], dtype=np.float64)
    curve = fit_calibration(
        raw,
        mos,
        subset_weights(items),
        mos_mean=mos_mean,
        mos_std=mos_std,
        population=f"held-out photos of {name}, each subset equally",
    )
    scores = np.asarray([curve.score(value) for value in raw.tolist()])
    pairs = draw_pairs(mos, [item.subset for item in items], within=True)
    if len(pairs.better) < LEAST_PAIRS:
        return curve
    strengths = fit_strengths(scores, pairs)
    return replace(curve, pair_knots=PAIR_KNOTS, pair_strengths=strengths)


def subset_weights(items: Sequence[MosItem]) -> Vector:
    """Return a weight per photo such that every subset weighs the same, mean 1."""
    counts = Counter(item.subset for item in items)
    return np.array([len(items) / (len(counts) * counts[item.subset]) for item in items])


def draw_pairs(
    mos: Vector, subsets: Sequence[str | None], *, within: bool, seed: int = 0
) -> PhotoPairs:
    """Return pairs of photos whose mean opinion scores differ.

    Args:
        mos: (N,) mean opinion scores.
        subsets: (N,) subset of each photo.
        within: only pairs of one subset, every subset weighing the same; else all pairs, every
            subset weighing the same on either side.
        seed: of the draw, where there are more pairs than `_MOST_PAIRS`.
    """
    names = np.asarray([subset or "" for subset in subsets])
    counts = Counter(names.tolist())
    weight = np.asarray([1.0 / counts[name] for name in names.tolist()])
    groups = (
        [np.flatnonzero(names == name) for name in sorted(counts)]
        if within
        else [np.arange(len(mos))]
    )
    firsts, seconds, weights = [], [], []
    for place, members in enumerate(groups):
        first, second = _some_pairs(members, seed, place)
        mass = np.ones(len(first)) if within else weight[first] * weight[second]
        firsts.append(first)
        seconds.append(second)
        weights.append(mass / max(mass.sum(), 1e-300))
    first, second, mass = (np.concatenate(rows) for rows in (firsts, seconds, weights))
    differ = mos[first] != mos[second]
    first, second, mass = first[differ], second[differ], mass[differ]
    ahead = mos[first] > mos[second]
    total = mass.sum() if len(mass) else 1.0
    return PhotoPairs(np.where(ahead, first, second), np.where(ahead, second, first), mass / total)


def fit_strengths(scores: Vector, pairs: PhotoPairs) -> tuple[float, ...]:
    """Return the strengths at `PAIR_KNOTS` under which the pairs are likeliest.

    A logistic regression without a constant whose terms are how much of each stretch between two
    knots lies between the two scores: convex, so the answer does not depend on where it starts.
    """
    knots = np.asarray(PAIR_KNOTS)
    passed = np.clip(scores[:, None] - knots[:-1], 0.0, np.diff(knots))
    stretches = passed[pairs.better] - passed[pairs.worse]

    def loss(slopes: Vector) -> tuple[float, Vector]:
        margin = stretches @ slopes
        wrong = 1.0 / (1.0 + np.exp(np.clip(margin, -700.0, 700.0)))
        value = float(pairs.weights @ np.logaddexp(0.0, -margin))
        return value, -((pairs.weights * wrong) @ stretches)

    start = np.full(len(knots) - 1, 0.03)
    found = optimize.minimize(  # type: ignore[no-untyped-call]
        loss, start, jac=True, method="L-BFGS-B", bounds=[_SLOPE_LIMITS] * len(start)
    )
    strengths = np.concatenate([[0.0], np.cumsum(found.x * np.diff(knots))])
    return tuple(float(value) for value in strengths)


def _some_pairs(
    members: NDArray[np.int64], seed: int, place: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs of the members, or as many drawn ones."""
    count = len(members)
    if count * (count - 1) // 2 <= _MOST_PAIRS:
        first, second = np.triu_indices(count, 1)
    else:
        generator = numpy_generator(seed, "photo pairs", place)
        first = generator.integers(0, count, _MOST_PAIRS)
        second = (first + generator.integers(1, count, _MOST_PAIRS)) % count
    return members[first], members[second]
