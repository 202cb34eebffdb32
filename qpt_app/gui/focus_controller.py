"""Measures in the background how sharp the sharpest part of each photo is, once that is asked."""

import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any, NamedTuple

from PySide6.QtCore import QObject, Qt, Signal

from qpt_app.gui.focus_memory import FocusMemory
from qpt_app.gui.image_loader import ImagePool
from qpt_app.gui.library import Library
from qpt_app.gui.photo_filter import FocusTest, PhotoFilter
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.view_pool import FOCUS_LANE
from qpt_app.photos.focus import MEASURE_VERSION, REFERENCE_SIDE
from qpt_app.photos.focus_job import FocusJob
from qpt_app.photos.results import PhotoFile
from qpt_app.photos.score_cache import CachedFocus, FocusMeasure

MEASURED_SIDE = REFERENCE_SIDE
"""Long side in pixels that photos are measured at. A JPEG of 24 MP is decoded at half its size for
that and takes 0.3 s of a processor, one of 12 MP, which is not, 0.6 s; at its own size one of 24 MP
takes 1.4 s. What is seen at this size is at `IN_FOCUS`."""
MEASURE = FocusMeasure(MEASURE_VERSION, MEASURED_SIDE)
ASKED_AT_ONCE = 1000
"""Photos looked up in the memory at a time."""
PRIORITY = 20
"""Behind thumbnails, the loupe and what series look at."""
LOOKED_AT_PRIORITY = 2
"""That of the masks, so that they and the photo that is looked at take turns."""

_log = logging.getLogger(__name__)


class _Measure(NamedTuple):
    """What the pool has to do."""

    record: PhotoRecord
    future: "Future[Any]"
    priority: int


