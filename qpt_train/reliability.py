"""Is what a model says of its own sureness true? Checked on photos outside the fit.

The held-out photos are cut into folds that keep near-duplicates and scenes whole. Curve,
uncertainty and strengths of pairs are fitted on all folds but one and checked on that one, for
each in turn; so every figure here is of photos that the fit has not seen. What ships is fitted on
all of them.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpt_app.core.calibration import NOMINAL_COVERAGE, Calibration
from qpt_app.errors import DatasetError
from qpt_train.calibrate import calibrate, draw_pairs, subset_weights
from qpt_train.data.mos_records import MosItem
from qpt_train.data.splits import assign_folds
from qpt_train.metrics import Interval, percentile_interval
from qpt_train.randomness import numpy_generator

COVERAGE_GOAL = (0.75, 0.85)
"""Nominal 80 % intervals must cover this share of human scores."""
SCORE_BANDS = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
BINS = 10
"""Bins of the reliability diagram, between a probability of one half and one."""
FOLDS = 5
RESAMPLES = 1000

Vector = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How many human scores of a group of photos lie in their intervals."""

    group: str
    photos: int
    covered: float
    """Share, 0..1; over all photos and bands, every subset weighs the same."""
    interval: Interval
    """95 % bootstrap over groups of photos that belong together."""
    width: float
    """Mean width of the intervals in points, cut at 0 and 100."""


class ReliabilityBin(NamedTuple):
    """Pairs of which the model says about the same."""

    stated: float
    """Mean stated probability that the photo of the higher score is the better one."""
    found: float
    """Share of the pairs where people say so."""
    share: float
    """Weight of the bin, 0..1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairReliability:
    """Whether probabilities of pairs come true."""

    group: str
    pairs: int
    bins: tuple[ReliabilityBin, ...]
    expected_error: float
    """Expected calibration error: mean over the bins, by weight, of |stated - found|."""
    log_loss: float
    """Mean of -log of the probability given to what people said; a coin gives 0.693."""
    accuracy: float
    """Share of pairs ordered as people order them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """The result."""

    model: str
    data: str
    split_hash: str | None
    folds: int
    seed: int
    photo_groups: int
    coverage: tuple[Coverage, ...]
    """All photos first, then subsets, then bands of the score."""
    pairs: tuple[PairReliability, ...]
    """Pairs of one subset first, then all pairs."""

    @property
    def coverage_reached(self) -> bool:
        """Whether the coverage over all photos lies within `COVERAGE_GOAL`."""
        return COVERAGE_GOAL[0] <= self.coverage[0].covered <= COVERAGE_GOAL[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        fields = asdict(self)
        for row in fields["pairs"]:
            row["bins"] = [ReliabilityBin(*values)._asdict() for values in row["bins"]]
        return {
            "schema": 1,
            "nominal_coverage": NOMINAL_COVERAGE,
            "coverage_goal": list(COVERAGE_GOAL),
            "coverage_reached": self.coverage_reached,
            **fields,
        }


class CheckedPhotos(NamedTuple):
    """What was said of N photos by fits that had not seen them."""

    scores: Vector
    """(N,) points."""
    low: Vector
    """(N,) lower ends of the intervals."""
    high: Vector
    """(N,) upper ends."""
    human: Vector
    """(N,) places of the human scores in the fit's population, 0..100."""


class CheckedPairs(NamedTuple):
    """What was said of P pairs by fits that had seen neither photo."""

    stated: Vector
    """(P,) probability that the photo of the higher score is better, one half to one."""
    right: NDArray[np.bool_]
    """(P,) whether people say so."""
    weights: Vector


def measure_reliability(
    raw_scores: Vector,
    items: Sequence[MosItem],
    groups: NDArray[np.int64],
    *,
    model: str,
    data: str,
    split_hash: str | None,
    folds: int = FOLDS,
    seed: int = 0,
) -> Reliability:
    """Cross-fit and check uncertainty and pairs.

    Args:
        raw_scores: (N,) of the held-out photos.
        items: the photos, in the same order.
        groups: (N,) labels; photos of one label stay in one fold.
        model: its label, for the report.
        data: the set's name.
        split_hash: of the split that held them out.
        folds: how many folds.
        seed: decides the folds and the bootstrap.

    Raises:
        DatasetError: if there are too few photos to fit pairs on.
    """
    dealt = np.asarray(
        assign_folds(
            [item.name for item in items],
            groups.tolist(),
            [item.subset or "" for item in items],
            folds=folds,
            seed=seed,
        )
    )
    photos, within, across = _cross_fit(raw_scores, items, dealt, folds)
    return Reliability(
        model=model,
        data=data,
        split_hash=split_hash,
        folds=folds,
        seed=seed,
        photo_groups=len(np.unique(groups)),
        coverage=tuple(coverage_rows(photos, items, groups, seed)),
        pairs=(
            pair_reliability("pairs of one subset", within),
            pair_reliability("all pairs", across),
        ),
    )


def coverage_rows(
    photos: CheckedPhotos, items: Sequence[MosItem], groups: NDArray[np.int64], seed: int
) -> list[Coverage]:
    """Return the coverage of all photos, of each subset and of each band of the score."""
    subsets = np.asarray([item.subset or "" for item in items])
    chosen = {"all photos": np.ones(len(items), dtype=bool)}
    names = sorted(set(subsets.tolist()) - {""})
    chosen |= {name: subsets == name for name in names}
    for low, high in pairwise(SCORE_BANDS):
        inside = (photos.scores >= low) & (photos.scores < high)
        chosen[f"score {low:g} to {high:g}"] = inside
    weights = subset_weights(items)
    covered = (photos.human >= photos.low) & (photos.human <= photos.high)
    widths = photos.high - photos.low
    return [
        Coverage(
            group=name,
            photos=int(rows.sum()),
            covered=float(np.average(covered[rows], weights=weights[rows])),
            interval=_group_bootstrap(covered[rows], weights[rows], groups[rows], seed),
            width=float(np.average(widths[rows], weights=weights[rows])),
        )
        for name, rows in chosen.items()
        if rows.any()
    ]


def pair_reliability(group: str, pairs: CheckedPairs) -> PairReliability:
    """Summarise pairs: the diagram's bins, the expected error, log-loss and accuracy."""
    mass = pairs.weights / pairs.weights.sum()
    place = np.minimum((2 * BINS * (pairs.stated - 0.5)).astype(int), BINS - 1)
    bins = []
    for number in range(BINS):
        rows = place == number
        if share := float(mass[rows].sum()):
            stated = float(mass[rows] @ pairs.stated[rows]) / share
            bins.append(
                ReliabilityBin(stated, float(mass[rows] @ pairs.right[rows]) / share, share)
            )
    given = np.where(pairs.right, pairs.stated, 1.0 - pairs.stated)
    return PairReliability(
        group=group,
        pairs=len(mass),
        bins=tuple(bins),
        expected_error=sum(row.share * abs(row.stated - row.found) for row in bins),
        log_loss=float(-(mass @ np.log(np.maximum(given, 1e-300)))),
        accuracy=float(mass @ pairs.right),
    )


def _cross_fit(
    raw: Vector, items: Sequence[MosItem], dealt: NDArray[np.int64], folds: int
) -> tuple[CheckedPhotos, CheckedPairs, CheckedPairs]:
    """Fit on all folds but one, check on that one, for each; return what was said."""
    found = np.full((len(items), 4), np.nan)
    within, across = [], []
    for fold in range(folds):
        inside, outside = np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)
        fitted = [items[place] for place in inside.tolist()]
        fit = calibrate(raw[inside], fitted, mos_mean=0.0, mos_std=1.0, name="")
        if not fit.pair_knots:
            raise DatasetError(f"{len(items)} photos are too few to check {folds} fits of pairs")
        checked = [items[place] for place in outside.tolist()]
        found[outside] = _checked_photos(raw[outside], checked, fit, fitted)
        within.append(_checked_pairs(found[outside, 0], checked, fit, within=True))
        across.append(_checked_pairs(found[outside, 0], checked, fit, within=False))
    return CheckedPhotos(*found.T), _joined(within), _joined(across)


