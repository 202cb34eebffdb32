"""Notices Caps Lock from the keys that are typed; Qt has no way to ask."""

import sys

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

RELEASED_WHEN_OFF = sys.platform == "darwin"
"""On a Mac the key counts as held while the lock is on; elsewhere each press changes it."""


class CapsLock(QObject):
    """An event filter. While Caps Lock is on, a decision moves on to the next photo."""

    def __init__(
        self, parent: QObject | None = None, *, released_when_off: bool = RELEASED_WHEN_OFF
    ) -> None:
        super().__init__(parent)
        self.is_on = False
        self._is_held = False
        self._released_when_off = released_when_off

    def watch(self, application: QApplication) -> None:
        """Look at the keys of every window: the lock may change while a dialog has the keyboard."""
        application.installEventFilter(self)

    def unwatch(self, application: QApplication) -> None:
        """Stop looking."""
        application.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Learn from every key; none is kept from where it goes."""
        kind = event.type()
        if kind in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride, QEvent.Type.KeyRelease):
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_CapsLock:
                self._learn_from_lock(kind)
            elif kind != QEvent.Type.KeyRelease:
                self._is_held = False
                self._learn_from_letter(event)
        return False

    def _learn_from_lock(self, kind: QEvent.Type) -> None:
        """Count a press once, though it comes by again for each widget that it is offered to."""
        is_press, is_release = kind == QEvent.Type.KeyPress, kind == QEvent.Type.KeyRelease
        if self._released_when_off and (is_press or is_release):
            self.is_on = is_press
        elif is_press and not self._is_held:
            self.is_on = not self.is_on
            self._is_held = True
        elif is_release:
            self._is_held = False

    def _learn_from_letter(self, event: QKeyEvent) -> None:
        """An upper-case letter without Shift was typed with Caps Lock on, whoever turned it on.

        Letters typed with Shift tell nothing: systems differ in what both keys together give.
        """
        text = event.text()
        is_cased = len(text) == 1 and text.isalpha() and text.upper() != text.lower()
        if is_cased and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.is_on = text.isupper()
