"""Folders: those opened last, and the tree of the computer."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QDir, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFileSystemModel,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from qpt_app.gui.photo_record import display_name


class FolderPanel(QWidget):
    """Choosing a folder here opens it. The tree reads folders in a thread of its own."""

    chosen = Signal(object)
    """A `Path` to open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.recent = QListWidget()
        self.recent.setAccessibleName(self.tr("Folders opened last"))
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.itemActivated.connect(self._open_recent)
        self.recent.itemClicked.connect(self._open_recent)
        self.tree = QTreeView()
        self.tree.setAccessibleName(self.tr("Folders"))
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(14)
        self.tree.setUniformRowHeights(True)
        self.tree.setAnimated(False)
        self.tree.activated.connect(self._open_index)
        self.tree.clicked.connect(self._open_index)
        self._files: QFileSystemModel | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 10, 0, 0)
        layout.setSpacing(4)
        for title, widget, stretch in (
            (self.tr("Recent"), self.recent, 0),
            (self.tr("Folders"), self.tree, 1),
        ):
            heading = QLabel(title)
            heading.setObjectName("heading")
            heading.setContentsMargins(12, 4, 0, 2)
            layout.addWidget(heading)
            layout.addWidget(widget, stretch)

    def set_recent(self, folders: Sequence[str]) -> None:
        """List the folders opened last."""
        self.recent.clear()
        for folder in folders:
            item = QListWidgetItem(display_name(Path(folder).name or folder))
            item.setData(Qt.ItemDataRole.UserRole, folder)
            item.setToolTip(display_name(folder))
            self.recent.addItem(item)
        rows = min(6, max(1, len(folders)))
        self.recent.setFixedHeight(rows * 26 + 6)

    def show_folder(self, folder: Path) -> None:
        """Unfold the tree to a folder, without touching the disk in the GUI thread."""
        files = self._file_model()
        index = files.index(str(folder))
        if index.isValid():
            self.tree.setCurrentIndex(index)
            self.tree.scrollTo(index, QTreeView.ScrollHint.PositionAtCenter)

    def showEvent(self, event: QShowEvent) -> None:
        """Start the tree at the user's own folders, once the window is painted."""
        super().showEvent(event)
        if self._files is None:
            QTimer.singleShot(0, self, self._show_home)

    def _show_home(self) -> None:
        if self._files is None:
            self.show_folder(Path.home())

    def _file_model(self) -> QFileSystemModel:
        """Return the tree's model, made when first needed."""
        if self._files is None:
            self._files = QFileSystemModel(self)
            self._files.setFilter(QDir.Filter.AllDirs | QDir.Filter.NoDotAndDotDot)
            self._files.setOption(QFileSystemModel.Option.DontUseCustomDirectoryIcons)
            self._files.setRootPath("")
            self.tree.setModel(self._files)
            for column in range(1, self._files.columnCount()):
                self.tree.hideColumn(column)
        return self._files

    def _open_recent(self, item: QListWidgetItem) -> None:
        self.chosen.emit(Path(item.data(Qt.ItemDataRole.UserRole)))

    def _open_index(self, index: QModelIndex) -> None:
        if self._files is not None:
            self.chosen.emit(Path(self._files.filePath(index)))
