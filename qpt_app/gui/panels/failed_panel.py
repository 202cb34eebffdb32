"""The list of photos that could not be scored, with reasons and a retry."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListView, QPushButton, QVBoxLayout, QWidget

from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.value_texts import reason_text

AnyIndex = QModelIndex | QPersistentModelIndex


class FailedModel(QAbstractListModel):
    """One row for each photo without a score: name and reason."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._records: list[PhotoRecord] = []

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """Number of failed photos."""
        return 0 if parent.isValid() else len(self._records)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer the text of a row."""
        if not index.isValid() or index.row() >= len(self._records):
            return None
        record = self._records[index.row()]
        result = record.result
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            reason = "" if result is None else reason_text(result)
            return f"{record.name}\n{reason}"
        return None

    def record_at(self, row: int) -> PhotoRecord | None:
        """Return the photo of a row."""
        return self._records[row] if 0 <= row < len(self._records) else None

    def set_records(self, records: Sequence[PhotoRecord]) -> None:
        """Show other photos."""
        if list(records) != self._records:
            self.beginResetModel()
            self._records = list(records)
            self.endResetModel()


class FailedPanel(QWidget):
    """The list with its heading and its button."""

    chosen = Signal(object)
    """The user wants to see a photo; carries its record."""
    retry = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = FailedModel(self)
        self._heading = QLabel(self.tr("Not scored"))
        self._heading.setObjectName("heading")
        self._heading.setTextFormat(Qt.TextFormat.PlainText)
        self._retry = QPushButton(self.tr("Try again"))
        self._retry.setAccessibleName(self.tr("Try failed photos again"))
        self._retry.clicked.connect(self.retry)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setUniformItemSizes(True)
        self.view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName(self.tr("Photos that could not be scored"))
        self.view.activated.connect(self._choose)
        self.view.clicked.connect(self._choose)
        top = QHBoxLayout()
        top.setContentsMargins(12, 0, 8, 0)
        top.addWidget(self._heading, 1)
        top.addWidget(self._retry)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 8)
        layout.addLayout(top)
        layout.addWidget(self.view, 1)
        self.hide()

    def set_records(self, records: Sequence[PhotoRecord]) -> None:
        """List failed photos; the panel hides when there are none."""
        self.model.set_records(records)
        self._heading.setText(self.tr("Not scored: %1").replace("%1", str(len(records))))
        self.setVisible(bool(records))

    def _choose(self, index: QModelIndex) -> None:
        record = self.model.record_at(index.row())
        if record is not None:
            self.chosen.emit(record)

    def paths(self) -> list[Path]:
        """Return the listed photos' paths."""
        return [record.path for row in range(self.model.rowCount())
                if (record := self.model.record_at(row)) is not None]  # fmt: skip
