"""Reads EXIF essentials in a process of its own, as the window sees it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from qpt_app.gui.metadata_worker import ReadAnswer, ReadRequest, metadata_main
from qpt_app.gui.process_link import ProcessLink

CHUNK = 64
"""Photos per message in both directions."""


class MetadataReader(QObject):
    """The window's side."""

    read = Signal(list)
    """(path, `ExifEssentials`) of the present folder."""
    idle = Signal()
    """Everything asked for was read."""

    def __init__(self, read: Callable[[Path], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = ProcessLink(metadata_main, (read,), name="qpt-metadata", parent=self)
        self._link.message.connect(self._take)
        self._link.ended.connect(lambda _: self._give_up())
        self._generation = 0
        self._missing = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is awaited."""
        return self._missing == 0

    def open(self, generation: int) -> None:
        """Start another folder."""
        self._generation = generation
        self._missing = 0

    def ask(self, paths: Sequence[Path]) -> None:
        """Read these photos too."""
        if not paths:
            return
        self._link.start()
        self._missing += len(paths)
        for start in range(0, len(paths), CHUNK):
            self._link.send(ReadRequest(self._generation, list(paths[start : start + CHUNK])))

    def close(self) -> None:
        """End the process."""
        self._link.close()

    def _take(self, answer: object) -> None:
        if isinstance(answer, ReadAnswer) and answer.generation == self._generation:
            self._missing = max(0, self._missing - len(answer.essentials))
            self.read.emit(answer.essentials)
            if self._missing == 0:
                self.idle.emit()

    def _give_up(self) -> None:
        """The process died: details stay unknown; what is asked for later has a new one."""
        self._missing = 0
        self._link.renew()
        self.idle.emit()
