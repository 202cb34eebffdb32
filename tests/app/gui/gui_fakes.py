"""Stand-ins for the slow outside of the window; a plain module, for spawned processes."""

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from qpt_app.core.calibration import Calibration
from qpt_app.core.decode_jobs import ImageJob
from qpt_app.core.decode_limits import DecodeLimits
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.decisions.session import DecisionSession
from qpt_app.errors import FileOperationError, TrashUnavailableError
from qpt_app.gui.services import Services
from qpt_app.photos.exif import read_essentials
from qpt_app.photos.pairs import pair_files
from qpt_app.photos.scan import ScanOptions, scan_paths
from qpt_app.photos.score_cache import ScoreCache
from qpt_app.photos.scoring import ScoringOptions

TINY_VIEWS = PreprocessConfig(
    screen_side=96, global_side=32, global_multiple=32, crop_size=32, crop_columns=2, crop_rows=1
)


class ThreadPool:
    """A decode pool without processes."""

    def __init__(self, workers: int = 2) -> None:
        self._executor = ThreadPoolExecutor(workers)
        self.is_open = threading.Event()
        self.is_open.set()
        self.submitted = 0
        self.jobs: list = []

    def submit(self, job, *, priority: int = 0, lane: str | None = None) -> Future:
        self.submitted += 1
        self.jobs.append(job)
        return self._executor.submit(self._run, job)

    def _run(self, job):
        self.is_open.wait(5)
        return job.run(DecodeLimits())

    def close(self) -> None:
        self.is_open.set()
        self._executor.shutdown(wait=True, cancel_futures=True)


class BrightnessScorer:
    """The brighter, the better; the feature is the mean colour."""

    device_name = "cpu"

    def __init__(self, identity: ModelIdentity) -> None:
        self.identity = identity

    def score(self, photos) -> list[PhotoScore]:
        return [self._one(views) for views in photos]

    @staticmethod
    def _one(views) -> PhotoScore:
        colour = views.global_view.reshape(-1, 3).mean(axis=0) / 255
        value = float(colour.mean())
        return PhotoScore(100 * value, 4.0, value, np.repeat(colour, 8).astype(np.float16))


@dataclass(frozen=True)
class FakeEngineSettings:
    cache_folder: str | None = None
    gate: str | None = None
    """While this file exists, scoring waits: lets a test look at the state in between."""
    fail: str | None = None
    """Makes the engine refuse with this text."""


CALIBRATION = Calibration(
    level_knots=(0.25, 0.75),
    raw_knots=(-1.0, 1.0),
    pair_knots=(0.0, 100.0),
    pair_strengths=(0.0, 20.0),
)
"""A difference of two points is a near-tie, one of three is not: e^0.4 is odds of 1.49 to one."""


class FakeEngine:
    """Runs in the scoring process of the tests."""

    def __init__(self, settings: FakeEngineSettings) -> None:
        from qpt_app.errors import ModelNotFoundError

        if settings.fail:
            raise ModelNotFoundError(settings.fail)
        self._settings = settings
        self.identity = ModelIdentity(name="fake", digest="ab" * 32, preprocess=TINY_VIEWS)
        self.calibration = CALIBRATION
        self.cache = ScoreCache.open(Path(settings.cache_folder)) if settings.cache_folder else None
        self._pool: GatedPool | None = None

    def make_scorer(self) -> BrightnessScorer:
        return BrightnessScorer(self.identity)

    def make_pool(self):
        if self._pool is None:
            self._pool = GatedPool(self._settings.gate)
        return self._pool

    def options(self) -> ScoringOptions:
        return ScoringOptions(batch_size=2, workers=1, lookahead=3, in_order=False)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
        if self.cache is not None:
            self.cache.close()


class GatedPool(ThreadPool):
    """Holds jobs back while a file exists."""

    def __init__(self, gate: str | None) -> None:
        super().__init__(1)
        self._gate = gate
        self._closing = threading.Event()

    def _run(self, job):
        while self._gate and Path(self._gate).exists() and not self._closing.wait(0.02):
            pass
        return super()._run(job)

    def close(self) -> None:
        self._closing.set()
        super().close()


