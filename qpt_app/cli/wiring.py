"""Puts the parts together for the commands. The one place that tests replace.

Everything is imported inside the functions: this module costs nothing to import.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qpt_app.errors import StorageError

if TYPE_CHECKING:
    from qpt_app.core.decode_pool import DecodePool
    from qpt_app.core.scorer import Scorer
    from qpt_app.photos.app_settings import AppSettings
    from qpt_app.photos.results import PhotoFile, PhotoResult
    from qpt_app.photos.scan import ScanOptions
    from qpt_app.photos.score_cache import ScoreCache

    PhotoEntry = PhotoFile | PhotoResult
    """A photo to score, or the failed row of a path that cannot become one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenScoring:
    """A model, a cache and workers, ready to score; the heavy parts start on the first need."""

    model: str
    """Label of the model."""
    score: "Callable[[Iterable[PhotoEntry]], Iterator[PhotoResult]]"
    """Photos in, one result each out, in the same order."""


Say = Callable[[str], None]
"""Takes a line for the user."""


def list_photos(paths: Iterable[Path], options: "ScanOptions") -> "Iterator[PhotoEntry]":
    """Return the photos that the paths name and contain, RAW+JPEG pairs as one.

    Raises:
        UsageError: if a named path does not exist.
    """
    from qpt_app.photos.scan import scan_paths

    return iter(scan_paths(paths, options))


@contextlib.contextmanager
def open_scoring(settings: "AppSettings", *, say: Say) -> "Iterator[OpenScoring]":
    """Check model and device, open the cache; workers and network start on the first new photo.

    Args:
        settings: which model, device, cache and so on.
        say: takes a line for the user, such as why there is no cache.

    Raises:
        ModelError: if the model cannot be used.
        DeviceError: if the device asked for is not there.
    """
    from qpt_app.core.model_library import find_model
    from qpt_app.core.model_metadata import read_metadata
    from qpt_app.photos.scoring import ScoringOptions, score_photos

    path = find_model(settings.model)
    identity = read_metadata(path).identity
    _check_device(settings.device)
    workers = settings.workers or usable_cpus()
    options = ScoringOptions(batch_size=settings.batch_size, workers=workers, with_features=False)
    with contextlib.ExitStack() as stack:
        cache = stack.enter_context(_open_cache(settings, say))

        def make_pool() -> "DecodePool":
            return stack.enter_context(_decode_pool(settings, workers))

        def score(files: "Iterable[PhotoEntry]") -> "Iterator[PhotoResult]":
            return score_photos(
                files,
                identity=identity,
                make_scorer=lambda: _load_scorer(path, settings),
                make_pool=make_pool,
                cache=cache,
                options=options,
            )

        yield OpenScoring(model=identity.label, score=score)


def cache_folder(settings: "AppSettings") -> Path:
    """Return the folder of the score cache."""
    from qpt_app.photos.settings import default_cache_folder

    return settings.cache_folder or default_cache_folder()


def usable_cpus() -> int:
    """Return how many processors this process may use; a container often gets fewer than exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _open_cache(settings: "AppSettings", say: Say) -> "Iterator[ScoreCache | None]":
    """Open the cache; one that cannot be used is reported, and the run goes on without."""
    from qpt_app.photos.score_cache import ScoreCache

    cache = None
    if settings.cache:
        try:
            cache = ScoreCache.open(cache_folder(settings))
        except StorageError as error:
            say(f"{error}; going on without it")
    if cache is None:
        yield None
        return
    told = 0
    try:
        for told, notice in enumerate(cache.notices, start=1):  # noqa: B007 (used below)
            say(notice)
        yield cache
    finally:
        cache.close()
        for notice in cache.notices[told:]:
            say(notice)


def _decode_pool(settings: "AppSettings", workers: int) -> "DecodePool":
    from qpt_app.core.decode import DecodeLimits
    from qpt_app.core.decode_pool import DecodePool

    return DecodePool(
        workers=workers,
        limits=DecodeLimits(byte_budget=settings.byte_budget_mb << 20),
        timeout_s=settings.decode_timeout_s,
    )


def _load_scorer(path: Path, settings: "AppSettings") -> "Scorer":
    from qpt_app.core.torch_scorer import load_scorer

    return load_scorer(path, device=settings.device, batch_size=settings.batch_size)


def _check_device(name: str) -> None:
    """Refuse a device that is not there at once, even if the cache would answer everything."""
    if name in ("auto", "cpu"):
        return
    from qpt_app.core.torch_scorer import choose_device

    choose_device(name)
