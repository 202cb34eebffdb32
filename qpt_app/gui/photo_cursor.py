"""The one photo that keys act on, and the selection; both survive sorting and filtering."""

from collections.abc import Sequence
from typing import NamedTuple

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


class _Kept(NamedTuple):
    """What was current and selected before rows moved."""

    record: PhotoRecord | None = None
    row: int = -1
    rows: Sequence[int] = ()
    """The selected rows."""
    is_hidden: bool = False


class PhotoCursor(QObject):
    """Holds the photo that all views share, beside the grid's selection model.

    It may be a photo that the grid does not show, as when panes show one inside a stack; the grid
    then stands at a row near it.
    """

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
        self._record: PhotoRecord | None = None
        self._kept = _Kept()
        self._restoring = False
        self._is_starting = False
        self._is_at_start = True
        self.holds_hidden = False
        """Whether a photo stays current when the filter hides it, as panes still show it."""
        selection.currentChanged.connect(self._current_changed)
        model.about_to_refresh.connect(self._remember)
        model.refreshed.connect(self._restore)
        model.rowsInserted.connect(self._start_somewhere)
        model.modelReset.connect(self._after_reset)

    @property
    def record(self) -> PhotoRecord | None:
        """The current photo."""
        return self._record

    @property
    def row(self) -> int:
        """Its row, or a row near it if the grid does not show it; -1 without rows."""
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
        row = max(0, min(count - 1, row))
        record = self._model.record_at(row)
        if record is not None:
            stays = record is self._record
            self._go(record, row, _Flag.ClearAndSelect)
            if stays:  # it may have been scrolled out of view meanwhile
                self._tell()

    def go_to(self, record: PhotoRecord) -> bool:
        """Make a photo current; False if the filter hides it."""
        row = self._model.row_of(record)
        if row >= 0:
            self.go_to_row(row)
        return row >= 0

    def make_current(self, record: PhotoRecord) -> None:
        """Make a photo current, shown by the grid or not, and leave the selection as it is."""
        near = self._top_of(record) or record
        row = self._model.row_of(record)
        self._go(record, row if row >= 0 else self._model.row_of(near), _Flag.NoUpdate)

    def leave_hidden(self) -> None:
        """Go on to a photo near the current one if the grid does not show that."""
        if self._is_hidden():
            row = max(0, self.row)
            has_others = self._selection.hasSelection()
            mode = _Flag.NoUpdate if has_others else _Flag.ClearAndSelect
            self._go(self._model.record_at(row), row, mode)

    def step(self, rows: int) -> bool:
        """Go some rows on or back; False if that stays in place."""
        before = self._record
        if before is None:
            return False
        if self._is_hidden() and rows > 0:
            rows -= 1  # the grid stands at what follows
        self.go_to_row(self.row + rows)
        return self._record is not before

    def step_series(self, direction: int) -> bool:
        """Go to the next (1) or previous (-1) series, landing on its best photo that is shown.

        Series follow each other by the row in which each appears first, however the sorting mixes
        them: so each is come by once, and the way back is the same.
        """
        here = self._record
        if here is None:
            return False
        row = self._first_row(here)
        if direction > 0 and self._top_of(here) is None:
            row -= 1  # the grid stands at what follows
        while (there := self._model.record_at(row := row + direction)) is not None:
            if self._first_row(there) == row and not _in_one_series(here, there):
                return self.go_to(self._top_of(there) or there)
        return False

    def _first_row(self, record: PhotoRecord) -> int:
        """Return the first row of a photo's series; where none is shown, the row near it."""
        rows = [self._model.row_of(member) for member in self._members(record)]
        return min((row for row in rows if row >= 0), default=self.row)

    def _top_of(self, record: PhotoRecord) -> PhotoRecord | None:
        """Return the best photo of a series that is shown."""
        shown = (one for one in self._members(record) if self._model.row_of(one) >= 0)
        return next(shown, None)

    def _members(self, record: PhotoRecord) -> list[PhotoRecord]:
        """Return the photos of a series, the best first; a photo without one is its own."""
        if record.series is None:
            return [record]
        found = (self._model.record(path) for path in record.series.ranked)
        return [one for one in found if one is not None and _in_one_series(one, record)]

    def _go(
        self, record: PhotoRecord | None, row: int, mode: QItemSelectionModel.SelectionFlag
    ) -> None:
        """Make a photo current and have the grid stand at a row; at -1 it stays where it is."""
        moves = record is not self._record
        self._record = record
        if row >= 0:
            was_restoring, self._restoring = self._restoring, True
            self._selection.setCurrentIndex(self._model.index(row, 0), mode)
            self._restoring = was_restoring
        if moves and not self._restoring:
            self._tell()

    def _is_hidden(self) -> bool:
        """Whether the grid does not show the current photo."""
        return self._record is not None and self._model.row_of(self._record) < 0

    def _current_changed(self, current: QModelIndex) -> None:
        """The user went to another photo in the grid."""
        if not self._restoring:
            self._record = self._model.record_at(current.row()) if current.isValid() else None
            self._tell()

    def _tell(self) -> None:
        """Say where the user went."""
        self._is_at_start = self._is_starting
        self.moved.emit(self._record)

    def _start_somewhere(self) -> None:
        """Frame the first photo as soon as there is one."""
        if self._record is None:
            self._is_starting = True
            self.go_to_row(0)
            self._is_starting = False

    def _after_reset(self) -> None:
        """All photos are gone; while rows only move, `_restore` follows."""
        if not self._restoring:
            self._record = None
            self.moved.emit(None)

    def _remember(self) -> None:
        self._restoring = True
        self._kept = _Kept(self._record, self.row, self._selected_rows(), self._is_hidden())
        # Qt would carry every selected row along by itself, and compare all with all at the end.
        self._selection.clearSelection()

    def _restore(self, old_order: list[int]) -> None:
        """Frame the same photo, or the next nearest that is still shown."""
        kept, self._kept = self._kept, _Kept()
        record = kept.record
        target = -1 if record is None else self._model.row_of(record)
        stays = record is not None and (target >= 0 or self._may_stay(record, kept))
        if target < 0 and record is not None and self._model.filter.stacked:
            target = self._model.row_of(self._top_of(record) or record)
        if target < 0 and kept.row >= 0:
            position = nearest_visible(old_order, kept.row, self._model.is_visible)
            target = self._model.row_of_position(position)
        if target < 0 and self._model.rowCount():
            target = 0
        self._select([self._model.row_of_position(old_order[at]) for at in kept.rows])
        is_selected = not kept.rows or (not kept.is_hidden and kept.row in kept.rows)
        mode = _Flag.Select if is_selected and len(kept.rows) > 1 else _Flag.ClearAndSelect
        if stays and (self._is_hidden() or not is_selected):
            mode = _Flag.NoUpdate
        self._go(record if stays else self._model.record_at(target), target, mode)
        self._restoring = False
        if self._record is not record:
            self.moved.emit(self._record)

    def _may_stay(self, record: PhotoRecord, kept: _Kept) -> bool:
        """Whether a photo without a row stays current: some view shows it, and it still exists."""
        is_here = self._model.record(record.path) is record
        return is_here and (self.holds_hidden or kept.is_hidden)

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


def _in_one_series(first: PhotoRecord, second: PhotoRecord) -> bool:
    return first is second or (first.series is not None and first.series is second.series)
