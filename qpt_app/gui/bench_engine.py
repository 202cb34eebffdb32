"""Engines of the scoring process for measuring: known scores, or a scorer without a network."""

from pathlib import Path
from typing import Any

import numpy as np

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.gui.scoring_worker import EngineSettings
from qpt_app.photos.score_cache import ScoreCache
from qpt_app.photos.scoring import ScoringOptions

BENCH_IDENTITY = ModelIdentity(name="bench", digest="be" * 32, preprocess=PreprocessConfig())


class BenchEngine:
    """Answers from a cache; what is not in it is decoded as usual and scored by its mean."""

    device_name = "cpu"
    calibration = None

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._pool: Any = None
        folder = settings.cache_folder
        self._cache = None if folder is None else ScoreCache.open(Path(folder))

    @property
    def identity(self) -> ModelIdentity:
        """The stand-in model."""
        return BENCH_IDENTITY

    @property
    def cache(self) -> ScoreCache | None:
        """The cache that was filled."""
        return self._cache

    def score(self, photos: Any) -> list[PhotoScore]:
        """Score by mean brightness."""
        values = [float(photo.global_view.mean()) / 2.55 for photo in photos]
        return [PhotoScore(value, 5.0, value, np.zeros(8, np.float16)) for value in values]

    def make_scorer(self) -> "BenchEngine":
        """The engine is its own scorer."""
        return self

    def make_pool(self) -> Any:
        """Decode as the program does."""
        if self._pool is None:
            from qpt_app.core.decode_pool import DecodePool

            self._pool = DecodePool(workers=self._settings.workers)
        return self._pool

    def options(self) -> ScoringOptions:
        """As the program does."""
        workers = self._settings.workers
        return ScoringOptions(workers=workers, lookahead=2 * workers + 2, in_order=False)

    def close(self) -> None:
        """End the decode processes and close the cache."""
        if self._pool is not None:
            self._pool.close()
        if self._cache is not None:
            self._cache.close()
