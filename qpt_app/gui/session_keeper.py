"""Remembers choices and the place where the user stopped, a moment after they change."""

import base64
import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QThreadPool, QTimer, Signal
from PySide6.QtWidgets import QWidget

from qpt_app.errors import StorageError
from qpt_app.gui.folder_scan import Runner
from qpt_app.gui.gui_settings import (
    GuiPaths,
    GuiSettings,
    SessionState,
    save,
    with_current,
    with_folder,
)

SAVE_MS = 1500
"""Changes are gathered for this long, from the first one on, before they are written."""


class SessionKeeper(QObject):
    """Writes both files; a failure is told once and costs nothing but memory of the place."""

    settings_changed = Signal(object)
    failed = Signal(str)
    _write_failed = Signal(str)

    def __init__(
        self,
        paths: GuiPaths,
        settings: GuiSettings,
        session: SessionState,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._paths = paths
        self.settings = settings
        self.session = session
        self._saved_settings = settings
        self._saved_session = session
        self._has_failed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MS)
        self._timer.timeout.connect(self._save)
        self._threads = QThreadPool(self)
        self._threads.setMaxThreadCount(1)
        self._write_failed.connect(self._tell_once)

    def change_settings(self, settings: GuiSettings) -> None:
        """Use other choices."""
        if settings != self.settings:
            self.settings = settings
            self._save_soon()
            self.settings_changed.emit(settings)

    def change_session(self, **changes: Any) -> None:
        """Note some fields of the session."""
        self._note(lambda session: replace(session, **changes))

    def note_folder(self, folder: Path) -> None:
        """Note that a folder was opened."""
        self._note(lambda session: with_folder(session, folder))

    def note_current(self, folder: Path, photo: Path | None) -> None:
        """Note the framed photo."""
        self._note(lambda session: with_current(session, folder, photo))

    def note_window(self, window: QWidget) -> None:
        """Note size and place of the window."""
        data = bytes(window.saveGeometry().data())
        self.change_session(geometry=base64.b64encode(data).decode("ascii"))

    def restore_window(self, window: QWidget) -> bool:
        """Give the window the size and place it had; False if none is known."""
        if not self.session.geometry:
            return False
        data = base64.b64decode(self.session.geometry.encode("ascii"), validate=False)
        return window.restoreGeometry(QByteArray(data))

    def save_now(self) -> None:
        """Write what changed; returns when it is on the disk."""
        self._timer.stop()
        self._threads.waitForDone()
        self._write(self.settings, self.session)

    def _save_soon(self) -> None:
        """Let further changes come, but not for ever: a crash must not cost the place."""
        if not self._timer.isActive():
            self._timer.start()

    def _save(self) -> None:
        """Write in a thread: the disk may be slow, and the user goes on meanwhile."""
        self._threads.start(Runner(partial(self._write, self.settings, self.session)))

    def _write(self, settings: GuiSettings, session: SessionState) -> None:
        """Write both files; one call at a time, in the thread or after it."""
        try:
            if settings != self._saved_settings:
                save(self._paths.settings, settings)
                self._saved_settings = settings
            if session != self._saved_session:
                save(self._paths.session, session)
                self._saved_session = session
        except (StorageError, OSError) as error:
            with contextlib.suppress(RuntimeError):  # the window went away meanwhile
                self._write_failed.emit(str(error))

    def _tell_once(self, reason: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            self.failed.emit(reason)

    def _note(self, change: Callable[[SessionState], SessionState]) -> None:
        session = change(self.session)
        if session != self.session:
            self.session = session
            self._save_soon()
