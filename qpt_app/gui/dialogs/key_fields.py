"""The keys of one action: a field for each, and an empty one for another."""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QKeySequenceEdit, QWidget

from qpt_app.gui.key_bindings import portable_keys

FIELD_WIDTH = 132
"""Wide enough for `Ctrl+Shift+X` beside the button that clears it."""


class KeyField(QKeySequenceEdit):
    """Takes the key that is pressed; the same key again clears it, so that no mouse is needed."""

    def __init__(self, key: str) -> None:
        super().__init__(QKeySequence.fromString(key))
        self.setClearButtonEnabled(True)
        self.setMaximumSequenceLength(1)
        self.setFixedWidth(FIELD_WIDTH)
        self._before: QKeySequence | None = None
        """What the field held when the key was begun."""
        self.editingFinished.connect(self._finish)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take a key."""
        if self._before is None:
            self._before = self.keySequence()
        super().keyPressEvent(event)

    def _finish(self) -> None:
        """Judge a whole key, Ctrl+Y for one; Ctrl alone leaves the field as it was."""
        before, self._before = self._before, None
        if before is None:
            return
        if self.keySequence().isEmpty():
            self.setKeySequence(before)
        elif self.keySequence() == before:
            self.clear()


class KeyFields(QWidget):
    """Every key can be changed and cleared, the first like the last; cleared ones do not count."""

    changed = Signal()

    def __init__(self, title: str, keys: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self.fields: list[KeyField] = []
        """Left to right; the last one is empty."""
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._row.addStretch(1)
        self.set_keys(keys)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in Qt's portable notation, none twice."""
        return portable_keys(field.keySequence().toString() for field in self.fields)

    def set_keys(self, keys: Iterable[str]) -> None:
        """Show these keys and no other."""
        for field in self.fields:
            self._row.removeWidget(field)
            field.hide()
            field.deleteLater()
        self.fields = []
        for key in portable_keys(keys):
            self._add(key)
        self._add("")
        self.changed.emit()

    def _add(self, key: str) -> None:
        field = KeyField(key)
        number = len(self.fields) + 1
        name = self.tr("%1, key %2").replace("%1", self._title).replace("%2", str(number))
        field.setAccessibleName(name)
        field.keySequenceChanged.connect(self._edited)
        self.fields.append(field)
        self._row.insertWidget(len(self.fields) - 1, field)

    def _edited(self) -> None:
        if not self.fields[-1].keySequence().isEmpty():
            self._add("")
        self.changed.emit()
