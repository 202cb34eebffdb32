"""Background scoring as the window sees it: commands in, batches of results out."""

import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from qpt_app.core.calibration import Calibration
from qpt_app.gui.process_link import ProcessLink
from qpt_app.gui.scoring_worker import (
    Command,
    Engine,
    Idle,
    Loaded,
    Ready,
    Scored,
    Trouble,
    scoring_main,
)
from qpt_app.photos.results import PhotoFile


class ScoringState(StrEnum):
    """What scoring is doing."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"
    FAILED = "failed"


class ScoringJob(QObject):
    """Scores the photos of the opened folder in a process of its own.

    Every folder is a generation; what arrives for an older one is dropped.
    """

    scored = Signal(list)
    """`PhotoResult`s of the present folder, a few times a second."""
    state_changed = Signal(object)
    """A `ScoringState`."""
    notice = Signal(str)
    """One line for the user."""

    def __init__(
        self,
        make_engine: Callable[[Any], Engine],
        settings: Any,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._link = ProcessLink(
            scoring_main, (make_engine, settings), name="qpt-scoring", parent=self
        )
        self._link.message.connect(self._take)
        self._link.ended.connect(self._lost)
        self._generation = 0
        self._expected = 0
        self._received: set[str] = set()
        self._files: dict[str, PhotoFile] = {}  # by text: a Path takes long to hash
        self._state = ScoringState.IDLE
        self._is_ready = False
        self.model: str | None = None
        """Label of the model, once the worker knows it."""
        self._calibration: Calibration | None = None

    def better(self, score: float, other: float) -> float | None:
        """Return how likely people prefer a photo of the one score, 0..1; None if unknown."""
        known = self._calibration
        return None if known is None else known.probability_better(score, other)

    @property
    def state(self) -> ScoringState:
        """What scoring is doing."""
        return self._state

    @property
    def is_promising(self) -> bool:
        """Whether photos without a score can expect one; not after a failure or a stop."""
        return self._state not in (ScoringState.FAILED, ScoringState.CANCELLED)

    @property
    def progress(self) -> tuple[int, int]:
        """(photos with a result, photos asked for) of the present folder."""
        return len(self._received), len(self._files)

    def open(self, generation: int) -> None:
        """Start a new folder; the old one's photos are forgotten. A failed process is replaced."""
        self._generation = generation
        self._received.clear()
        self._files.clear()
        if self._state is ScoringState.FAILED:
            self._renew()
        else:
            self._send("open", generation)
        self._set_state(ScoringState.IDLE)

    def add(self, files: Sequence[PhotoFile]) -> None:
        """Score these photos too."""
        self._files.update((file.location, file) for file in files)
        self._received.difference_update(file.location for file in files)
        if self._state not in (ScoringState.PAUSED, ScoringState.FAILED, ScoringState.CANCELLED):
            self._set_state(ScoringState.RUNNING if self._is_ready else ScoringState.STARTING)
        if self._state is not ScoringState.CANCELLED:
            self._link.start()
            self._send("add", self._generation, list(files))

    def retry(self, files: Sequence[PhotoFile]) -> None:
        """Score photos again that failed before, although the cache knows them."""
        self._received.difference_update(file.location for file in files)
        self.try_again()
        if self._state is ScoringState.DONE or self._state is ScoringState.IDLE:
            self._set_state(ScoringState.RUNNING)
        self._link.start()
        self._send("retry", self._generation, list(files))

    def look_at(self, paths: Sequence[Path]) -> None:
        """Score what the user looks at first."""
        waiting = [path for path in paths if self._is_waiting(os.fspath(path))]
        if waiting:
            self._send("look_at", waiting)

    def toggle_pause(self) -> None:
        """Pause, resume, or start again what was stopped or failed."""
        if self._state in (ScoringState.RUNNING, ScoringState.STARTING):
            self._send("set_paused", True)
            self._set_state(ScoringState.PAUSED)
        elif self._state is ScoringState.PAUSED:
            self._send("set_paused", False)
            self._go_on()
        elif self._state is ScoringState.CANCELLED:
            self._take_up_rest()
        else:
            self.try_again()

    def try_again(self) -> bool:
        """After a failure, take the rest up with a new process; False if nothing has failed."""
        if self._state is not ScoringState.FAILED:
            return False
        self._renew()
        self._take_up_rest()
        return True

    def cancel(self) -> None:
        """Stop; what was scored stays, the rest can be taken up again."""
        if self._state in (ScoringState.RUNNING, ScoringState.STARTING, ScoringState.PAUSED):
            self._send("cancel")
            self._send("set_paused", False)
            self._set_state(ScoringState.CANCELLED)

    def close(self) -> None:
        """End the process; takes less than two seconds."""
        self._link.close()

    def _go_on(self) -> None:
        """After a pause: the last scores may have come in spite of it, then no more will."""
        if self._is_complete:
            self._set_state(ScoringState.DONE)
        else:
            self._set_state(ScoringState.RUNNING if self._is_ready else ScoringState.STARTING)

    def _renew(self) -> None:
        """Have the next photos scored by a new process, which knows nothing yet."""
        self._is_ready = False
        self._link.renew()
        self._send("open", self._generation)

    def _take_up_rest(self) -> None:
        """Score what has no result yet."""
        self._set_state(ScoringState.IDLE)
        rest = [file for path, file in self._files.items() if path not in self._received]
        if rest:
            self.add(rest)
        elif self._files:
            self._set_state(ScoringState.DONE)

    def _is_waiting(self, path: str) -> bool:
        return path in self._files and path not in self._received

    def _send(self, name: str, *arguments: Any) -> None:
        self._link.send(Command(name, arguments))

    def _take(self, message: object) -> None:
        """Deal with what the worker sent."""
        if isinstance(message, Ready):
            self.model, self._calibration = message
        elif isinstance(message, Loaded):
            self._note_ready()
        elif isinstance(message, Scored) and message.generation == self._generation:
            self._note_ready()
            results = [one for one in message.results if os.fspath(one.path) in self._files]
            self._received.update(os.fspath(result.path) for result in results)
            self.scored.emit(results)
            if self._is_complete and self._state is ScoringState.RUNNING:
                self._set_state(ScoringState.DONE)
        elif isinstance(message, Idle) and message.generation == self._generation:
            if self._is_complete and self._state is ScoringState.RUNNING:
                self._set_state(ScoringState.DONE)
        elif isinstance(message, Trouble):
            self.notice.emit(message.text)
            if message.is_fatal:
                self._set_state(ScoringState.FAILED)

    def _note_ready(self) -> None:
        """Scores come from now on."""
        self._is_ready = True
        if self._state is ScoringState.STARTING:
            self._set_state(ScoringState.RUNNING)

    @property
    def _is_complete(self) -> bool:
        return len(self._received) >= len(self._files)

    def _lost(self, reason: str) -> None:
        self.notice.emit(self.tr("Scoring stopped: %1").replace("%1", reason))
        self._set_state(ScoringState.FAILED)

    def _set_state(self, state: ScoringState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit(state)
