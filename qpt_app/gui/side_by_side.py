"""Several photos at once: compare (linked zoom, a pinned reference) and survey."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from qpt_app.gui.image_loader import ImageKey, ImageLoader
from qpt_app.gui.image_pane import ImagePane
from qpt_app.gui.photo_cursor import PhotoCursor
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.theme import Theme
from qpt_app.gui.view_state import ViewState

MAX_COMPARED = 4
MAX_SURVEYED = 24


class SideBySide(QWidget):
    """Panes that share one zoom. Exactly one is framed: the one that keys act on."""

    focused = Signal(object)
    """The user went to another pane; carries its record."""
    announced = Signal(str)
    """Something to know of what is shown, for the status line."""

    def __init__(
        self,
        model: PhotoModel,
        cursor: PhotoCursor,
        loader: ImageLoader,
        theme: Theme,
        *,
        limit: int,
        preview: Callable[[Path], QImage | None] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("surround")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._model = model
        self._cursor = cursor
        self._loader = loader
        self._theme = theme
        self._limit = limit
        self._preview = preview
        self._records: list[PhotoRecord] = []
        self._reference: PhotoRecord | None = None
        self._sharpness = 1.0
        self.state = ViewState(self)
        self.panes: list[ImagePane] = []
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 6, 6, 6)
        self._cells = QGridLayout()
        self._cells.setSpacing(6)
        outer.addLayout(self._cells, 1)
        self._hint = QLabel(self.tr("Select two or more photos in the grid, then come back."))
        self._hint.setObjectName("quiet")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setTextFormat(Qt.TextFormat.PlainText)
        outer.addWidget(self._hint)
        cursor.moved.connect(self._follow)
        model.dataChanged.connect(lambda *_: self._repaint())

    @property
    def records(self) -> list[PhotoRecord]:
        """The photos shown, left to right."""
        return list(self._records)

    @property
    def reference(self) -> PhotoRecord | None:
        """The photo pinned at the left, or None."""
        return self._reference

    def show_records(self, records: Sequence[PhotoRecord]) -> None:
        """Show photos; the current one is framed, the first if it is not among them."""
        wanted = list(records[: self._limit])
        if self._reference is not None and self._limit == MAX_COMPARED:
            others = [record for record in wanted if record is not self._reference]
            wanted = [self._reference, *others][: self._limit]
        self._records = wanted
        self._make_panes(len(wanted))
        self._hint.setVisible(not wanted)
        for pane, record in zip(self.panes, wanted, strict=True):
            pane.show_record(record)
        current = self._cursor.record
        if wanted and not any(record is current for record in wanted):
            self._cursor.make_current(wanted[-1])
        self._frame()
        self.fetch()

    def clear(self) -> None:
        """Show nothing, as when another folder is opened."""
        self._reference = None
        self.show_records([])

    def pin(self) -> None:
        """Pin the framed photo as the reference, or let it go."""
        current = self._cursor.record
        self._reference = None if current is self._reference else current
        self.show_records(self._records)

    def step(self, direction: int) -> None:
        """Frame the next pane; beyond the last one the next photo takes the challenger's place."""
        current = self._cursor.record
        at = next((n for n, record in enumerate(self._records) if record is current), -1)
        target = at + direction
        if 0 <= target < len(self._records):
            self._cursor.make_current(self._records[target])
        elif self._limit == MAX_COMPARED and self._records:
            self._slide(direction)

    def remove_hidden(self) -> None:
        """Drop photos that were moved away; undo brings them back into the model, not in here."""
        here = [record for record in self._records if self._model.record(record.path) is record]
        if len(here) != len(self._records):
            self.show_records(here)

    def fetch(self) -> None:
        """Ask for the pictures of all panes, the framed one first."""
        if not self.isVisible():
            return
        self._share_memory()
        panes = sorted(self.panes, key=lambda pane: not pane.is_current)
        keys: list[ImageKey] = []
        for pane in panes:
            if pane.record is not None and pane.record.file is not None:
                keys.append(pane.fit_key(pane.record.path))
        keys += [key for pane in panes if (key := pane.wanted_key()) is not None]
        self._loader.want(keys)

    def _share_memory(self) -> None:
        """Have all panes equally sharp, as sharp as there is memory for, and say so if it is less.

        Panes that are compared must not differ by what happened to fit.
        """
        size = self._loader.bytes_of
        shown = [(pane, pane.record.path) for pane in self.panes if pane.record is not None]
        full = sum(size(ImageKey(path, None)) for _, path in shown)
        room = self._loader.budget - sum(size(pane.fit_key(path)) for pane, path in shown)
        share = 1.0
        if not self.state.is_fit and full > 0:
            share = min(1.0, math.sqrt(max(0, room) / full))
        is_news = round(100 * share) != round(100 * self._sharpness)
        self._sharpness = share
        for pane, _ in shown:
            pane.sharpness = share
            pane.update()
        if is_news and any(pane.lacks_sharpness for pane, _ in shown):
            text = self.tr("Not enough memory for %1 photos at full size: sharp to %2 %")
            text = text.replace("%1", str(len(shown))).replace("%2", f"{100 * share:.0f}")
            self.announced.emit(text)

    def current_pane(self) -> ImagePane | None:
        """Return the framed pane."""
        return next((pane for pane in self.panes if pane.is_current), None)

    def _slide(self, direction: int) -> None:
        """Replace the framed photo by the next one of the folder that is not shown yet."""
        row = self._cursor.row
        while (record := self._model.record_at(row := row + direction)) is not None:
            if not any(record is shown for shown in self._records):
                break
        else:
            return
        records = [
            record if shown is self._cursor.record and shown is not self._reference else shown
            for shown in self._records
        ]
        if not any(one is record for one in records):
            records[-1 if direction > 0 else 0] = record
        self._cursor.make_current(record)
        self.show_records(records)

    def _make_panes(self, count: int) -> None:
        """Make or drop panes and lay them out in a grid that suits their number."""
        while len(self.panes) > count:
            pane = self.panes.pop()
            self._cells.removeWidget(pane)
            pane.hide()
            pane.deleteLater()
        while len(self.panes) < count:
            pane = ImagePane(self._loader, self.state, self._theme, self, preview=self._preview)
            pane.framed = True
            pane.clicked.connect(lambda pane=pane: self._clicked(pane))
            pane.needs_image.connect(self.fetch)
            self.panes.append(pane)
        columns = count if count <= 3 else math.ceil(math.sqrt(count))
        for at, pane in enumerate(self.panes):
            self._cells.removeWidget(pane)
            self._cells.addWidget(pane, at // max(1, columns), at % max(1, columns))
            pane.show()

    def _clicked(self, pane: ImagePane) -> None:
        if pane.record is not None:
            self._cursor.make_current(pane.record)
            self.focused.emit(pane.record)

    def _follow(self, record: PhotoRecord | None) -> None:
        if self.isVisible() and record is not None:
            if self._records and not any(record is shown for shown in self._records):
                return
            self._frame()

    def _frame(self) -> None:
        """Frame the pane of the current photo."""
        current = self._cursor.record
        for pane in self.panes:
            pane.is_current = pane.record is current
            pane.is_reference = pane.record is self._reference and self._reference is not None
            pane.update()

    def _repaint(self) -> None:
        if self.isVisible():
            for pane in self.panes:
                pane.update()
