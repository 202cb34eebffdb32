"""Raw score -> score from 0 to 100, and how sure it is. Pure functions, no torch.

The score is a position in a reference population: 50 means that half of the population's photos
are worse in the model's eyes, 80 that four in five are. So the whole scale is used, unlike mean
opinion scores, which huddle in the middle. Outside the population the scale goes on smoothly
(linear in the log-odds), so two very good photos still differ; 0 and 100 are never reached.
"""

import math
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qpt_app.errors import ModelFormatError

KNOT_LEVELS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Shares of the population at which the curve is pinned. Our choice."""
NOMINAL_COVERAGE = 0.8
"""The share of photos whose human score lies within the stated uncertainty. Our choice."""
_BAND_EDGES = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """The curve of one model. Travels inside the model file."""

    raw_knots: tuple[float, ...]
    """Raw scores at `level_knots`, strictly rising."""
    level_knots: tuple[float, ...]
    """Shares of the reference population below, in (0, 1), strictly rising."""
    band_centres: tuple[float, ...] = ()
    """Scores at which `half_widths` hold; between them it is interpolated."""
    half_widths: tuple[float, ...] = ()
    """Half width, in points, of the interval that holds 80 % of the human scores."""
    mos_mean: float = 0.0
    """MOS of the training set's average photo: raw score 0."""
    mos_std: float = 1.0
    """MOS change of one unit of raw score."""
    population: str = ""
    """The reference population, in words."""
    pair_knots: tuple[float, ...] = ()
    """Scores at which `pair_strengths` hold, strictly rising; empty where pairs were not fitted."""
    pair_strengths: tuple[float, ...] = ()
    """Strength of a photo of such a score, rising: see `probability_better`."""

    def __post_init__(self) -> None:
        """Refuse a curve that is not monotone or not finite."""
        if len(self.raw_knots) != len(self.level_knots) or len(self.raw_knots) < 2:
            raise ModelFormatError("the model's calibration needs two or more pairs of knots")
        if len(self.band_centres) != len(self.half_widths):
            raise ModelFormatError("the model's uncertainty knots do not pair up")
        if len(self.pair_knots) != len(self.pair_strengths) or len(self.pair_knots) == 1:
            raise ModelFormatError("the model's pair strengths and their knots do not pair up")
        rising = (self.raw_knots, self.level_knots, self.pair_knots, self.pair_strengths)
        values = (
            *self.band_centres,
            *self.half_widths,
            *(value for row in rising for value in row),
        )
        if not all(math.isfinite(value) for value in values):
            raise ModelFormatError("the model's calibration has a value that is not finite")
        for knots in rising:
            if any(left >= right for left, right in pairwise(knots)):
                raise ModelFormatError("the model's calibration curve does not rise")
        if not 0 < self.level_knots[0] < self.level_knots[-1] < 1:
            raise ModelFormatError("the model's calibration levels must lie between 0 and 1")

    def score(self, raw_score: float) -> float:
        """Return the score, 0 to 100 (exclusive), of a raw score; not-a-number stays so."""
        if not math.isfinite(raw_score):
            return math.nan
        return float(100.0 / (1.0 + math.exp(-self._log_odds(raw_score))))

    def uncertainty(self, score: float) -> float | None:
        """Return the half width of the 80 % interval around a score, in points."""
        if not self.band_centres or not math.isfinite(score):
            return None
        return float(np.interp(score, self.band_centres, self.half_widths))

    def probability_better(self, score: float, other: float) -> float | None:
        """Return how likely people prefer a photo of the one score to one of the other, 0..1.

        The model of Bradley and Terry: the log-odds are the difference of two strengths, and the
        strength is a rising, piecewise linear function of the score. So it is one half for equal
        scores, rises with the first, falls with the second, and the two directions add up to one.
        None where the model file holds no strengths or a score is no number.
        """
        if not self.pair_knots or not (math.isfinite(score) and math.isfinite(other)):
            return None
        strengths = np.interp((score, other), self.pair_knots, self.pair_strengths)
        return float(1.0 / (1.0 + math.exp(-float(strengths[0] - strengths[1]))))

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON values; what was not fitted is left out."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value != ()
        }

    @classmethod
    def from_dict(cls, fields: dict[str, object]) -> "Calibration":
        """Build a calibration from a model file's JSON.

        Raises:
            ModelFormatError: if it is not one.
        """
        try:
            values = {
                name: tuple(float(item) for item in value) if isinstance(value, list) else value
                for name, value in fields.items()
            }
            return cls(**values)  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise ModelFormatError(f"the model's calibration cannot be read: {error}") from error

    def _log_odds(self, raw_score: float) -> float:
        """Interpolate linearly in the log-odds of the level, extrapolating at both ends."""
        odds = [math.log(level / (1 - level)) for level in self.level_knots]
        knots = self.raw_knots
        place = int(np.clip(np.searchsorted(knots, raw_score) - 1, 0, len(knots) - 2))
        slope = (odds[place + 1] - odds[place]) / (knots[place + 1] - knots[place])
        value = odds[place] + slope * (raw_score - knots[place])
        return float(np.clip(value, -50.0, 50.0))  # exp(50) still fits a float comfortably


