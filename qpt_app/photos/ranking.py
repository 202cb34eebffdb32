"""Orders results: best first, ties by path; percentile and rank of each. Pure functions."""

import bisect
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from qpt_app.photos.results import PhotoResult

TIE_PROBABILITY = 0.6
"""Two photos are a near-tie while the chance that people prefer the one with the better score is
below this: one would bet less than 3 to 2 on it. Our choice."""

Preference = Callable[[float, float], float | None]
"""Two scores -> how likely people prefer a photo of the first, 0..1; None if the model says not."""


def path_key(path: Path) -> bytes:
    """Return the sort key of a path: its bytes, the same on every machine and in every locale."""
    return os.fsencode(path)


def by_path(results: Iterable[PhotoResult]) -> list[PhotoResult]:
    """Return the results in the order of their paths, byte by byte."""
    return sorted(results, key=lambda result: path_key(result.path))


def rank(results: Iterable[PhotoResult]) -> list[PhotoResult]:
    """Return the results best first; those without a score last; ties by path."""

    def key(result: PhotoResult) -> tuple[bool, float, bytes]:
        unscored = result.score is None
        return unscored, 0.0 if result.score is None else -result.score, path_key(result.path)

    return sorted(results, key=key)


def with_percentiles(results: Iterable[PhotoResult]) -> list[PhotoResult]:
    """Fill in the percentile of every scored result; keep the order.

    The percentile is the share of the *other* scored photos that score lower, ties counting half,
    in percent: the best photo of a run has 100, the worst 0, a photo on its own 100.
    """
    rows = list(results)
    scores = sorted(row.score for row in rows if row.score is not None)
    return [
        row if row.score is None else replace(row, percentile=_percentile(scores, row.score))
        for row in rows
    ]


def _percentile(scores: list[float], score: float) -> float:
    """Return the percentile of `score`, which is one of the ascending `scores`."""
    others = len(scores) - 1
    if others == 0:
        return 100.0
    below = bisect.bisect_left(scores, score)
    equal = bisect.bisect_right(scores, score) - below - 1
    return 100.0 * (below + equal / 2) / others


def with_ranks(results: Iterable[PhotoResult], better: Preference) -> list[PhotoResult]:
    """Fill in the rank of every scored result, near-ties sharing one; keep the order.

    From the best photo down, a photo shares the rank of the photo that opened it while the model
    cannot tell the two apart (`TIE_PROBABILITY`). The first that it can tell opens the next rank,
    numbered by how many photos lie before it. So near-ties never chain: what shares a rank is
    close to the best of it, not only to its neighbours.
    """
    rows = list(results)
    ranks: dict[float, int] = {}
    opener, place = None, 0
    for number, row in enumerate(rank(rows), start=1):
        if row.score is None:
            break
        if opener is None or not _tied(opener, row.score, better):
            opener, place = row.score, number
        ranks[row.score] = place
    return [row if row.score is None else replace(row, rank=ranks[row.score]) for row in rows]


def _tied(best: float, score: float, better: Preference) -> bool:
    """Whether a score cannot be told from a better one, or is the same."""
    chance = better(best, score)
    return best == score or (chance is not None and chance < TIE_PROBABILITY)


def at_least(results: Iterable[PhotoResult], min_score: float) -> list[PhotoResult]:
    """Keep the results that have a score of `min_score` or more; keep the order."""
    return [row for row in results if row.score is not None and row.score >= min_score]


def top(results: Iterable[PhotoResult], count: int) -> list[PhotoResult]:
    """Return the `count` best results that have a score, best first."""
    return [row for row in rank(results) if row.score is not None][:count]
