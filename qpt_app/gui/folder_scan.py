"""Reads a folder in a thread: photo files, RAW+JPEG pairs and what was decided about them."""

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, Signal

from qpt_app.decisions.decision import Decision
from qpt_app.gui.photo_record import PhotoRecord, decision_among
from qpt_app.photos.results import PhotoFile, PhotoResult

FIRST_BATCH, BATCH = 200, 2500
"""Records per signal: few at first, so that something is on screen at once."""

Found = PhotoFile | PhotoResult
ScanFunction = Callable[[Path, bool], Iterable[Found]]
DecisionsFunction = Callable[[Path], dict[bytes, Decision]]
"""Folder -> the decisions in it and below, by `PhotoRecord.path_key`."""


class FolderScan(QObject):
    """One reading of one folder. Lives in the GUI thread; `run` may run anywhere."""

    found = Signal(int, list)
    """Generation and `PhotoRecord`s, a few times a second."""
    failed = Signal(int, str)
    """Generation and why the folder cannot be read."""
    finished = Signal(int)
    """Generation; always the last signal."""

    def __init__(
        self,
        folder: Path,
        *,
        generation: int,
        recursive: bool,
        scan: ScanFunction,
        decisions: DecisionsFunction,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.generation = generation
        self._recursive = recursive
        self._scan = scan
        self._decisions = decisions
        self._decided: dict[bytes, Decision] | None = None
        self._cancel = threading.Event()

    def cancel(self) -> None:
        """Stop soon; `finished` still comes."""
        self._cancel.set()

    def run(self) -> None:
        """Read the folder and report in batches."""
        try:
            size = FIRST_BATCH
            batch: list[Found] = []
            for found in self._scan(self.folder, self._recursive):
                batch.append(found)
                if len(batch) >= size:
                    self._report(batch)
                    batch, size = [], BATCH
                if self._cancel.is_set():
                    return
            self._report(batch)
        except Exception as error:  # noqa: BLE001 (the thread's edge: the window shows it)
            self.failed.emit(self.generation, str(error) or type(error).__name__)
        finally:
            self.finished.emit(self.generation)

    def _report(self, batch: list[Found]) -> None:
        if not batch or self._cancel.is_set():
            return
        if self._decided is None:
            self._decided = self._decisions(self.folder)
        records = []
        for one in batch:
            if isinstance(one, PhotoFile):
                record = PhotoRecord(one.location, one)
                record.decision = decision_among(self._decided, record)
            else:
                record = PhotoRecord(os.fspath(one.path), None, one)
            records.append(record)
        self.found.emit(self.generation, records)


class Runner(QRunnable):
    """Runs a job's `run` in a thread pool and keeps the job alive meanwhile."""

    def __init__(self, run: Callable[[], None]) -> None:
        super().__init__()
        self._run = run

    def run(self) -> None:
        """Run the job."""
        self._run()
