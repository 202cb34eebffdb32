"""Scores by sharpness, for screenshots where no model is at hand. Not part of the program."""

from typing import Any

import numpy as np

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.gui.scoring_worker import EngineSettings
from qpt_app.photos.scoring import ScoringOptions


class StandInEngine:
    """An engine for the scoring process without torch."""

    device_name = "cpu"
    cache = None

    def __init__(self, settings: EngineSettings) -> None:
        self._pool: Any = None
        self.identity = ModelIdentity(
            name="stand-in", digest="00" * 32, preprocess=PreprocessConfig()
        )

    def score(self, photos) -> list[PhotoScore]:  # noqa: ANN001
        """Return a score that grows with fine detail."""
        return [self._one(views) for views in photos]

    @staticmethod
    def _one(views: Any) -> PhotoScore:
        grey = views.crops.astype(np.float32).mean(axis=-1)
        detail = np.abs(np.diff(grey, axis=-1)).mean() / (grey.std() + 6)
        value = float(np.clip(28 + 260 * detail, 12, 92))
        feature = views.global_view.astype(np.float32).reshape(-1, 3).mean(axis=0) / 255
        return PhotoScore(value, 6.4, value / 20 - 2.5, np.repeat(feature, 40).astype(np.float16))

    def make_scorer(self) -> "StandInEngine":
        """The engine is its own scorer."""
        return self

    def make_pool(self) -> Any:
        """Decode as usual."""
        if self._pool is None:
            from qpt_app.core.decode_pool import DecodePool

            self._pool = DecodePool(workers=1)
        return self._pool

    def options(self) -> ScoringOptions:
        """Small steps."""
        return ScoringOptions(batch_size=2, workers=1, lookahead=3, in_order=False)

    def close(self) -> None:
        """End the decode processes."""
        if self._pool is not None:
            self._pool.close()
