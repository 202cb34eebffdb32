"""The engine of the scoring process: shipped model, decode pool, score cache. No Qt."""

from pathlib import Path
from typing import Any

from qpt_app.core.calibration import Calibration
from qpt_app.core.scorer import ModelIdentity, Scorer
from qpt_app.errors import StorageError
from qpt_app.gui.scoring_worker import EngineSettings
from qpt_app.photos.score_cache import ScoreCache
from qpt_app.photos.scoring import ScoringOptions


class TorchEngine:
    """Loads torch only when the first photo is not in the cache."""

    def __init__(self, settings: EngineSettings) -> None:
        """Look up the model's identity and open the cache.

        Raises:
            ModelError: if the model cannot be used.
        """
        from qpt_app.core.model_library import find_model
        from qpt_app.core.model_metadata import read_metadata

        self._settings = settings
        self._path = find_model(settings.model)
        metadata = read_metadata(self._path)
        self._identity, self._calibration = metadata.identity, metadata.calibration
        self._scorer: Scorer | None = None
        self._pool: Any = None
        self.notices: list[str] = []
        self._cache = self._open_cache()

    @property
    def identity(self) -> ModelIdentity:
        """The model in use."""
        return self._identity

    @property
    def calibration(self) -> Calibration | None:
        """How its scores compare."""
        return self._calibration

    @property
    def cache(self) -> ScoreCache | None:
        """Where scores are kept; None if it cannot be opened."""
        return self._cache

    def make_scorer(self) -> Scorer:
        """Load the model, once."""
        if self._scorer is None:
            from qpt_app.core.torch_scorer import load_scorer

            self._scorer = load_scorer(
                self._path, device=self._settings.device, batch_size=self._settings.batch_size
            )
        return self._scorer

    def make_pool(self) -> Any:
        """Start the decode processes, once."""
        if self._pool is None:
            from qpt_app.core.decode import DecodeLimits
            from qpt_app.core.decode_pool import DecodePool

            limits = DecodeLimits(byte_budget=self._settings.byte_budget_mb << 20)
            self._pool = DecodePool(
                workers=self._settings.workers,
                limits=limits,
                timeout_s=self._settings.decode_timeout_s,
            )
        return self._pool

    def options(self) -> ScoringOptions:
        """Few photos on their way, so that what the user looks at comes next."""
        return ScoringOptions(
            batch_size=self._settings.batch_size,
            workers=self._settings.workers,
            lookahead=2 * self._settings.workers + 2,
            in_order=False,
            retry_failed=False,
        )

    def close(self) -> None:
        """End the decode processes and close the cache."""
        if self._pool is not None:
            self._pool.close()
        if self._cache is not None:
            self._cache.close()

    def _open_cache(self) -> ScoreCache | None:
        if self._settings.cache_folder is None:
            return None
        try:
            return ScoreCache.open(Path(self._settings.cache_folder))
        except StorageError as error:
            self.notices.append(str(error))
            return None
