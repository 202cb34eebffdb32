"""The sheet of keys."""

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from qpt_app.gui.action_table import ACTIONS, ActionSpec
from qpt_app.gui.key_bindings import shown_keys

MODIFIERS = frozenset({
    Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr,
    Qt.Key.Key_CapsLock, Qt.Key.Key_NumLock,
})  # fmt: skip


class KeysDialog(QDialog):
    """All actions that have keys, in three columns; any key closes it."""

    def __init__(self, keys: Mapping[str, tuple[str, ...]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        self.setAccessibleName(self.tr("Keys"))
        groups: dict[str, list[ActionSpec]] = {}
        for spec in ACTIONS:
            if shown_keys(keys, spec.id):
                groups.setdefault(spec.group_title, []).append(spec)
        columns = QHBoxLayout()
        columns.setSpacing(36)
        names = list(groups)
        for part in (names[:1], names[1:3], names[3:]):
            column = QVBoxLayout()
            for name in part:
                column.addLayout(_group(name, groups[name], keys))
                column.addSpacing(12)
            column.addStretch(1)
            columns.addLayout(column)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(28, 24, 28, 24)
        outer.addLayout(columns)
        hint = QLabel(self.tr("Keys can be changed in the settings. Any key closes this sheet."))
        hint.setObjectName("quiet")
        outer.addWidget(hint)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close at any key; Shift and the like are only the beginning of one, as of `?`."""
        if event.key() not in MODIFIERS:
            self.accept()


def _group(title: str, specs: list[ActionSpec], keys: Mapping[str, tuple[str, ...]]) -> QGridLayout:
    """Lay out one group: keys at the left, texts at the right."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(5)
    heading = QLabel(title)
    heading.setObjectName("heading")
    grid.addWidget(heading, 0, 0, 1, 2)
    for row, spec in enumerate(specs, start=1):
        key = QLabel(shown_keys(keys, spec.id))
        key.setTextFormat(Qt.TextFormat.PlainText)
        key.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        text = QLabel(spec.title.rstrip(" …"))
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setObjectName("quiet")
        grid.addWidget(key, row, 0)
        grid.addWidget(text, row, 1)
    grid.setColumnStretch(1, 1)
    return grid
