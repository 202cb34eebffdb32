"""Notices Caps Lock from the keys that are typed; Qt has no way to ask."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent


class CapsLock(QObject):
    """An event filter. While Caps Lock is on, a decision moves on to the next photo."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_on = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Learn from letters: an upper-case one without Shift was typed with Caps Lock on."""
        if event.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride):
            assert isinstance(event, QKeyEvent)
            self._learn(event)
        return False

    def _learn(self, event: QKeyEvent) -> None:
        text = event.text()
        control = event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier
            | Qt.KeyboardModifier.AltModifier
            | Qt.KeyboardModifier.MetaModifier
        )
        if len(text) == 1 and text.isalpha() and not control:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.is_on = text.isupper() != shift
        elif event.key() == Qt.Key.Key_CapsLock and event.type() == QEvent.Type.KeyPress:
            self.is_on = not self.is_on
