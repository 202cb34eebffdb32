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
    from qpt_app.core.calibration import Calibration
    from qpt_app.core.decode_pool import DecodePool
    from qpt_app.core.scorer import ModelIdentity, Scorer
    from qpt_app.photos.app_settings import AppSettings
    from qpt_app.photos.ranking import Preference
    from qpt_app.photos.results import PhotoFile, PhotoResult
    from qpt_app.photos.scan import ScanOptions
    from qpt_app.photos.score_cache import ScoreCache

    PhotoEntry = PhotoFile | PhotoResult
    """A photo to score, or the failed row of a path that cannot become one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A verified model and what it takes to run it; the heavy parts start when they are made."""

    identity: "ModelIdentity"
    calibration: "Calibration"
    make_scorer: "Callable[[], Scorer]"
    make_pool: "Callable[[], DecodePool]"
    """Closed with the engine."""
    workers: int
    """Decode processes of the pool."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenScoring:
    """A model, a cache and workers, ready to score."""

    model: str
    """Label of the model."""
    score: "Callable[[Iterable[PhotoEntry]], Iterator[PhotoResult]]"
    """Photos in, one result each out, in the same order."""
    better: "Preference"
    """How likely people prefer a photo of the one score to one of the other."""


Say = Callable[[str], None]
"""Takes a line for the user."""


def list_photos(paths: Iterable[Path], options: "ScanOptions") -> "Iterator[PhotoEntry]":
    """Return the photos that the paths name and contain, RAW+JPEG pairs as one.

    A RAW file that is itself named keeps a row of its own.

    Raises:
        UsageError: if a named path does not exist.
    """
    from qpt_app.photos.pairs import pair_files
    from qpt_app.photos.scan import scan_paths

    paths = list(paths)
    named = {os.path.abspath(path) for path in paths}  # noqa: PTH100 (links stay unresolved)
    return _split_named(pair_files, scan_paths(paths, options), named)


def _split_named(
    pair: "Callable[[Iterable[PhotoEntry]], Iterator[PhotoEntry]]",
    photos: "Iterable[PhotoEntry]",
    named: set[str],
) -> "Iterator[PhotoEntry]":
    """Yield the paired photos, but a pair whose RAW file is named as two, in the order of paths."""
    from qpt_app.photos.results import PhotoFile

    seen: dict[Path, PhotoEntry] = {}

    def remember() -> "Iterator[PhotoEntry]":
        for photo in photos:
            if os.path.abspath(photo.path) in named:  # noqa: PTH100
                seen[photo.path] = photo
            yield photo

    for photo in pair(remember()):
        raw = seen.get(photo.companion) if photo.companion is not None else None
        if raw is None or not isinstance(photo, PhotoFile):
            yield photo
        else:
            both = [photo._replace(companion=None), raw]
            yield from sorted(both, key=lambda one: os.fsencode(one.path))


@contextlib.contextmanager
def open_engine(settings: "AppSettings") -> "Iterator[Engine]":
    """Verify the model and check the device; loading and decoding start when they are needed.

    Raises:
        ModelError: if the model cannot be used.
        DeviceError: if the device asked for is not there.
    """
    from qpt_app.core.model_library import find_model
    from qpt_app.core.model_metadata import read_metadata

    path = find_model(settings.model)
    metadata = read_metadata(path)
    _check_device(settings.device)
    workers = settings.workers or usable_cpus()
    with contextlib.ExitStack() as stack:
        yield Engine(
            identity=metadata.identity,
            calibration=metadata.calibration,
            make_scorer=lambda: _load_scorer(path, settings),
            make_pool=lambda: stack.enter_context(_decode_pool(settings, workers)),
            workers=workers,
        )


@contextlib.contextmanager
def open_scoring(settings: "AppSettings", *, say: Say) -> "Iterator[OpenScoring]":
    """Open engine and cache for `qpt score`.

    Args:
        settings: which model, device, cache and so on.
        say: takes a line for the user, such as why there is no cache.

    Raises:
        ModelError: if the model cannot be used.
        DeviceError: if the device asked for is not there.
    """
    from qpt_app.photos.scoring import score_photos
    from qpt_app.photos.scoring_options import ScoringOptions

    with open_engine(settings) as engine, _open_cache(settings, say) as cache:
        options = ScoringOptions(
            batch_size=settings.batch_size, workers=engine.workers, with_features=False
        )

        def score(files: "Iterable[PhotoEntry]") -> "Iterator[PhotoResult]":
            return score_photos(
                files,
                identity=engine.identity,
                make_scorer=engine.make_scorer,
                make_pool=engine.make_pool,
                cache=cache,
                options=options,
            )

        yield OpenScoring(
            model=engine.identity.label,
            score=score,
            better=engine.calibration.probability_better,
        )


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
