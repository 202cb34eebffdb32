"""The grid: an item view of equal cells that lays out and paints only what is visible.

It is a `QListView` for one reason: Qt gives only its own item views an accessible interface with a
child for each row, named by `AccessibleTextRole`. Layout, painting and movement are its own; where
`QListView` would lay out all rows, `QAbstractItemView` is called instead.
"""

import math
from typing import Any

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from qpt_app.gui.tile_delegate import TileDelegate

AnyIndex = QModelIndex | QPersistentModelIndex
MIN_TILE, MAX_TILE = 96, 480


class GridView(QListView):
    """Equal cells in rows. Costs depend on what is visible, not on the size of the folder."""

    visible_changed = Signal()
    """Other rows came into view: load their thumbnails, score them first."""
    tile_size_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tile = 184
        self.setObjectName("surround")
        self.setFrameShape(QAbstractItemView.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Photos"))
        self.verticalScrollBar().valueChanged.connect(self.visible_changed)

    # -- geometry --------------------------------------------------------------------------

    @property
    def tile_size(self) -> int:
        """Side of the square that a thumbnail fits into, device-independent pixels."""
        return self._tile

    def set_tile_size(self, side: int) -> None:
        """Change the size of thumbnails; the current photo stays in view."""
        side = max(MIN_TILE, min(MAX_TILE, side))
        if side == self._tile:
            return
        self._tile = side
        self.updateGeometries()
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())
        self.viewport().update()
        self.tile_size_changed.emit(side)
        self.visible_changed.emit()

    @property
    def columns(self) -> int:
        """Cells per row, at least one."""
        return max(1, self.viewport().width() // self._cell_min().width())

    def cell_size(self) -> QSize:
        """Size of a cell; the row's spare width is shared among its cells."""
        least = self._cell_min()
        return QSize(max(least.width(), self.viewport().width() // self.columns), least.height())

    def visible_rows(self) -> range:
        """Model rows whose cells are at least partly in view."""
        count = self._count()
        height = self.cell_size().height()
        top = self.verticalOffset() // height * self.columns
        bottom = (self.verticalOffset() + self.viewport().height()) // height + 1
        return range(max(0, top), min(count, bottom * self.columns))

    def visualRect(self, index: AnyIndex) -> QRect:
        """Rectangle of a cell in the viewport."""
        if not index.isValid():
            return QRect()
        cell = self.cell_size()
        row, column = divmod(index.row(), self.columns)
        top = row * cell.height() - self.verticalOffset()
        return QRect(QPoint(column * cell.width(), top), cell)

    def indexAt(self, point: QPoint) -> QModelIndex:
        """Return the photo under a point of the viewport."""
        cell = self.cell_size()
        column = point.x() // cell.width()
        if not 0 <= column < self.columns:
            return QModelIndex()
        row = (point.y() + self.verticalOffset()) // cell.height() * self.columns + column
        return self.model().index(row, 0) if 0 <= row < self._count() else QModelIndex()

    def scrollTo(
        self,
        index: AnyIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Bring a photo into view, moving no further than needed."""
        if not index.isValid():
            return
        rect = self.visualRect(index)
        bar = self.verticalScrollBar()
        height = self.viewport().height()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(bar.value() + rect.center().y() - height // 2)
        elif rect.top() < 0:
            bar.setValue(bar.value() + rect.top())
        elif rect.bottom() >= height:
            bar.setValue(bar.value() + rect.bottom() - height + 1)

    def horizontalOffset(self) -> int:
        """Rows are never wider than the viewport."""
        return 0

    def verticalOffset(self) -> int:
        """Pixels scrolled down."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: AnyIndex) -> bool:
        """The model hides; the view shows every row."""
        return False

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Return where a movement key leads."""
        count = self._count()
        if count == 0:
            return QModelIndex()
        row = max(0, self.currentIndex().row())
        page = max(1, self.viewport().height() // self.cell_size().height()) * self.columns
        move = QAbstractItemView.CursorAction
        steps = {
            move.MoveLeft: -1, move.MovePrevious: -1, move.MoveRight: 1, move.MoveNext: 1,
            move.MoveUp: -self.columns, move.MoveDown: self.columns,
            move.MovePageUp: -page, move.MovePageDown: page,
            move.MoveHome: -count, move.MoveEnd: count,
        }  # fmt: skip
        target = max(0, min(count - 1, row + steps.get(action, 0)))
        return self.model().index(target, 0)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select the cells between the corners of a rectangle of the viewport."""
        first = self._row_near(rect.topLeft())
        last = self._row_near(rect.bottomRight())
        if first < 0 or last < 0:
            return
        model = self.model()
        low, high = min(first, last), max(first, last)
        self.selectionModel().select(
            QItemSelection(model.index(low, 0), model.index(high, 0)), command
        )

    def selectAll(self) -> None:
        """Select all photos as the one range they are, not row by row as a `QListView` does."""
        if count := self._count():
            every = QItemSelection(self.model().index(0, 0), self.model().index(count - 1, 0))
            self.selectionModel().select(every, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """Return the part of the viewport to repaint; all of it, which is what is visible."""
        return QRegion(self.viewport().rect())

    # -- events ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cells in view."""
        painter = QPainter(self.viewport())
        model, selection = self.model(), self.selectionModel()
        option = QStyleOptionViewItem()
        QAbstractItemView.initViewItemOption(self, option)
        current = self.currentIndex().row()
        for row in self.visible_rows():
            index = model.index(row, 0)
            option.rect = self.visualRect(index)
            if not option.rect.intersects(event.rect()):
                continue
            state = QStyle.StateFlag.State_Enabled
            if selection.isSelected(index):
                state |= QStyle.StateFlag.State_Selected
            if row == current:
                state |= QStyle.StateFlag.State_HasFocus
            if self.hasFocus():
                state |= QStyle.StateFlag.State_Active
            option.state = state
            self.itemDelegate().paint(painter, option, index)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew; the photo at the top stays at the top."""
        QAbstractItemView.resizeEvent(self, event)
        self.updateGeometries()
        self.visible_changed.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll, or change the size of thumbnails with Ctrl."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_tile_size(self._tile + (16 if event.angleDelta().y() > 0 else -16))
            event.accept()
            return
        QAbstractItemView.wheelEvent(self, event)

    def updateGeometries(self) -> None:
        """Fit the scroll bar to the number of rows."""
        QAbstractItemView.updateGeometries(self)
        cell = self.cell_size()
        height = math.ceil(self._count() / self.columns) * cell.height()
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(20, cell.height() // 3))
        bar.setRange(0, max(0, height - self.viewport().height()))

    def rowsInserted(self, parent: AnyIndex, start: int, end: int) -> None:
        """Make room for new photos."""
        QAbstractItemView.rowsInserted(self, parent, start, end)
        self.updateGeometries()
        self.viewport().update()
        self.visible_changed.emit()

    def reset(self) -> None:
        """Lay out after the model was refilled."""
        QAbstractItemView.reset(self)
        self.updateGeometries()
        self.viewport().update()

    def dataChanged(self, top_left: AnyIndex, bottom_right: AnyIndex, roles: Any = ()) -> None:
        """Repaint when a changed row is in view."""
        rows = self.visible_rows()
        if top_left.row() < rows.stop and bottom_right.row() >= rows.start:
            self.viewport().update()
        current = self.currentIndex()
        if current.isValid() and top_left.row() <= current.row() <= bottom_right.row():
            self._tell(QAccessible.Event.NameChanged, current)

    def rowsAboutToBeRemoved(self, parent: AnyIndex, start: int, end: int) -> None:
        """Let go of rows that go."""
        QAbstractItemView.rowsAboutToBeRemoved(self, parent, start, end)

    def currentChanged(self, current: AnyIndex, previous: AnyIndex) -> None:
        """Have screen readers say the photo that is framed now."""
        QAbstractItemView.currentChanged(self, current, previous)
        if current.isValid() and self.hasFocus():
            self._tell(QAccessible.Event.Focus, current)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Repaint; what is selected is part of each photo's accessible state."""
        QAbstractItemView.selectionChanged(self, selected, deselected)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Repaint: cells are painted where they are now."""
        QAbstractItemView.scrollContentsBy(self, dx, dy)

    def doItemsLayout(self) -> None:
        """Lay out after a change of style, size or order."""
        QAbstractItemView.doItemsLayout(self)
        self.updateGeometries()
        self.viewport().update()

    def _tell(self, what: QAccessible.Event, index: AnyIndex) -> None:
        """Tell assistive programs, if any listen, of something about a photo."""
        event = QAccessibleEvent(self, what)
        event.setChild(index.row())
        QAccessible.updateAccessibility(event)

    def _cell_min(self) -> QSize:
        """Smallest size of a cell; the default delegate, before ours is set, has none to say."""
        delegate = self.itemDelegate()
        if not isinstance(delegate, TileDelegate):
            return QSize(self._tile, self._tile)
        return delegate.cell_size(self._tile)

    def _count(self) -> int:
        model = self.model()
        return 0 if model is None else model.rowCount()

    def _row_near(self, point: QPoint) -> int:
        """Return the row under a point, or the nearest one; -1 in an empty grid."""
        count = self._count()
        cell = self.cell_size()
        column = max(0, min(self.columns - 1, point.x() // cell.width()))
        row = (point.y() + self.verticalOffset()) // cell.height() * self.columns + column
        return max(0, min(count - 1, row)) if count else -1
