"""Several photos at once: compare (linked zoom, a pinned reference) and survey."""

import math
from collections.abc import Callable, Sequence
from operator import is_
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from qpt_app.gui.counts import photos_text
from qpt_app.gui.focus_masks import FocusMasks
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
        focus: FocusMasks | None = None,
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
        self._focus = focus
        self._peaking = False
        self._paths: list[Path] = []
        """What is compared; also what was moved away meanwhile, as undo may bring it back."""
        self._reference: Path | None = None
        self._records: list[PhotoRecord] = []
        self._sharpness = 1.0
        self.state = ViewState(self)
        self.panes: list[ImagePane] = []
        self._columns = 1
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 6, 6, 6)
        self._cells = QGridLayout()
        self._cells.setSpacing(6)
        outer.addLayout(self._cells, 1)
        cursor.moved.connect(self._follow)
        model.counts_changed.connect(self._repaint)
        model.renamed.connect(self._rename)

    @property
    def records(self) -> list[PhotoRecord]:
        """The photos shown, left to right."""
        return list(self._records)

    @property
    def reference(self) -> PhotoRecord | None:
        """The photo pinned at the left, or None; one that was moved away is none."""
        return None if self._reference is None else self._model.record(self._reference)

    def show_records(self, records: Sequence[PhotoRecord]) -> int:
        """Show photos and frame the current one, or the first if it is not among them.

        Returns how many photos there are, with the reference; no more than fit are shown.
        """
        reference, current = self.reference, self._cursor.record
        self._reference = None if reference is None else reference.path
        wanted = self._reference_first(records)
        shown = self._fitting(wanted, current)
        self._paths = [record.path for record in shown]
        others = [record for record in shown if record is not reference]
        self._place(shown, current if _holds(shown, current) else next(iter(others), reference))
        return len(wanted)

    def set_peaking(self, shown: bool) -> None:
        """Paint in all panes what is in focus, or no more."""
        self._peaking = shown
        for pane in self.panes:
            pane.set_peaking(shown)

    def clear(self) -> None:
        """Show nothing, as when another folder is opened."""
        self._reference = None
        self.show_records([])

    def pin(self) -> None:
        """Pin the framed photo as the reference, or let it go."""
        current = self._cursor.record
        if current is not None:
            self._reference = None if current is self.reference else current.path
        self.sync()
        self._frame()

    def sync(self) -> None:
        """Drop photos that were moved away and take back those that undo brought back.

        Where the framed one went, the frame goes to the pane that takes its place.
        """
        found = [self._model.record(path) for path in self._paths]
        here = self._reference_first([record for record in found if record is not None])
        shown = self._fitting(here, self._cursor.record)
        if len(shown) == len(self._records) and all(map(is_, shown, self._records)):
            return
        at = min(max(0, self._framed_at()), len(shown) - 1)
        current = self._cursor.record
        self._place(shown, current if _holds(shown, current) or not shown else shown[at])

    def step(self, direction: int) -> None:
        """Frame the next pane; beyond the last one the next photo takes the challenger's place."""
        if not self.frame_next(direction) and self._limit == MAX_COMPARED and self._records:
            self._slide(direction)

    def frame_next(self, panes: int) -> bool:
        """Frame the pane some places on or back; False if there is none."""
        target = self._framed_at() + panes
        if not 0 <= target < len(self._records):
            return False
        self._cursor.make_current(self._records[target])
        return True

    def frame_row(self, rows: int) -> None:
        """Frame the pane in a row below or above; the last one if the row below is shorter."""
        at, last = self._framed_at(), len(self._records) - 1
        if at // self._columns < last // self._columns or rows < 0:
            self.frame_next(min(last - at, rows * self._columns))

    def frame_end(self, *, last: bool) -> None:
        """Frame the first or last pane."""
        if self._records:
            self._cursor.make_current(self._records[-1 if last else 0])

    def shows(self, record: PhotoRecord | None) -> bool:
        """Whether a photo is in a pane."""
        return _holds(self._records, record)

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
        masks = [key for pane in panes if (key := pane.focus_key()) is not None]
        if masks and self._focus is not None:
            self._focus.want(masks)

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
            text = self.tr("Not enough memory for %1 at full size: sharp to %2 %")
            text = text.replace("%1", photos_text(len(shown)))
            text = text.replace("%2", f"{100 * share:.0f}")
            self.announced.emit(text)

    def current_pane(self) -> ImagePane | None:
        """Return the framed pane."""
        return next((pane for pane in self.panes if pane.is_current), None)

    def _reference_first(self, records: Sequence[PhotoRecord]) -> list[PhotoRecord]:
        """Return photos with the reference before them."""
        reference = self.reference
        if reference is None:
            return list(records)
        return [reference, *(record for record in records if record is not reference)]

    def _fitting(
        self, records: Sequence[PhotoRecord], current: PhotoRecord | None
    ) -> list[PhotoRecord]:
        """Return no more photos than fit: the first ones, or those that end with the current."""
        fixed = [record for record in records[:1] if record is self.reference]
        others = list(records[len(fixed) :])
        room = self._limit - len(fixed)
        at = next((n for n, record in enumerate(others) if record is current), 0)
        start = max(0, at + 1 - room)
        return fixed + others[start : start + room]

    def _place(self, records: list[PhotoRecord], framed: PhotoRecord | None) -> None:
        """Put photos into panes and make one of them current."""
        self._records = records
        self._make_panes(len(records))
        for pane, record in zip(self.panes, records, strict=True):
            pane.show_record(record)
        if framed is not None and records:
            self._cursor.make_current(framed)
        self._frame()
        self.fetch()

    def _slide(self, direction: int) -> None:
        """Replace the challenger by the next photo of the folder that is not shown yet."""
        challenger = self._challenger(direction)
        row = self._cursor.row if challenger is None else self._model.row_of(challenger)
        row = row if row >= 0 else self._cursor.row
        while (record := self._model.record_at(row := row + direction)) is not None:
            if not self.shows(record):
                break
        else:
            return
        at = len(self._records) if challenger is None else self._records.index(challenger)
        self._replace(challenger, record)
        self._place([*self._records[:at], record, *self._records[at + 1 :]], record)

    def _replace(self, old: PhotoRecord | None, new: PhotoRecord) -> None:
        """Compare another photo in the place of one, or besides where there is none."""
        self._paths = [path for path in self._paths if path != new.path]
        at = len(self._paths) if old is None else self._paths.index(old.path)
        self._paths[at : at + 1] = [new.path]

    def _challenger(self, direction: int) -> PhotoRecord | None:
        """Return the photo that slides: the framed one, but never the reference."""
        current, reference = self._cursor.record, self.reference
        if current is not reference:
            return current
        others = [record for record in self._records if record is not reference]
        return others[-1 if direction > 0 else 0] if others else None

    def _rename(self, old: Path, new: Path) -> None:
        """A photo that is shown goes on under another path."""
        self._paths = [new if path == old else path for path in self._paths]
        if self._reference == old:
            self._reference = new
        for pane in self.panes:
            if pane.record is not None and pane.record.path == new:
                pane.show_record(pane.record)

    def _framed_at(self) -> int:
        """Return the number of the framed pane; -1 without one."""
        return next((n for n, pane in enumerate(self.panes) if pane.is_current), -1)

    def _make_panes(self, count: int) -> None:
        """Make or drop panes and lay them out in a grid that suits their number."""
        while len(self.panes) > count:
            pane = self.panes.pop()
            self._cells.removeWidget(pane)
            pane.hide()
            pane.deleteLater()
        while len(self.panes) < count:
            pane = ImagePane(
                self._loader, self.state, self._theme, self,
                preview=self._preview, focus=self._focus,
            )  # fmt: skip
            pane.framed = True
            pane.peaking = self._peaking
            pane.clicked.connect(lambda pane=pane: self._clicked(pane))
            pane.needs_image.connect(self.fetch)
            self.panes.append(pane)
        columns = self._columns = max(1, count if count <= 3 else math.ceil(math.sqrt(count)))
        for at, pane in enumerate(self.panes):
            self._cells.removeWidget(pane)
            self._cells.addWidget(pane, at // columns, at % columns)
            pane.show()

    def _clicked(self, pane: ImagePane) -> None:
        if pane.record is not None:
            self._cursor.make_current(pane.record)
            self.focused.emit(pane.record)

    def _follow(self, record: PhotoRecord | None) -> None:
        """Move the frame along; `ViewController` leaves for another view if no pane shows it."""
        if self.isVisible() and self.shows(record):
            self._frame()

    def _frame(self) -> None:
        """Frame the pane of the current photo."""
        current = self._cursor.record
        for pane in self.panes:
            pane.is_current = pane.record is current
            pane.is_reference = pane.record is not None and pane.record is self.reference
            pane.update()

    def _repaint(self) -> None:
        if self.isVisible():
            for pane in self.panes:
                pane.update()


def _holds(records: Sequence[PhotoRecord], record: PhotoRecord | None) -> bool:
    return any(one is record for one in records)
