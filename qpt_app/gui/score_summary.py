"""Scores of a folder at a glance: histogram, percentile, how many a threshold would cut. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BINS = 50
"""Bars of the histogram, two points of the score each."""


class ScoreSummary:
    """The sorted scores of a set of photos."""

    def __init__(self, scores: Sequence[float] = ()) -> None:
        """Sort the scores; NaN stands for a photo without one."""
        values = np.asarray(scores, dtype=np.float64)
        self._scores: NDArray[np.float64] = np.sort(values[~np.isnan(values)])

    @property
    def count(self) -> int:
        """Photos with a score."""
        return int(self._scores.size)

    @property
    def median(self) -> float | None:
        """The middle score; None without scores."""
        return float(np.median(self._scores)) if self.count else None

    def bins(self) -> NDArray[np.int64]:
        """Return how many scores fall into each of `BINS` equal parts of 0 to 100."""
        counts, _ = np.histogram(self._scores, bins=BINS, range=(0.0, 100.0))
        return counts

    def below(self, threshold: float) -> int:
        """Return how many scores are below a threshold."""
        return int(np.searchsorted(self._scores, threshold, side="left"))

    def percentile(self, score: float) -> float:
        """Return the share of the other photos that score lower, ties counting half, in percent.

        The same definition as `photos.ranking`: the best has 100, the worst 0.
        """
        others = self.count - 1
        if others <= 0:
            return 100.0
        left = int(np.searchsorted(self._scores, score, side="left"))
        right = int(np.searchsorted(self._scores, score, side="right"))
        return float(100.0 * (left + max(0, right - left - 1) / 2) / others)