@dataclass(frozen=True)
class GatedEssentials:
    """Reads EXIF, but not while a file exists; runs in the process that reads EXIF."""

    gate: str

    def __call__(self, path: Path):
        while Path(self.gate).exists():
            threading.Event().wait(0.02)
        return read_essentials(path)


class FolderTrash:
    """A trash that is a folder; `full` makes it refuse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.full = False
        folder.mkdir(parents=True, exist_ok=True)

    def send(self, path: Path) -> None:
        if self.full:
            raise TrashUnavailableError(f"no trash for {path}; use _rejected")
        path.rename(self.folder / f"{path.lstat().st_ino}")

    def find(self, path: Path, inode: int) -> Path | None:
        place = self.folder / f"{inode}"
        return place if place.exists() else None

    def restore(self, trashed: Path, target: Path) -> None:
        if not trashed.exists():
            raise FileOperationError(f"{target}: the trash was emptied")
        if os.path.lexists(target):
            raise FileExistsError(target)
        trashed.rename(target)


class Clock:
    """Moves one second per look."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def make_services(paths, trash: FolderTrash, *, gate: Path | None = None, fail=None) -> Services:
    """The outside of a window under test: real files, a fake model, no decode processes."""
    return Services(
        paths=paths,
        make_pool=ThreadPool,
        make_job=ImageJob,
        view_workers=2,
        open_session=lambda: DecisionSession.open(paths.data, Clock(), trash=trash),
        scan=lambda folder, recursive: pair_files(
            scan_paths([folder], ScanOptions(recursive=recursive))
        ),
        make_engine=FakeEngine,
        engine_settings=FakeEngineSettings(
            cache_folder=str(paths.cache), gate=str(gate) if gate else None, fail=fail
        ),
        cache_folder=paths.cache,
        read_essentials=read_essentials,
    )


def write_photo(
    path: Path, *, seed: int, brightness: int, size=(120, 80), taken: datetime | None = None, **exif
) -> Path:
    """Write a photo of patches around a brightness, with EXIF if a time is given."""
    generator = np.random.default_rng(seed)
    patches = np.clip(brightness + generator.integers(-40, 41, (6, 9, 3)), 0, 255).astype(np.uint8)
    image = Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"quality": 92}
    if taken is not None:
        options["exif"] = exif_bytes(taken, **exif)
    image.save(path, "JPEG", **options)
    return path


def exif_bytes(
    taken: datetime, *, bias: float | None = None, bracket: bool = False, exposure: float = 0.004
):
    """EXIF as a camera writes it."""
    exif = Image.Exif()
    exif[0x010F] = "Testcam"
    exif[0x0110] = "T1"
    details = exif.get_ifd(0x8769)
    details[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
    details[0x9291] = f"{taken.microsecond // 10000:02d}"
    details[0x829A] = IFDRational(Fraction(exposure).limit_denominator(8000))
    details[0x829D] = IFDRational(56, 10)
    details[0x8827] = 200
    if bias is not None:
        details[0x9204] = IFDRational(round(10 * bias), 10)
    if bracket:
        details[0xA402] = 2
    return exif


def move_and_die(folder: str, data: str, after: int) -> None:
    """Move all photos to `_rejected` and be killed in the middle; runs in a process of its own."""
    import signal

    from qpt_app.decisions.photo_unit import find_units

    def progress(done: int, total: int) -> None:
        if done == after:
            os.kill(os.getpid(), signal.SIGKILL)

    session = DecisionSession.open(Path(data), Clock(), trash=FolderTrash(Path(data) / "trash"))
    photos = sorted(Path(folder).glob("*.jpg"))
    plan = session.plan_move_rejects(find_units([(path, None) for path in photos]), Path(folder))
    session.execute(plan, progress=progress)
