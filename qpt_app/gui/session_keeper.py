"""Remembers choices and the place where the user stopped, a moment after they change."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from qpt_app.errors import StorageError
from qpt_app.gui.gui_settings import (
    GuiPaths,
    GuiSettings,
    SessionState,
    save,
    with_current,
    with_folder,
)

SAVE_MS = 1500
"""Changes are gathered for this long before they are written."""


class SessionKeeper(QObject):
    """Writes both files; a failure is told once and costs nothing but memory of the place."""

    settings_changed = Signal(object)
    failed = Signal(str)

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
        self._timer.timeout.connect(self.save_now)

    def change_settings(self, settings: GuiSettings) -> None:
        """Use other choices."""
        if settings != self.settings:
            self.settings = settings
            self._timer.start()
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
        """Write what changed."""
        self._timer.stop()
        try:
            if self.settings != self._saved_settings:
                save(self._paths.settings, self.settings)
                self._saved_settings = self.settings
            if self.session != self._saved_session:
                save(self._paths.session, self.session)
                self._saved_session = self.session
        except (StorageError, OSError) as error:
            if not self._has_failed:
                self._has_failed = True
                self.failed.emit(str(error))

    def _note(self, change: Callable[[SessionState], SessionState]) -> None:
        session = change(self.session)
        if session != self.session:
            self.session = session
            self._timer.start()