class FocusController(QObject):
    """Begins when the filter asks for focus, or the loupe for one photo; costs nothing before."""

    measured = Signal(object)
    """The `PhotoRecord` that is looked at: its focus is known now."""
    _answered = Signal(object, object, object)
    _recalled = Signal(object, object)

    def __init__(
        self,
        model: PhotoModel,
        library: Library,
        pool: ImagePool,
        memory: FocusMemory,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._library = library
        self._pool = pool
        self._memory = memory
        self._looked_at: PhotoRecord | None = None
        self._asked: set[PhotoRecord] = set()
        """What is being looked up in the memory."""
        self._unknown: set[PhotoRecord] = set()
        """What the memory does not know, so that it is asked once."""
        self._failed: set[PhotoRecord] = set()
        """What could not be measured: not known, but perhaps when it is tried again."""
        self._first: PhotoRecord | None = None
        self._waiting: deque[PhotoRecord] = deque()
        self._running: _Measure | None = None
        self._closed = False
        self._answered.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._recalled.connect(self._take_recalled, Qt.ConnectionType.QueuedConnection)
        library.opened.connect(lambda _: self._forget())
        library.found.connect(self._note_found)
        library.changed.connect(self._note_changed)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being looked up or measured, or waits for it."""
        waits = self._waiting or self._asked or self._first is not None
        return self._running is None and not waits

    def follow(self, shown: PhotoFilter) -> None:
        """Measure all photos if the filter asks for it, else no more."""
        self._waiting.clear()
        if shown.focus is not FocusTest.ANY:
            self._want(self._model.records)
        self._go_on()

    def look_at(self, record: PhotoRecord | None) -> None:
        """Measure this photo next, instead of the one that was looked at before."""
        self._looked_at, self._first = record, None
        wanted = _unmeasured([record] if record is not None else [])
        if record in self._unknown:
            self._first = next(iter(wanted), None)
        else:
            self._recall(wanted)
        self._go_on()

    def retry(self) -> None:
        """Measure anew what could not be measured: the drive may be back."""
        failed = [one for one in self._model.records if one in self._failed]
        self._failed.clear()
        for record in failed:
            record.is_focus_measured = False
        if failed:
            self._model.touch(failed)  # the loupe asks again for the one that it shows
        if self._model.filter.focus is not FocusTest.ANY:
            self._want(failed)
        self._go_on()

    def close(self) -> None:
        """Stop; what still comes is dropped."""
        self._closed = True
        self._forget()

    def _forget(self) -> None:
        self._looked_at = self._first = None
        self._waiting.clear()
        self._asked.clear()
        self._unknown.clear()
        self._failed.clear()
        if self._running is not None:
            self._running.future.cancel()
            self._running = None

    def _note_found(self, records: Sequence[PhotoRecord]) -> None:
        """Measure new photos too, and those that were changed."""
        if self._model.filter.focus is not FocusTest.ANY:
            self._want(records)
            self._go_on()

    def _note_changed(self, records: Sequence[PhotoRecord]) -> None:
        """What was measured is of the old file; `Library.found` brings it again."""
        for record in records:
            record.is_focus_measured, record.sharpest, record.focus_gap = False, None, None
            self._asked.discard(record)
            self._unknown.discard(record)
            self._failed.discard(record)
        if self._running is not None and self._running.record in records:
            self._running.future.cancel()
            self._running = None

    def _want(self, records: Sequence[PhotoRecord]) -> None:
        """Have photos measured that the memory does not know."""
        wanted = _unmeasured(records)
        self._waiting += [one for one in wanted if one in self._unknown]
        self._recall([one for one in wanted if one not in self._unknown])

    def _recall(self, records: Sequence[PhotoRecord]) -> None:
        """Ask the memory for photos, unless it is looking for them already."""
        new = [(one, one.file) for one in records if one.file and one not in self._asked]
        self._asked.update(record for record, _ in new)
        for start in range(0, len(new), ASKED_AT_ONCE):
            some = new[start : start + ASKED_AT_ONCE]
            self._memory.ask([file for _, file in some], partial(self._pass_on, some))

    def _pass_on(
        self,
        asked: Sequence[tuple[PhotoRecord, PhotoFile]],
        known: Sequence[CachedFocus | None],
    ) -> None:
        """In the memory's thread: pass its answer on."""
        with contextlib.suppress(RuntimeError):  # the window went away
            self._recalled.emit(asked, known)

    def _take_recalled(
        self,
        asked: Sequence[tuple[PhotoRecord, PhotoFile]],
        known: Sequence[CachedFocus | None],
    ) -> None:
        """Use what is remembered, and have the rest measured if that is still wanted."""
        told = []
        for (record, file), focus in zip(asked, known, strict=True):
            if record not in self._asked or record.file != file:
                continue  # another folder, or the file was changed
            self._asked.discard(record)
            if focus is not None:
                _tell(record, focus)
                told.append(record)
                continue
            self._unknown.add(record)
            if record is self._looked_at:
                self._first = record
            elif self._model.filter.focus is not FocusTest.ANY:
                self._waiting.append(record)
        self._show(told)
        self._go_on()

    def _show(self, records: Sequence[PhotoRecord]) -> None:
        """The focus of photos is known now."""
        if self._looked_at in records:
            self.measured.emit(self._looked_at)
        if records and self._model.filter.focus is not FocusTest.ANY:
            self._model.touch(records)
            self._library.note_focus()

    def _go_on(self) -> None:
        """Have the next photo measured; the pool gets them one by one, so that order can change."""
        if self._first is not None:
            self._take_back()
        while self._running is None and not self._closed:
            if self._first is not None:
                record, self._first, priority = self._first, None, LOOKED_AT_PRIORITY
            elif self._waiting:
                record, priority = self._waiting.popleft(), PRIORITY
            else:
                return
            if record.is_focus_measured or self._model.record(record.path) is not record:
                continue
            job = FocusJob(record.path, MEASURED_SIDE)
            future = self._pool.submit(job, priority=priority, lane=FOCUS_LANE)
            self._running = _Measure(record, future, priority)
            future.add_done_callback(partial(self._answer, record))

    def _take_back(self) -> None:
        """Take back what has not begun, so that the photo that is looked at is next."""
        running = self._running
        if running is None:
            return
        if running.record is self._first and running.priority == LOOKED_AT_PRIORITY:
            self._first = None  # it is next already
        elif running.future.cancel():
            self._running = None
            if self._model.filter.focus is not FocusTest.ANY:
                self._waiting.appendleft(running.record)

    def _answer(self, record: PhotoRecord, future: "Future[Any]") -> None:
        """In a thread of the pool: pass the number on."""
        try:
            outcome = future.result()
            is_told = outcome.paint is not None or outcome.gap is not None
            focus = CachedFocus(outcome.sharpest, outcome.gap) if is_told else None
        except CancelledError:
            return
        except Exception:  # noqa: BLE001 (the pool's edge: its focus stays unknown, the log says why)
            _log.exception("no focus of %r", record.location)
            focus = None
        with contextlib.suppress(RuntimeError):  # the window went away
            self._answered.emit(record, future, focus)

    def _take(self, record: PhotoRecord, future: "Future[Any]", focus: CachedFocus | None) -> None:
        if self._closed or self._running is None or self._running.future is not future:
            return
        self._running = None
        _tell(record, focus or CachedFocus(None))
        if focus is None:
            self._failed.add(record)
        elif record.file is not None:
            self._memory.keep(record.file, focus)
        self._show([record])
        self._go_on()


def _unmeasured(records: Sequence[PhotoRecord]) -> list[PhotoRecord]:
    return [one for one in records if one.file is not None and not one.is_focus_measured]


def _tell(record: PhotoRecord, focus: CachedFocus) -> None:
    """Note what was found out about a photo."""
    record.is_focus_measured, record.sharpest, record.focus_gap = True, focus.blur, focus.gap
