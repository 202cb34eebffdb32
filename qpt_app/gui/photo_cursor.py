"""The one photo that keys act on, and the selection; both survive sorting and filtering."""

from collections.abc import Sequence

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    Signal,
)

from qpt_app.gui.photo_filter import nearest_visible
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord

_Flag = QItemSelectionModel.SelectionFlag


class PhotoCursor(QObject):
    """Wraps the grid's selection model, so that all views share one current photo."""

    moved = Signal(object)
    """The user went to a photo, or the framed one is gone and another took its place.

    Carries its record, or None in an empty folder. Silent while rows only change places: nobody
    moved, so nothing may scroll.
    """

    def __init__(
        self, model: PhotoModel, selection: QItemSelectionModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._selection = selection
        self._kept: tuple[PhotoRecord | None, int, list[int]] = (None, -1, [])
        self._restoring = False
        self._is_starting = False
        self._is_at_start = True
        selection.currentChanged.connect(self._current_changed)
        model.about_to_refresh.connect(self._remember)
        model.refreshed.connect(self._restore)
        model.rowsInserted.connect(self._start_somewhere)
        model.modelReset.connect(self._after_reset)

    @property
    def record(self) -> PhotoRecord | None:
        """The current photo."""
        return self._model.record_at(self.row)

    @property
    def row(self) -> int:
        """Its row; -1 without a photo."""
        index = self._selection.currentIndex()
        return index.row() if index.isValid() else -1

    @property
    def is_at_start(self) -> bool:
        """Whether nobody went anywhere yet: the framed photo is but the first that was found."""
        return self._is_at_start

    def selected(self) -> list[PhotoRecord]:
        """Return the selected photos in order; the current one alone if there is no other."""
        rows = self._selected_rows()
        found = [record for row in rows if (record := self._model.record_at(row)) is not None]
        return found or ([self.record] if self.record is not None else [])

    def go_to_row(self, row: int) -> None:
        """Make a row current and the only selected one; outside the rows go as far as possible."""
        count = self._model.rowCount()
        if count:
            index = self._model.index(max(0, min(count - 1, row)), 0)
            stays = index == self._selection.currentIndex()
            self._is_at_start = self._is_starting
            self._selection.setCurrentIndex(index, _Flag.ClearAndSelect)
            if stays:  # it may have been scrolled out of view meanwhile
                self.moved.emit(self.record)

    def go_to(self, record: PhotoRecord) -> bool:
        """Make a photo current; False if the filter hides it."""
        row = self._model.row_of(record)
        if row >= 0:
            self.go_to_row(row)
        return row >= 0

    def make_current(self, record: PhotoRecord) -> None:
        """Make a photo current and leave the selection as it is."""
        row = self._model.row_of(record)
        if row >= 0:
            self._selection.setCurrentIndex(self._model.index(row, 0), _Flag.NoUpdate)

    def step(self, rows: int) -> bool:
        """Go some rows on or back; False if that stays in place."""
        before = self.row
        if before < 0:
            return False
        self.go_to_row(before + rows)
        return self.row != before

    def step_series(self, direction: int) -> bool:
        """Go to the next (1) or previous (-1) series, landing on its top photo."""
        here = self.record
        row = self.row
        while here is not None:
            row += direction
            there = self._model.record_at(row)
            if there is None:
                return False
            if there.series is None or there.series is not here.series:
                return self.go_to(self._top_of(there)) or self.go_to(there)
        return False

    def _top_of(self, record: PhotoRecord) -> PhotoRecord:
        """Return the best photo of a series, or its first."""
        if record.series is None:
            return record
        return self._model.record(record.series.top) or record

    def _current_changed(self, current: QModelIndex) -> None:
        if not self._restoring:
            self._is_at_start = self._is_starting
            self.moved.emit(self._model.record_at(current.row()) if current.isValid() else None)

    def _start_somewhere(self) -> None:
        """Frame the first photo as soon as there is one."""
        if self.row < 0:
            self._is_starting = True
            self.go_to_row(0)
            self._is_starting = False

    def _after_reset(self) -> None:
        if not self._restoring:
            self.moved.emit(None)

    def _remember(self) -> None:
        self._restoring = True
        self._kept = (self.record, self.row, self._selected_rows())
        # Qt would carry every selected row along by itself, and compare all with all at the end.
        self._selection.clearSelection()

    def _restore(self, old_order: list[int]) -> None:
        """Frame the same photo, or the next nearest that is still shown."""
        record, row, rows = self._kept
        self._kept = (None, -1, [])
        target = -1 if record is None else self._model.row_of(record)
        if target < 0 and row >= 0:
            position = nearest_visible(old_order, row, self._model.is_visible)
            target = self._model.row_of_position(position)
        if target < 0 and self._model.rowCount():
            target = 0
        self._select([self._model.row_of_position(old_order[at]) for at in rows])
        if target >= 0:
            index = self._model.index(target, 0)
            stays = row in rows and len(rows) > 1
            mode = _Flag.Select if stays else _Flag.ClearAndSelect
            self._selection.setCurrentIndex(index, mode)
        self._restoring = False
        if self.record is not record:
            self.moved.emit(self.record)

    def _selected_rows(self) -> list[int]:
        """Return the selected rows in order; asking for indexes would make one object a row."""
        found: list[int] = []
        for part in self._selection.selection():  # type: ignore[attr-defined]  # not in the stubs
            found += range(part.top(), part.bottom() + 1)
        return sorted(found)

    def _select(self, rows: list[int]) -> None:
        """Select rows; neighbours as one range, because Qt's time grows with their number."""
        selection = QItemSelection()
        for first, last in runs(sorted(row for row in rows if row >= 0)):
            selection.select(self._model.index(first, 0), self._model.index(last, 0))
        self._selection.select(selection, _Flag.ClearAndSelect)


def runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return (first, last) of each run of neighbours among sorted rows."""
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and row == found[-1][1] + 1:
            found[-1] = (found[-1][0], row)
        else:
            found.append((row, row))
    return found
