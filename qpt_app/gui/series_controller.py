"""Finds series in the background as times, features and pictures become known."""

import contextlib
import logging
import time
from collections.abc import Sequence, Set
from concurrent.futures import CancelledError, Future
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QThreadPool, QTimer, Signal

from qpt_app.gui.folder_scan import Runner
from qpt_app.gui.image_loader import ImagePool
from qpt_app.gui.library import Library
from qpt_app.gui.metadata_reader import MetadataReader
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.services import MakeJob
from qpt_app.photos.exif import ExifEssentials
from qpt_app.photos.frame_signature import FrameSignature, frame_signature
from qpt_app.photos.series import Frame, Series, group_series, time_neighbours

REGROUP_MS = 600
REST = 5.0
"""In large folders grouping rests this many times as long as it took."""
SIGNATURE_SIDE = 256
PRIORITY = 10
"""Behind thumbnails and the loupe."""
IN_FLIGHT = 2

_log = logging.getLogger(__name__)


class SeriesController(QObject):
    """Asks for EXIF, groups in a thread, then looks at the pictures of time neighbours."""

    changed = Signal()
    """Series were found or lost."""
    _grouped = Signal(int, list, list, float)
    _signed = Signal(object, object)

    def __init__(
        self,
        model: PhotoModel,
        metadata: MetadataReader,
        library: Library,
        pool: ImagePool,
        make_job: MakeJob,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._metadata = metadata
        self._library = library
        self._pool = pool
        self._make_job = make_job
        self._threads = QThreadPool(self)
        self._threads.setMaxThreadCount(1)
        self._wanted: list[Path] = []
        self._running: dict[Path, Future[Any]] = {}
        self._failed: set[Path] = set()
        self._owned: Set[Path] = frozenset()
        self._is_grouping = False
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REGROUP_MS)
        self._timer.timeout.connect(self._group)
        self._grouped.connect(self._take_series)
        self._signed.connect(self._take_signature, Qt.ConnectionType.QueuedConnection)
        metadata.read.connect(self._take_essentials)
        library.opened.connect(lambda _: self._forget())
        library.found.connect(self._ask)
        library.results_changed.connect(self._schedule)

    @property
    def is_idle(self) -> bool:
        """Whether nothing more will be found without news."""
        return (
            not (self._timer.isActive() or self._is_grouping or self._running or self._wanted)
            and self._metadata.is_idle
        )

    def close(self) -> None:
        """Stop; returns when the thread is done."""
        self._closed = True
        self._timer.stop()
        self._wanted = []
        for future in self._running.values():
            future.cancel()
        self._threads.waitForDone(1000)

    # -- EXIF ------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._wanted = []
        self._owned = frozenset()
        self._failed = set()
        for future in self._running.values():
            future.cancel()
        self._running = {}

    def _ask(self, records: Sequence[PhotoRecord]) -> None:
        self._metadata.ask([record.path for record in records if record.file is not None])

    def _take_essentials(self, found: Sequence[tuple[Path, Any]]) -> None:
        for path, essentials in found:
            record = self._model.record(path)
            if record is not None and essentials is not None:
                record.essentials = essentials
                taken = essentials.taken_at
                record.taken_at = None if taken is None else taken.replace(tzinfo=UTC).timestamp()
        self._library.note_times()
        self._schedule()

    def _schedule(self) -> None:
        if not self._closed and not self._timer.isActive():
            self._timer.start()

    # -- grouping --------------------------------------------------------------------------

    def _group(self) -> None:
        """Group in a thread; one run at a time."""
        if self._is_grouping or self._closed:
            self._schedule()
            return
        self._is_grouping = True
        generation, records = self._library.generation, list(self._model.records)

        def run() -> None:
            start = time.perf_counter()
            frames = [frame_of(record) for record in records if record.taken_at is not None]
            series = group_series(frames)
            unsigned = [frame.path for frame in time_neighbours(frames) if frame.signature is None]
            with contextlib.suppress(RuntimeError):  # the window went away
                self._grouped.emit(generation, series, unsigned, time.perf_counter() - start)

        self._threads.start(Runner(run))

    def _take_series(
        self, generation: int, series: list[Series], unsigned: list[Path], seconds: float
    ) -> None:
        self._is_grouping = False
        if generation != self._library.generation or self._closed:
            return
        owner = {path: one for one in series for path in one.members}
        changed = []
        for path in owner.keys() | self._owned:
            record = self._model.record(path)
            if record is not None:
                new = owner.get(path)
                if not _is_same(new, record.series):
                    changed.append(record)
                record.series = new
        self._owned = owner.keys()
        self._timer.setInterval(max(REGROUP_MS, int(REST * 1000 * seconds)))
        self._wanted = [path for path in unsigned if path not in self._failed]
        self._sign_more()
        if changed:
            self._model.touch(changed)
            if self._model.filter.stacked:
                self._model.refresh()
            self.changed.emit()

    # -- pictures --------------------------------------------------------------------------

    def _sign_more(self) -> None:
        """Look at the next pictures."""
        while self._wanted and len(self._running) < IN_FLIGHT and not self._closed:
            path = self._wanted.pop(0)
            if path in self._running:
                continue
            job = self._make_job(path, SIGNATURE_SIDE)
            future = self._pool.submit(job, priority=PRIORITY)
            self._running[path] = future
            future.add_done_callback(partial(self._sign, path))

    def _sign(self, path: Path, future: "Future[Any]") -> None:
        """In a thread of the pool: reduce the picture to its signature."""
        try:
            pixels = future.result().pixels
            signature = None if pixels is None else frame_signature(pixels)
        except CancelledError:
            return
        except Exception:  # noqa: BLE001 (the pool's edge: no series for it; the log says why)
            _log.exception("no signature of %r", str(path))
            signature = None
        with contextlib.suppress(RuntimeError):
            self._signed.emit(path, signature)

    def _take_signature(self, path: Path, signature: FrameSignature | None) -> None:
        self._running.pop(path, None)
        record = self._model.record(path)
        if record is not None and signature is not None:
            record.signature = signature
        else:
            self._failed.add(path)
        self._sign_more()
        if not self._running and not self._wanted:
            self._schedule()


def frame_of(record: PhotoRecord) -> Frame:
    """Return what grouping needs of a photo."""
    exif, result = record.essentials or ExifEssentials(), record.result
    camera = (exif.camera_make, exif.camera_model, exif.camera_serial)
    return Frame(
        path=record.path,
        taken_at=record.taken_at,
        camera=" ".join(part for part in camera if part) or None,
        exposure_s=exif.exposure_s,
        f_number=exif.f_number,
        iso=exif.iso,
        exposure_bias=exif.exposure_bias,
        auto_bracket=exif.auto_bracket,
        burst_id=exif.burst_id,
        feature=None if result is None else result.feature,
        signature=record.signature,
        score=record.score,
    )


def _is_same(first: Series | None, second: Series | None) -> bool:
    if first is None or second is None:
        return first is second
    return (first.kind, first.members, first.ranked) == (
        second.kind, second.members, second.ranked,
    )  # fmt: skip
