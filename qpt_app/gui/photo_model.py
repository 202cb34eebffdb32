"""The item model of the grid: all records of a folder, of which the visible ones are rows."""

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import IntEnum
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

from qpt_app.decisions.decision import Decision, Flag
from qpt_app.gui.counts import stars_text
from qpt_app.gui.photo_filter import PhotoFilter, PhotoOrder, SortKey, passing, visible_order
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.value_texts import label_text, reason_text
from qpt_app.photos.results import PhotoResult

AnyIndex = QModelIndex | QPersistentModelIndex


class Role(IntEnum):
    """What `data()` answers besides text."""

    RECORD = Qt.ItemDataRole.UserRole + 1
    SORT = Qt.ItemDataRole.UserRole + 2
    """The bare number that the score column sorts by; None without a score."""


class PhotoModel(QAbstractListModel):
    """Sorts and filters by itself: one Python sort is faster than a proxy's comparisons."""

    about_to_refresh = Signal()
    """Rows are about to move or go; remember what is selected."""
    refreshed = Signal(list)
    """Rows moved or went; carries the old order as a list of positions in `records`."""
    renamed = Signal(object, object)
    """A photo goes on under another path, as when one half of a pair went; carries both paths."""
    counts_changed = Signal()
    """Photos, scores or decisions changed: redraw summaries."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._records: list[PhotoRecord] = []
        self._position: dict[bytes, int] = {}
        self._scores: list[float] = []
        self._failed: set[int] = set()
        self._flags: Counter[Flag] = Counter()
        self._order: list[int] = []
        self._rows: dict[int, int] = {}
        self._filter = PhotoFilter()
        self._sort = PhotoOrder()

    # -- reading ---------------------------------------------------------------------------

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """Number of visible photos."""
        return 0 if parent.isValid() else len(self._order)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer name, spoken description, record or sort value of a row."""
        if not index.isValid() or not 0 <= index.row() < len(self._order):
            return None
        record = self._records[self._order[index.row()]]
        if role == Role.RECORD:
            return record
        if role == Qt.ItemDataRole.DisplayRole:
            return record.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.describe(record)
        if role == Role.SORT:
            return record.score
        return None

    @property
    def records(self) -> Sequence[PhotoRecord]:
        """All photos, shown or not, in the order in which they were found."""
        return self._records

    @property
    def scores(self) -> Sequence[float]:
        """The score of each of `records`; NaN without one."""
        return self._scores

    def failed_records(self) -> list[PhotoRecord]:
        """Return the photos that were looked at and have no score."""
        return [self._records[at] for at in sorted(self._failed)]

    def flag_count(self, flag: Flag) -> int:
        """Return how many photos have a flag, shown or not."""
        return self._flags[flag]

    @property
    def filter(self) -> PhotoFilter:
        """Which photos are shown."""
        return self._filter

    @property
    def order(self) -> PhotoOrder:
        """How they are sorted."""
        return self._sort

    def record_at(self, row: int) -> PhotoRecord | None:
        """Return the photo of a row, or None outside the rows."""
        return self._records[self._order[row]] if 0 <= row < len(self._order) else None

    def record(self, path: Path) -> PhotoRecord | None:
        """Return the photo of a path, shown or not."""
        position = self._position.get(os.fsencode(path))
        return None if position is None else self._records[position]

    def showing(self, paths: Iterable[Path]) -> list[PhotoRecord]:
        """Return the photos, shown or not, that these files belong to: as a pair's RAW, too."""
        asked = list(paths)
        found = dict.fromkeys(one for path in asked if (one := self.record(path)) is not None)
        rest = {path for path in asked if self.record(path) is None}
        rest -= {one.file.companion for one in found if one.file is not None}
        if rest:
            found |= dict.fromkeys(
                one for one in self._records if one.file is not None and one.file.companion in rest
            )
        return list(found)

    def row_of(self, record: PhotoRecord) -> int:
        """Return the row of a photo; -1 where it is not shown."""
        position = self._position.get(record.path_key)
        return -1 if position is None else self._rows.get(position, -1)

    def is_visible(self, position: int) -> bool:
        """Whether the photo at a position of `records` is shown."""
        return position in self._rows

    def row_of_position(self, position: int) -> int:
        """Return the row of a position of `records`; -1 where it is not shown."""
        return self._rows.get(position, -1)

    def visible_records(self) -> list[PhotoRecord]:
        """Return the photos that are shown, in order."""
        return [self._records[position] for position in self._order]

    def describe(self, record: PhotoRecord) -> str:
        """Say a photo and its marks in words, for screen readers."""
        parts = [record.name]
        if record.score is not None:
            parts.append(self.tr("score %1").replace("%1", f"{record.score:.0f}"))
        elif record.has_failed and record.result is not None:
            parts.append(self.tr("not scored: %1").replace("%1", reason_text(record.result)))
        if record.stars:
            parts.append(stars_text(record.stars))
        if record.decision.flag is not Flag.NONE:
            picked = record.decision.is_picked
            parts.append(self.tr("picked") if picked else self.tr("rejected"))
        if record.decision.label is not None:
            parts.append(label_text(record.decision.label))
        return ", ".join(parts)

    # -- changing --------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget all photos."""
        self.beginResetModel()
        self._order, self._rows = [], {}
        self._index([])
        self.endResetModel()
        self.counts_changed.emit()

    def add(self, records: Iterable[PhotoRecord]) -> None:
        """Append photos that are not known yet; `refresh` puts them in their places."""
        start = len(self._records)
        for record in records:
            if record.path_key not in self._position:
                self._append(record)
        shown = self._accepted(range(start, len(self._records)))
        if shown:
            first = len(self._order)
            self.beginInsertRows(QModelIndex(), first, first + len(shown) - 1)
            self._order.extend(shown)
            self._rows.update({position: first + at for at, position in enumerate(shown)})
            self.endInsertRows()
        self.counts_changed.emit()

    def remove(self, paths: Iterable[Path]) -> None:
        """Forget photos that were moved or sent to the trash."""
        gone = {os.fsencode(path) for path in paths} & self._position.keys()
        if not gone:
            return
        self.about_to_refresh.emit()
        self.beginResetModel()
        old = [self._records[at].path_key for at in self._order]
        self._index([record for record in self._records if record.path_key not in gone])
        self._set_order([self._position[path] for path in old if path not in gone])
        self.endResetModel()
        self.refreshed.emit([self._position.get(path, -1) for path in old])
        self.counts_changed.emit()

    def go_on_as(self, record: PhotoRecord, found: PhotoRecord) -> None:
        """Let a photo go on as the file that is left of its pair, or as the pair that it is again.

        It stays the same record: framed, selected and compared as before, and with the decision
        that is shown until the newest is known.
        """
        old = record.path
        position = self._position.pop(record.path_key)
        record.location, record.path_key, record.file = found.location, found.path_key, found.file
        record.signature = record.series = None
        self._position[record.path_key] = position
        self.renamed.emit(old, record.path)  # before all else: who has the old path loses the photo
        self.forget_results([record])

    def set_filter(self, shown: PhotoFilter) -> None:
        """Show other photos."""
        if shown != self._filter:
            self._filter = shown
            self.refresh()

    def set_order(self, order: PhotoOrder) -> None:
        """Sort in this way; the same way again sorts by what is known and decided now."""
        self._sort = order
        if order.key is SortKey.RATING:
            for record in self._records:
                record.placed_stars = record.stars
        self.refresh()

    def set_results(self, results: Iterable[PhotoResult]) -> None:
        """Note what scoring found; `refresh` moves the photos later, not under the pointer."""
        rows = []
        for result in results:
            position = self._position.get(os.fsencode(result.path))
            if position is not None:
                self._records[position].result = result
                self._note_result(position)
                rows.append(self._rows.get(position, -1))
        self._changed(rows)

    def forget_results(self, records: Sequence[PhotoRecord]) -> None:
        """Forget what scoring found: the photos changed, or are to be tried again."""
        for record in records:
            record.result = None
            self._note_result(self._position[record.path_key])
        self.touch(records)

    def set_decision(self, path: Path, decision: Decision) -> None:
        """Note what the person decided; the photo stays in place until `refresh`.

        In an order by rating it stays until `set_order`.
        """
        record = self.record(path)
        if record is not None and record.decision != decision:
            self._flags[record.decision.flag] -= 1
            self._flags[decision.flag] += 1
            record.decision = decision
            self._changed([self.row_of(record)])

    def adopt_decision(self, path: Path, decision: Decision) -> None:
        """Note a decision that was not made here and now: `refresh` puts the photo in its place."""
        self.set_decision(path, decision)
        if (record := self.record(path)) is not None:
            record.placed_stars = record.stars

    def touch(self, records: Iterable[PhotoRecord]) -> None:
        """Redraw photos whose other fields changed."""
        self._changed([self.row_of(record) for record in records])

    def refresh(self) -> bool:
        """Sort and filter again; return whether a row moved, came or went."""
        order = visible_order(self._records, self._filter, self._sort)
        if order == self._order:
            return False
        self.about_to_refresh.emit()
        old = self._order
        if len(order) == len(old) and set(order) == set(old):
            self._permute(order)
        else:
            self.beginResetModel()
            self._set_order(order)
            self.endResetModel()
        self.refreshed.emit(old)
        self.counts_changed.emit()
        return True

    def hide_unwanted(self, changed: Sequence[PhotoRecord]) -> None:
        """Hide those of the changed photos that the filter no longer shows; the others stay.

        The top of a stack makes way for the best of its series that is still shown.
        """
        if replace(self._filter, stacked=False).is_trivial:
            return
        order = self._stand_ins(changed)
        if order == self._order:
            return
        self.about_to_refresh.emit()
        old = self._order
        self.beginResetModel()
        self._set_order(order)
        self.endResetModel()
        self.refreshed.emit(old)
        self.counts_changed.emit()

    def _permute(self, order: list[int]) -> None:
        """Move rows about and take persistent indexes along."""
        self.layoutAboutToBeChanged.emit()
        persistent = self.persistentIndexList()
        positions = [self._order[index.row()] for index in persistent]
        self._set_order(order)
        self.changePersistentIndexList(
            persistent, [self.index(self._rows[position]) for position in positions]
        )
        self.layoutChanged.emit()

    def _index(self, records: Sequence[PhotoRecord]) -> None:
        """Hold these records alone, and all that is derived from them."""
        self._records, self._position, self._scores = [], {}, []
        self._failed.clear()
        self._flags.clear()
        for record in records:
            self._append(record)

    def _append(self, record: PhotoRecord) -> None:
        position = len(self._records)
        self._position[record.path_key] = position
        self._records.append(record)
        record.placed_stars = record.stars
        self._flags[record.decision.flag] += 1
        self._scores.append(math.nan)
        if record.result is not None:
            self._note_result(position)

    def _note_result(self, position: int) -> None:
        """Keep what is derived from a result in step with it."""
        record = self._records[position]
        score = record.score
        self._scores[position] = math.nan if score is None else score
        if record.has_failed:
            self._failed.add(position)
        else:
            self._failed.discard(position)

    def _accepted(self, positions: Sequence[int]) -> list[int]:
        """Return the positions whose photos the filter accepts, stacked or not."""
        return passing(self._records, positions, self._filter)

    def _stand_ins(self, changed: Sequence[PhotoRecord]) -> list[int]:
        """Return the rows, with what stands now for a changed photo or its stack, if anything."""
        places = [self._sharing(record) for record in changed]
        accepted = set(self._accepted([at for place in places for at in place]))
        stands = {
            at: next((one for one in place if one in accepted), None)
            for place in places for at in place
        }  # fmt: skip
        if all(stand == at for at, stand in stands.items() if at in self._rows):
            return self._order
        order = (stands.get(at, at) for at in self._order)
        return list(dict.fromkeys(at for at in order if at is not None))

    def _sharing(self, record: PhotoRecord) -> list[int]:
        """Return the positions of the photos that share a row with one, the best first."""
        series = record.series
        if series is None or not self._filter.stacked:
            at = self._position.get(record.path_key)
            return [] if at is None else [at]
        found = (self._position.get(os.fsencode(path)) for path in series.ranked)
        return [at for at in found if at is not None and self._records[at].series is series]

    def _set_order(self, order: list[int]) -> None:
        self._order = order
        self._rows = dict(zip(order, range(len(order)), strict=True))

    def _changed(self, rows: list[int]) -> None:
        """Announce changed rows, neighbours together."""
        shown = sorted(row for row in rows if row >= 0)
        if shown:
            self.dataChanged.emit(self.index(shown[0]), self.index(shown[-1]))
        if rows:
            self.counts_changed.emit()