def _checked_photos(
    raw: Vector, items: Sequence[MosItem], fit: Calibration, fitted: Sequence[MosItem]
) -> Vector:
    """Return (N, 4): score, interval and human score of photos outside a fit."""
    scores = np.asarray([fit.score(value) for value in raw.tolist()])
    half = np.asarray([fit.uncertainty(score) or 0.0 for score in scores.tolist()])
    human = human_scores(
        np.asarray([item.mos for item in items]),
        np.asarray([item.mos for item in fitted]),
        subset_weights(fitted),
    )
    low, high = np.clip(scores - half, 0, 100), np.clip(scores + half, 0, 100)
    return np.stack([scores, low, high, human], axis=1)


def human_scores(mos: Vector, reference: Vector, weights: Vector) -> Vector:
    """Return the places, 0..100, of mean opinion scores in a population of others.

    Args:
        mos: (N,) to place.
        reference: (M,) the population's.
        weights: (M,) its weights.
    """
    order = np.argsort(reference, kind="stable")
    mass = weights[order] / weights.sum()
    below = np.concatenate([[0.0], np.cumsum(mass)])
    left = below[np.searchsorted(reference[order], mos, side="left")]
    right = below[np.searchsorted(reference[order], mos, side="right")]
    middle: Vector = 50.0 * (left + right)
    return middle


def _checked_pairs(
    scores: Vector, items: Sequence[MosItem], fit: Calibration, *, within: bool
) -> CheckedPairs:
    """Return what a fit says of pairs of photos outside it."""
    mos = np.asarray([item.mos for item in items])
    pairs = draw_pairs(mos, [item.subset for item in items], within=within)
    strength = np.interp(scores, fit.pair_knots, fit.pair_strengths)
    margin = strength[pairs.better] - strength[pairs.worse]
    stated = 1.0 / (1.0 + np.exp(-np.abs(margin)))
    return CheckedPairs(stated, margin > 0, pairs.weights)


def _joined(parts: Sequence[CheckedPairs]) -> CheckedPairs:
    """Put the folds' pairs together."""
    stated, right, weights = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    return CheckedPairs(stated, right, weights)


def _group_bootstrap(
    covered: NDArray[np.bool_], weights: Vector, groups: NDArray[np.int64], seed: int
) -> Interval:
    """Return the 95 % interval of a weighted share when whole groups are drawn again."""
    _, place = np.unique(groups, return_inverse=True)
    mass = np.bincount(place, weights=weights)
    hits = np.bincount(place, weights=weights * covered)
    generator = numpy_generator(seed, "coverage bootstrap", len(covered))
    draws = generator.integers(0, len(mass), (RESAMPLES, len(mass)))
    return percentile_interval(hits[draws].sum(axis=1) / mass[draws].sum(axis=1), level=0.95)
