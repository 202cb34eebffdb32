"""The opened folder: reads it, feeds scoring, and keeps the model and its summaries up to date."""

import os
import time
from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, QTimer, Signal

from qpt_app.gui.decision_desk import DecisionDesk
from qpt_app.gui.desk_messages import Stepped
from qpt_app.gui.folder_scan import BATCH, FolderScan, Runner
from qpt_app.gui.photo_filter import SortKey
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.score_summary import ScoreSummary
from qpt_app.gui.scoring_job import ScoringJob, ScoringState
from qpt_app.gui.services import Services
from qpt_app.photos.results import PhotoResult

REFRESH_MS = 700
"""How often new scores and times may move photos, while nobody touches keys or mouse."""
REST = 20.0
"""In large folders sorting rests this many times as long as it took."""
HOLD_MS = 2500
"""Scoring and EXIF wait for the first screen of thumbnails, this long at most."""
_MOVING = (SortKey.SCORE, SortKey.TIME)
"""Orders in which a photo's place depends on what is found out after it is shown."""
QUIET_S = 1.5
"""Photos do not move under the user's hands: only after this long without a key or click."""


class Library(QObject):
    """Every opened folder is a generation; what belongs to an older one is dropped."""

    opened = Signal(object)
    """A folder is being read; carries its path."""
    found = Signal(list)
    """Photos of the folder that are new or that were changed."""
    changed = Signal(list)
    """Known photos whose files were changed on the disk: their pictures are others now."""
    loaded = Signal()
    """The folder was read to its end."""
    settled = Signal()
    """The folder was read and its photos are on their way to scoring: time for the rest."""
    failed = Signal(str)
    """The folder cannot be read."""
    summary_changed = Signal(object)
    """A new `ScoreSummary`."""
    results_changed = Signal()
    """Scores or features came in since the last time."""

    def __init__(
        self,
        model: PhotoModel,
        scoring: ScoringJob,
        desk: DecisionDesk,
        services: Services,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._scoring = scoring
        self._desk = desk
        self._services = services
        self._threads = QThreadPool(self)
        self._generation = 0
        self._scan: FolderScan | None = None
        self._seen: set[bytes] = set()
        self._heirs: list[tuple[PhotoRecord, PhotoRecord]] = []
        """Known photos, each with a new file that is the other half of its pair."""
        self._taken: list[PhotoRecord] = []
        """Photos with what was decided before they were found: it may be out of date by now."""
        self._stepped: list[Path] = []
        """Files that an undo or redo was about since reading began."""
        self._is_reading = False
        self._is_rescan_due = False
        self._had_photos = False
        self._held: list[PhotoRecord] = []
        self._is_holding = False
        self._touched_at = 0.0
        self.folder: Path | None = None
        self.recursive = False
        self.summary = ScoreSummary()
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._settle)
        self._patience = QTimer(self)
        self._patience.setInterval(HOLD_MS)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self.release)
        desk.stepped.connect(self._note_step)
        scoring.scored.connect(self._take_results)
        scoring.state_changed.connect(self._scoring_changed)

    @property
    def generation(self) -> int:
        """Number of the opened folder."""
        return self._generation

    @property
    def is_reading(self) -> bool:
        """Whether the folder is still being read."""
        return self._is_reading

    def open(self, folder: Path, *, recursive: bool) -> None:
        """Show another folder; what the old one still sends is dropped."""
        if self._scan is not None:
            self._scan.cancel()
        self._generation += 1
        self._held, self._is_holding = [], True
        self._patience.start()
        self.folder, self.recursive = folder, recursive
        self._model.clear()
        self._scoring.open(self._generation)
        self._set_summary()
        self._start_scan()
        self.opened.emit(folder)

    def rescan(self) -> None:
        """Read the folder again: show new files, drop those that are gone, keep the rest.

        While it is being read it is read once more after that: what is new may have been passed by.
        """
        if self._is_reading:
            self._is_rescan_due = True
        elif self.folder is not None:
            self._start_scan()

    def note_touch(self) -> None:
        """The user did something: leave photos where they are for a moment."""
        self._touched_at = time.monotonic()

    def touch_time_out(self) -> None:
        """The user is done with this order: photos may move now."""
        self._touched_at = -QUIET_S

    def note_times(self) -> None:
        """EXIF said when photos were taken: the order by time is behind."""
        if self._model.order.key is SortKey.TIME and not self._timer.isActive():
            self._timer.start()

    def note_focus(self) -> None:
        """It is known how sharp a photo is: what a filter shows of it is behind."""
        if not self._timer.isActive():
            self._timer.start()

    @property
    def is_unsettled(self) -> bool:
        """Whether order and summaries are behind the scores and times."""
        return self._timer.isActive()

    def retry_failed(self) -> int:
        """Score failed photos again; return how many there are."""
        failed = [one for one in self._model.failed_records() if one.file is not None]
        files = [record.file for record in failed if record.file is not None]
        if files:
            self._model.forget_results(failed)
            self._scoring.retry(files)
            self._timer.start()
        return len(files)

    def release(self) -> None:
        """Have the photos scored and looked at that were found so far, and those still to come.

        Until then all processors are there for reading the folder and for the first screen.
        """
        self._patience.stop()
        self._is_holding = False
        self._pass_held_on()

    def _pass_held_on(self) -> None:
        """Pass some photos on, and the others when the window has had its turn."""
        if self._is_holding:  # another folder was opened meanwhile
            return
        some, self._held = self._held[:BATCH], self._held[BATCH:]
        if some:
            self._pass_on(some)
        if self._held:
            QTimer.singleShot(0, self._pass_held_on)
        elif not self._is_reading:
            self.settled.emit()

    @property
    def is_holding(self) -> bool:
        """Whether photos wait for `release`."""
        return self._is_holding

    def close(self) -> None:
        """Stop reading; returns when the thread is done."""
        self._is_rescan_due = False
        self._timer.stop()
        self._patience.stop()
        if self._scan is not None:
            self._scan.cancel()
        self._threads.waitForDone(1500)

    # -- reading ---------------------------------------------------------------------------

    def _start_scan(self) -> None:
        assert self.folder is not None
        self._seen = set()
        self._heirs, self._taken = [], []
        self._stepped = []
        self._is_rescan_due = False
        self._had_photos = bool(self._model.records)
        self._is_reading = True
        scan = FolderScan(
            self.folder,
            generation=self._generation,
            recursive=self.recursive,
            scan=self._services.scan,
            decisions=self._desk.decisions_below,
        )
        scan.found.connect(self._take_records)
        scan.failed.connect(self._scan_failed)
        scan.finished.connect(self._scan_finished)
        self._scan = scan
        self._threads.start(Runner(scan.run))

    def _take_records(self, generation: int, records: list[PhotoRecord]) -> None:
        if generation != self._generation:
            return
        news = records
        if self._had_photos:
            self._seen.update(record.path_key for record in records)
            fresh = self._without_heirs(
                [record for record in records if self._model.record(record.path) is None]
            )
            self._model.add(fresh)
            news = [*fresh, *self._renew_changed(records)]
            self._taken += news
        else:
            self._model.add(records)
        self._hold_or_pass_on(news)

    def _without_heirs(self, fresh: list[PhotoRecord]) -> list[PhotoRecord]:
        """Put new files aside that are the other half of a known photo's pair."""
        if not fresh:
            return fresh
        halves = {
            os.fsencode(one.file.companion): one
            for one in self._model.records
            if one.file is not None and one.file.companion is not None
        }
        rest = []
        for record in fresh:
            companion = None if record.file is None else record.file.companion
            known = None if companion is None else self._model.record(companion)
            known = known or halves.get(record.path_key)
            if known is None:
                rest.append(record)
            else:
                self._heirs.append((known, record))
        return rest

    def _settle_heirs(self) -> None:
        """The folder is read: where one half of a pair is gone, the photo goes on as the other."""
        heirs, self._heirs = self._heirs, []
        went_on = []
        for known, record in heirs:
            if known.path_key in self._seen:
                self._model.add([record])
                self._taken.append(record)
                self._hold_or_pass_on([record])
            else:
                self._model.go_on_as(known, record)
                self._taken.append(known)
                went_on.append(known)
        if went_on:
            self.changed.emit(went_on)
            self._hold_or_pass_on(went_on)

    def _note_step(self, step: Stepped | None) -> None:
        if step is not None and self._is_reading:
            self._stepped += step.paths

    def _look_up_decisions(self) -> None:
        """Ask anew what was decided about photos that were taken over from the disk.

        They came with what was decided when reading began. A person may have rated them, or taken
        a rating back, while it went on. What is read here is newer than all that was asked for.
        """
        taken, self._taken = self._taken, []
        asked = dict.fromkeys((*taken, *self._model.showing(self._stepped)))
        if not asked:
            return
        self._desk.look_up(
            lambda: [(one.path, one.file.companion) for one in asked if one.file is not None]
        )

    def _hold_or_pass_on(self, news: list[PhotoRecord]) -> None:
        if self._is_holding or self._held:
            self._held += news
        else:
            self._pass_on(news)

    def _pass_on(self, records: list[PhotoRecord]) -> None:
        """Have photos scored and their EXIF read."""
        files = [record.file for record in records if record.file is not None]
        if files:
            self._scoring.add(files)
        self.found.emit(records)
        self._timer.start()

    def _renew_changed(self, records: list[PhotoRecord]) -> list[PhotoRecord]:
        """Let photos that changed on the disk take their new files over; return them."""
        changed = []
        for record in records:
            known = self._model.record(record.path)
            if known is not None and record.file is not None and record.file != known.file:
                known.file, known.signature = record.file, None
                changed.append(known)
        if changed:
            self._model.forget_results(changed)
            self.changed.emit(changed)
        return changed

    def _scan_failed(self, generation: int, reason: str) -> None:
        if generation == self._generation:
            self.failed.emit(reason)

    def _scan_finished(self, generation: int) -> None:
        if generation != self._generation:
            return
        self._is_reading = False
        if self._had_photos:
            self._settle_heirs()
            self._model.remove(
                [one.path for one in self._model.records if one.path_key not in self._seen]
            )
        self._look_up_decisions()
        self._model.refresh()
        self._set_summary()
        self.loaded.emit()
        if not self._is_holding and not self._held:
            self.settled.emit()
        if self._is_rescan_due:
            self.rescan()

    # -- scores ----------------------------------------------------------------------------

    def _take_results(self, results: list[PhotoResult]) -> None:
        self._model.set_results(results)
        if not self._timer.isActive():
            self._timer.start()

    def _scoring_changed(self, state: ScoringState) -> None:
        if state in (ScoringState.DONE, ScoringState.CANCELLED, ScoringState.PAUSED):
            self._timer.start()

    def _settle(self) -> None:
        """Bring order and summaries up to date, unless the user is busy with this order."""
        start = time.perf_counter()
        self._set_summary()
        self.results_changed.emit()
        moves = self._model.order.key in _MOVING or not self._model.filter.is_trivial
        waits = moves and time.monotonic() - self._touched_at < QUIET_S
        if not waits:
            self._model.refresh()
        rest_ms = int(REST * 1000 * (time.perf_counter() - start))
        self._timer.setInterval(max(REFRESH_MS, rest_ms))
        if waits:
            self._timer.start()

    def _set_summary(self) -> None:
        self.summary = ScoreSummary(self._model.scores)
        self.summary_changed.emit(self.summary)
