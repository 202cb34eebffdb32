"""Which view is on screen, and what the movement and zoom keys do in it."""

from enum import StrEnum

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from qpt_app.gui.grid_view import GridView
from qpt_app.gui.image_pane import ImagePane
from qpt_app.gui.loupe_view import LoupeView
from qpt_app.gui.photo_cursor import PhotoCursor
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.side_by_side import MAX_COMPARED, SideBySide
from qpt_app.gui.state_page import StatePage
from qpt_app.gui.view_state import ViewState


class View(StrEnum):
    """The views of the photos."""

    GRID = "grid"
    LOUPE = "loupe"
    COMPARE = "compare"
    SURVEY = "survey"


class ViewController(QObject):
    """Changes pages and routes keys. The state page covers all views while nothing is shown."""

    changed = Signal(object)
    """Another `View` is on screen."""
    announced = Signal(str)

    def __init__(
        self,
        stack: QStackedWidget,
        model: PhotoModel,
        cursor: PhotoCursor,
        *,
        grid: GridView,
        loupe: LoupeView,
        compare: SideBySide,
        survey: SideBySide,
        state: StatePage,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._stack = stack
        self._model = model
        self._cursor = cursor
        self._grid = grid
        self._loupe = loupe
        self._compare = compare
        self._survey = survey
        self._state = state
        self._pages: dict[View, QWidget] = {
            View.GRID: grid, View.LOUPE: loupe, View.COMPARE: compare, View.SURVEY: survey,
        }  # fmt: skip
        for page in (state, *self._pages.values()):
            stack.addWidget(page)
        self._view = View.GRID
        self._covered = True
        self._is_refreshing = False
        self._was_in_view = False
        grid.doubleClicked.connect(lambda _: self.show(View.LOUPE))
        cursor.moved.connect(self._follow)
        model.counts_changed.connect(self._keep_framed)
        model.about_to_refresh.connect(self._remember_view)
        model.refreshed.connect(self._keep_in_view)

    @property
    def view(self) -> View:
        """The view that is on screen, or behind the state page."""
        return self._view

    @property
    def is_covered(self) -> bool:
        """Whether the state page is on screen."""
        return self._covered

    def cover(self, covered: bool) -> None:
        """Put the state page in front, or take it away."""
        if covered != self._covered or self._stack.currentIndex() < 0:
            self._covered = covered
            self._raise_page()

    def show(self, view: View) -> None:
        """Change the view; compare and survey take the selection."""
        if view is View.COMPARE:
            self._show_beside(self._compare, view, self._candidates(2))
        elif view is View.SURVEY:
            self._show_beside(self._survey, view, self._cursor.selected())
        else:
            self._set(view)

    def compare_series(self) -> None:
        """Compare the photos of the framed photo's series, the best first."""
        record = self._cursor.record
        if record is None or record.series is None:
            self.announced.emit(self.tr("This photo is not part of a series"))
            return
        members = [
            member for path in record.series.ranked
            if (member := self._model.record(path)) is not None
        ]  # fmt: skip
        page, view = (
            (self._compare, View.COMPARE)
            if len(members) <= MAX_COMPARED
            else (self._survey, View.SURVEY)
        )
        self._show_beside(page, view, members)

    def back(self) -> bool:
        """Go one layer back: zoom, then view; False if this is the bottom."""
        if self._view is not View.GRID and not self._zoom_state().is_fit:
            self._zoom_state().toggle(None)
            return True
        if self._view is not View.GRID:
            self._set(View.GRID)
            return True
        return False

    def step(self, direction: int) -> None:
        """Go to the next or previous photo, or to the next pane."""
        panes = self._panes()
        if panes is not None:
            panes.step(direction)
        else:
            self._cursor.step(direction)

    def step_series(self, direction: int) -> None:
        """Go to the next or previous series; where photos stand in rows, to the row below or above.

        Those are the grid and the panes.
        """
        panes = self._panes()
        if panes is not None:
            panes.frame_row(direction)
        elif self._view is View.GRID:
            self._cursor.step(direction * self._grid.columns)
        else:
            self._cursor.step_series(direction)

    def go_to_end(self, *, last: bool) -> None:
        """Go to the first or last photo of those side by side, else of all."""
        panes = self._panes()
        if panes is not None:
            panes.frame_end(last=last)
        else:
            self._cursor.go_to_row(self._model.rowCount() - 1 if last else 0)

    def go_on(self) -> None:
        """Go to the next photo after a decision; panes stay as they are."""
        panes = self._panes()
        if panes is not None:
            panes.frame_next(1)
        else:
            self._cursor.step(1)

    def go_on_to_series(self) -> None:
        """Go to the next series after a decision about one; panes stay as they are."""
        if self._panes() is None:
            self._cursor.step_series(1)

    def reveal(self, record: PhotoRecord) -> bool:
        """Make a photo current and see to it that it is on screen; return whether it can be.

        One that no pane shows is shown by the grid: the photos beside each other are not disturbed.
        One that is current already keeps the selection.
        """
        if record is self._cursor.record and self._model.row_of(record) >= 0:
            self._scroll_to_framed()
            return True
        panes = self._panes()
        if panes is not None and panes.shows(record):
            self._cursor.make_current(record)
            return True
        return self._cursor.go_to(record)

    def chosen(self) -> list[PhotoRecord]:
        """Return the photos that an action on files means: those that are seen to be marked.

        The selection is seen in the grid alone; elsewhere it is the framed photo.
        """
        if self._view is View.GRID:
            return self._cursor.selected()
        return [self._cursor.record] if self._cursor.record is not None else []

    def toggle_zoom(self) -> None:
        """Fit or 100 % at the pointer; from the grid it opens the loupe at 100 %."""
        if self._view is View.GRID:
            self._set(View.LOUPE)
            if not self._loupe.state.is_fit:
                return
        pane = self.current_pane()
        if pane is not None:
            self._zoom_state().toggle(pane.pointer_in_photo())

    def pin(self) -> None:
        """Pin or free the reference of the comparison."""
        if self._view is View.COMPARE:
            self._compare.pin()
            pinned = self._compare.reference
            text = self.tr("Reference: %1").replace("%1", pinned.name) if pinned else ""
            self.announced.emit(text or self.tr("No reference"))

    def current_pane(self) -> ImagePane | None:
        """Return the pane that zoom keys act on."""
        if self._view is View.LOUPE:
            return self._loupe.pane
        if self._view is View.COMPARE:
            return self._compare.current_pane()
        if self._view is View.SURVEY:
            return self._survey.current_pane()
        return None

    def focus_photos(self) -> None:
        """Give the keyboard to the photos."""
        page = self._stack.currentWidget()
        if page is not None:
            page.setFocus()

    # -- inner -----------------------------------------------------------------------------

    def _zoom_state(self) -> ViewState:
        pages = {View.COMPARE: self._compare.state, View.SURVEY: self._survey.state}
        return pages.get(self._view, self._loupe.state)

    def _candidates(self, at_least: int) -> list[PhotoRecord]:
        """Return the selection, filled up with the photos that follow the framed one."""
        selected = self._cursor.selected()
        row = self._cursor.row
        while len(selected) < at_least and (record := self._model.record_at(row := row + 1)):
            if not any(record is one for one in selected):
                selected.append(record)
        return selected

    def _panes(self) -> SideBySide | None:
        """Return the panes on screen, if it is they that show photos."""
        return {View.COMPARE: self._compare, View.SURVEY: self._survey}.get(self._view)

    def _show_beside(self, page: SideBySide, view: View, records: list[PhotoRecord]) -> None:
        if records:
            self._set(view)
            count, shown = page.show_records(records), len(page.records)
            if shown < count:
                text = self.tr("Only %1 of %2 photos are shown, with the framed one among them")
                self.announced.emit(text.replace("%1", str(shown)).replace("%2", str(count)))

    def _set(self, view: View) -> None:
        if view is self._view and not self._covered:
            return
        was_beside = self._panes() is not None
        self._view = view
        self._cursor.holds_hidden = self._panes() is not None
        if view is View.GRID:
            if was_beside and not self._model.filter.is_trivial:
                self._model.refresh()  # panes show photos that a key can bring into the filter
            self._cursor.leave_hidden()
        self._raise_page()
        self.changed.emit(view)

    def _raise_page(self) -> None:
        had_focus = self._stack.isAncestorOf(self._stack.window().focusWidget() or self._stack)
        page = self._state if self._covered else self._pages[self._view]
        self._stack.setCurrentWidget(page)
        if self._covered:
            return
        if self._view is View.LOUPE:
            self._loupe.activate()
        elif self._view is View.GRID and self._cursor.row >= 0:
            self._grid.scrollTo(self._model.index(self._cursor.row, 0))
        if had_focus:
            page.setFocus()

    def _follow(self, record: PhotoRecord | None) -> None:
        if self._view is not View.GRID:
            self._keep_framed()
        elif record is not None and not self._is_refreshing:
            self._scroll_to_framed()

    def _remember_view(self) -> None:
        """Rows are about to move: note whether the framed photo is in view."""
        self._is_refreshing = True
        self._grid.setAutoScroll(False)  # the view would go to the framed photo by itself
        self._was_in_view = self._cursor.row in self._grid.visible_rows()

    def _keep_in_view(self) -> None:
        """Follow the framed photo to its new row, unless the user has scrolled away from it."""
        self._is_refreshing = False
        self._grid.setAutoScroll(True)
        if self._was_in_view:
            self._scroll_to_framed()

    def _scroll_to_framed(self) -> None:
        if self._view is View.GRID and self._cursor.row >= 0:
            self._grid.scrollTo(self._model.index(self._cursor.row, 0))

    def _keep_framed(self) -> None:
        """Hold to it that the photo that keys act on is the framed one, whatever moved the cursor.

        Panes of photos that are gone close; what undo brings back opens again. If the cursor is
        elsewhere then, the grid shows where.
        """
        panes = self._panes()
        if panes is not None:
            panes.sync()
            if not panes.shows(self._cursor.record):
                self._set(View.GRID)
