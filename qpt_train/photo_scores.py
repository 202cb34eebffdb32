"""Scores photo files through the same path as `qpt score`: decode, views, scorer."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpt_app.core.preprocess import Pixels, PreprocessConfig, Views, prepare_views
from qpt_app.core.scorer import PhotoScore, Scorer
from qpt_train.data.mos_views import read_pixels

SCORING_BATCH = 32
"""Photos handed to the scorer at a time; it may split them further."""


class PhotoScores(NamedTuple):
    """What a model says of N photos, in their order."""

    raw_scores: NDArray[np.float64]
    """(N,) the network's output, on the standardised MOS scale; higher is better."""
    scores: NDArray[np.float64]
    """(N,) calibrated, 0 to 100."""
    features: NDArray[np.float32]
    """(N, C) the encoder's vectors."""


def score_paths(
    scorer: Scorer,
    paths: Sequence[Path],
    *,
    workers: int = 2,
    on_photo: Callable[[int], object] = lambda _count: None,
) -> PhotoScores:
    """Score photo files in the order given.

    Args:
        scorer: the model.
        paths: the photos.
        workers: threads that decode ahead of the scorer.
        on_photo: told how many photos were just scored, for a progress bar.

    Raises:
        DatasetError: if a photo has no pixels.
    """
    views = decode_ahead(paths, scorer.identity.preprocess, workers=workers)
    found: list[PhotoScore] = []
    while batch := list(islice(views, SCORING_BATCH)):
        found += scorer.score(batch)
        on_photo(len(batch))
    return stack_scores(found)


def score_pixels(scorer: Scorer, photos: Sequence[Pixels]) -> NDArray[np.float64]:
    """Return the raw scores, (N,), of decoded photos, each (H, W, 3) uint8."""
    preprocess = scorer.identity.preprocess
    found = scorer.score([prepare_views(pixels, preprocess) for pixels in photos])
    return np.asarray([photo.raw_score for photo in found], dtype=np.float64)


def stack_scores(found: Sequence[PhotoScore]) -> PhotoScores:
    """Turn a list of scores into arrays."""
    return PhotoScores(
        raw_scores=np.asarray([photo.raw_score for photo in found], dtype=np.float64),
        scores=np.asarray([photo.score for photo in found], dtype=np.float64),
        features=np.asarray([photo.feature for photo in found], dtype=np.float32),
    )


def decode_ahead(
    paths: Sequence[Path], preprocess: PreprocessConfig, *, workers: int
) -> Iterator[Views]:
    """Yield the views of photos in order, at most two scoring batches ahead of the caller."""

    def prepare(path: Path) -> Views:
        return prepare_views(read_pixels(path, preprocess), preprocess)

    waiting: deque[Future[Views]] = deque()
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        try:
            for path in paths:
                waiting.append(pool.submit(prepare, path))
                if len(waiting) > 2 * SCORING_BATCH:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
