"""What the window is given from outside: everything that tests replace and that is slow to make."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qpt_app.core.decode_pool import DecodePool, ImageJob
from qpt_app.decisions.session import DecisionSession
from qpt_app.gui.folder_scan import Found
from qpt_app.gui.gui_settings import GuiPaths
from qpt_app.gui.scoring_engine import TorchEngine
from qpt_app.gui.scoring_worker import Engine, EngineSettings
from qpt_app.gui.view_pool import VIEW_WORKERS, start_view_pool
from qpt_app.photos.app_settings import AppSettings
from qpt_app.photos.settings import default_cache_folder

MakeJob = Callable[[Path, int | None], Any]
"""Path and longest side in pixels (None: its own pixels) -> a job for the decode pool."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """The outside of the window."""

    paths: GuiPaths
    make_pool: Callable[[], Any]
    """Makes the decode pool for thumbnails and the loupe."""
    make_job: MakeJob
    view_workers: int
    open_session: Callable[[], DecisionSession]
    scan: Callable[[Path, bool], Iterable[Found]]
    """Folder, whether with subfolders -> what is in it, RAW+JPEG pairs joined."""
    make_engine: Callable[[Any], Engine]
    """Runs in the scoring process; must be picklable by name."""
    engine_settings: Any
    cache_folder: Path | None = None
    """Folder of the score cache, where it is also remembered how sharp photos are; None if it is
    not used."""
    read_essentials: Callable[[Path], Any]
    """Runs in the reader process; must be picklable by name."""


def real_services(
    paths: GuiPaths, settings: AppSettings, pool: DecodePool | None = None
) -> Services:
    """Return what the program really uses; `pool` is one that was started before, if any."""
    from qpt_app.photos.exif import read_essentials

    cache = str(settings.cache_folder or default_cache_folder()) if settings.cache else None
    cpus = usable_cpus()
    engine = EngineSettings(
        model=settings.model,
        device=settings.device,
        batch_size=settings.batch_size,
        workers=settings.workers or max(1, cpus - 1),
        cache_folder=cache,
        decode_timeout_s=settings.decode_timeout_s,
        byte_budget_mb=settings.byte_budget_mb,
    )
    return Services(
        paths=paths,
        make_pool=lambda: pool or start_view_pool(settings),
        make_job=_image_job,
        view_workers=VIEW_WORKERS,
        open_session=lambda: DecisionSession.open(paths.data, time.time),
        scan=_scan,
        make_engine=TorchEngine,
        engine_settings=engine,
        cache_folder=Path(cache) if cache is not None else None,
        read_essentials=read_essentials,
    )


def usable_cpus() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _image_job(path: Path, max_side: int | None) -> ImageJob:
    return ImageJob(path, max_side)


def _scan(folder: Path, recursive: bool) -> Iterable[Found]:
    from qpt_app.photos.pairs import pair_files
    from qpt_app.photos.scan import ScanOptions, scan_paths

    return pair_files(scan_paths([folder], ScanOptions(recursive=recursive)))
