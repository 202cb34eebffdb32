"""Measures in the background how sharp the sharpest part of each photo is, once that is asked."""

import contextlib
import logging
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from qpt_app.gui.image_loader import ImagePool
from qpt_app.gui.library import Library
from qpt_app.gui.photo_filter import FocusTest, PhotoFilter
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.photos.focus_job import FocusJob

MEASURED_SIDE = 3000
"""Long side in pixels that photos are measured at: the same picture is as sharp with 12 megapixels
as with 48. At 1500, 2000, 3000 and 6000 pixels a photo of 24 MP takes 0.1, 0.35, 0.3 (JPEG is
decoded at half its size) and 1.3 s of a processor, and is told from the sharp one when it is
blurred by 6, 6, 4 and 2 pixels of its own; 12 MP at 3000 pixels take 0.5 s and show 3."""
PRIORITY = 20
"""Behind thumbnails, the loupe and what series look at."""

_log = logging.getLogger(__name__)


class FocusController(QObject):
    """Begins when the filter asks for focus, or the loupe for one photo; costs nothing before."""

    measured = Signal(object)
    """A `PhotoRecord` whose focus is known now."""
    _answered = Signal(object, object, object)

    def __init__(
        self,
        model: PhotoModel,
        library: Library,
        pool: ImagePool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._library = library
        self._pool = pool
        self._first: PhotoRecord | None = None
        self._waiting: list[PhotoRecord] = []
        self._running: tuple[PhotoRecord, Future[Any]] | None = None
        self._closed = False
        self._answered.connect(self._take, Qt.ConnectionType.QueuedConnection)
        library.opened.connect(lambda _: self._forget())
        library.found.connect(self._note_found)
        library.changed.connect(self._note_changed)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being measured or waits for it."""
        return self._running is None and not self._waiting and self._first is None

    def follow(self, shown: PhotoFilter) -> None:
        """Measure all photos if the filter asks for it, else no more."""
        is_asked = shown.focus is not FocusTest.ANY
        self._waiting = _unmeasured(self._model.records) if is_asked else []
        self._go_on()

    def look_at(self, record: PhotoRecord | None) -> None:
        """Measure this photo next, instead of the one that was looked at before."""
        self._first = next(iter(_unmeasured([record] if record is not None else [])), None)
        self._go_on()

    def close(self) -> None:
        """Stop; what still comes is dropped."""
        self._closed = True
        self._forget()

    def _forget(self) -> None:
        self._first, self._waiting = None, []
        if self._running is not None:
            self._running[1].cancel()
            self._running = None

    def _note_found(self, records: Sequence[PhotoRecord]) -> None:
        """Measure new photos too, and those that were changed."""
        if self._model.filter.focus is not FocusTest.ANY:
            self._waiting += _unmeasured(records)
            self._go_on()

    def _note_changed(self, records: Sequence[PhotoRecord]) -> None:
        """What was measured is of the old file; `Library.found` brings it again."""
        for record in records:
            record.is_focus_measured, record.sharpest = False, None
        if self._running is not None and self._running[0] in records:
            self._running[1].cancel()
            self._running = None

    def _go_on(self) -> None:
        """Have the next photo measured; one at a time, so that pictures never wait for two."""
        while self._running is None and not self._closed:
            if self._first is not None:
                record, self._first = self._first, None
            elif self._waiting:
                record = self._waiting.pop(0)
            else:
                return
            if record.is_focus_measured or self._model.record(record.path) is not record:
                continue
            job = FocusJob(record.path, MEASURED_SIDE)
            future = self._pool.submit(job, priority=PRIORITY)
            self._running = (record, future)
            future.add_done_callback(partial(self._answer, record))

    def _answer(self, record: PhotoRecord, future: "Future[Any]") -> None:
        """In a thread of the pool: pass the number on."""
        try:
            sharpest = future.result().sharpest
        except CancelledError:
            return
        except Exception:  # noqa: BLE001 (the pool's edge: its focus stays unknown, the log says why)
            _log.exception("no focus of %r", record.location)
            sharpest = None
        with contextlib.suppress(RuntimeError):  # the window went away
            self._answered.emit(record, future, sharpest)

    def _take(self, record: PhotoRecord, future: "Future[Any]", sharpest: float | None) -> None:
        if self._closed or self._running is None or self._running[1] is not future:
            return
        self._running = None
        record.is_focus_measured, record.sharpest = True, sharpest
        self.measured.emit(record)
        if self._model.filter.focus is not FocusTest.ANY:
            self._model.touch([record])
            self._library.note_focus()
        self._go_on()


def _unmeasured(records: Sequence[PhotoRecord]) -> list[PhotoRecord]:
    return [one for one in records if one.file is not None and not one.is_focus_measured]