def fit_calibration(
    raw_scores: ArrayLike,
    mos: ArrayLike,
    weights: ArrayLike,
    *,
    mos_mean: float,
    mos_std: float,
    population: str,
) -> Calibration:
    """Fit the curve and the uncertainty on photos that the model never trained on.

    Args:
        raw_scores: (N,) the model's raw scores of the reference population.
        mos: (N,) their mean opinion scores, higher is better.
        weights: (N,) positive; the population's mix (for example, each subset equally).
        mos_mean: mean of the MOS that the raw score was standardised with.
        mos_std: standard deviation likewise.
        population: what the population is, in words.
    """
    raw = np.asarray(raw_scores, dtype=np.float64)
    human = np.asarray(mos, dtype=np.float64)
    mass = np.asarray(weights, dtype=np.float64)
    knots = _strictly_rising(weighted_quantiles(raw, mass, KNOT_LEVELS))
    curve = Calibration(raw_knots=knots, level_knots=KNOT_LEVELS)
    scores = np.array([curve.score(value) for value in raw])
    human_scores = 100.0 * weighted_ranks(human, mass)
    centres, widths = _conformal_bands(scores, np.abs(scores - human_scores), mass)
    return Calibration(
        raw_knots=knots,
        level_knots=KNOT_LEVELS,
        band_centres=centres,
        half_widths=widths,
        mos_mean=mos_mean,
        mos_std=mos_std,
        population=population,
    )


def weighted_quantiles(
    values: NDArray[np.float64], weights: NDArray[np.float64], levels: tuple[float, ...]
) -> tuple[float, ...]:
    """Return the values below which each share of the weight lies, interpolated."""
    order = np.argsort(values, kind="stable")
    mass = weights[order]
    middle = (np.cumsum(mass) - 0.5 * mass) / mass.sum()
    return tuple(float(value) for value in np.interp(levels, middle, values[order]))


def weighted_ranks(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each value the share of the weight below it, ties at their middle, in (0, 1)."""
    unique, inverse = np.unique(values, return_inverse=True)
    mass = np.bincount(inverse, weights=weights, minlength=len(unique))
    middle = (np.cumsum(mass) - 0.5 * mass) / mass.sum()
    ranks: NDArray[np.float64] = middle[inverse]
    return ranks


def _strictly_rising(values: tuple[float, ...]) -> tuple[float, ...]:
    """Nudge equal neighbours apart, so that the curve can be inverted."""
    rising = [values[0]]
    for value in values[1:]:
        rising.append(max(value, rising[-1] + 1e-6))
    return tuple(rising)


def _conformal_bands(
    scores: NDArray[np.float64], errors: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the weighted 80 % quantile of the absolute error in each band of the score."""
    centres, widths = [], []
    for low, high in pairwise(_BAND_EDGES):
        inside = (scores >= low) & (scores < high)
        if int(inside.sum()) < 20:  # too few to state a quantile
            continue
        (width,) = weighted_quantiles(errors[inside], weights[inside], (NOMINAL_COVERAGE,))
        centres.append((low + high) / 2)
        widths.append(width)
    return tuple(centres), tuple(widths)
