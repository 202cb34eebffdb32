"""Turns keys into decisions: one framed photo at a time, announced, undoable, never waiting."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from qpt_app.decisions.decision import Decision, DecisionChange, Flag, Label
from qpt_app.gui.counts import stars_text
from qpt_app.gui.decision_desk import DecisionDesk
from qpt_app.gui.desk_messages import Pair, Stepped
from qpt_app.gui.photo_cursor import PhotoCursor
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord, decision_among
from qpt_app.gui.value_texts import label_text
from qpt_app.photos.series import SeriesKind


class Guide(Protocol):
    """Goes to photos in the way of the view on screen, so that the current one is always seen."""

    def go_on(self) -> None:
        """Go to the next photo, if the view shows it."""

    def go_on_to_series(self) -> None:
        """Go to the next series, if the view shows it."""

    def reveal(self, record: PhotoRecord) -> bool:
        """Make a photo current and see to it that it is on screen."""


class DecisionController(QObject):
    """Shows a decision at once and has the desk keep it."""

    announced = Signal(str)
    """What was done, for the status line."""
    decided = Signal(object)
    """Decisions were made; carries the records of their photos."""
    refused = Signal()
    """Nothing can be decided: the database of decisions cannot be used."""
    files_returned = Signal()
    """Undo or redo moved files: read the folder again."""

    def __init__(
        self,
        model: PhotoModel,
        cursor: PhotoCursor,
        guide: Guide,
        desk: DecisionDesk,
        advances: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        """Make the controller; `advances` says whether to go on to the next photo."""
        super().__init__(parent)
        self._model = model
        self._cursor = cursor
        self._guide = guide
        self._desk = desk
        self._advances = advances
        self._unkept: Counter[Path] = Counter()
        desk.stepped.connect(self._stepped)
        desk.kept.connect(self._kept)
        desk.unkept.connect(self._take_back)
        desk.looked_up.connect(self._renew)

    def set_flag(self, flag: Flag) -> None:
        """Pick, reject or unflag the framed photo."""
        texts = {
            Flag.PICK: self.tr("picked"),
            Flag.REJECT: self.tr("rejected"),
            Flag.NONE: self.tr("flag removed"),
        }
        self._decide_current(DecisionChange(flag=flag), texts[flag])

    def set_stars(self, stars: int) -> None:
        """Rate the framed photo."""
        self._decide_current(DecisionChange(stars=stars), stars_text(stars))

    def toggle_label(self, label: Label) -> None:
        """Label the framed photo; the same label again clears it."""
        record = self._cursor.record
        if record is None:
            return
        clears = record.decision.label is label
        text = self.tr("label removed") if clears else label_text(label)
        self._decide_current(DecisionChange(label=None if clears else label), text)

    def keep_this(self) -> None:
        """Pick the framed photo and reject the rest of its series, as one action."""
        record = self._cursor.record
        if record is None:
            return
        series = record.series
        if series is None:
            self.set_flag(Flag.PICK)
            return
        if series.is_protected:
            text = self.tr("%1 belongs to a series that is kept whole: nothing was rejected")
            if series.kind is SeriesKind.UNDECIDED:
                text = self.tr(
                    "Nothing was rejected: not all of the series of %1 was looked at yet, "
                    "it could be a bracket"
                )
            self.announced.emit(text.replace("%1", record.name))
            return
        members = [
            member for path in series.members if (member := self._model.record(path)) is not None
        ]
        changes = [
            (member, DecisionChange(flag=Flag.PICK if member is record else Flag.REJECT))
            for member in members
        ]
        rest = len(members) - 1
        title = self.tr("keep %1, reject %2 of its series")
        title = title.replace("%1", record.name).replace("%2", str(rest))
        self._guide.go_on_to_series()
        self.apply(changes, title)

    def apply(self, changes: Sequence[tuple[PhotoRecord, DecisionChange]], title: str) -> None:
        """Change several photos as one action that one undo takes back."""
        if self._desk.damage is not None:
            self.refused.emit()
            return
        is_settled = self._desk.is_idle  # else an undo on its way may still change what is shown
        real = [
            (record, change)
            for record, change in changes
            if record.file is not None
            and not (is_settled and change.applied_to(record.decision) == record.decision)
        ]
        if not real:
            return
        self._desk.decide([(_pair(record), change) for record, change in real], title=title)
        for record, change in real:
            self._unkept[record.path] += 1
            self._model.set_decision(record.path, change.applied_to(record.decision))
        self._model.hide_unwanted([record for record, _ in real])
        self.announced.emit(title)
        self.decided.emit([record for record, _ in real])

    def undo(self) -> None:
        """Take the newest action back."""
        self._desk.undo()

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._desk.redo()

    def _decide_current(self, change: DecisionChange, text: str) -> None:
        record = self._cursor.record
        if record is None or record.file is None:
            return
        if self._desk.damage is not None:
            self.refused.emit()
            return
        title = f"{record.name}: {text}"
        self.apply([(record, change)], title)
        self.announced.emit(title)
        if self._advances() and self._cursor.record is record:
            self._guide.go_on()

    def _kept(self, decisions: Mapping[Path, Decision]) -> None:
        """Show what is kept, unless a newer decision about the photo is on its way."""
        for path, decision in decisions.items():
            self._unkept[path] -= 1
            if self._unkept[path] <= 0:
                del self._unkept[path]
                self._model.set_decision(path, decision)

    def _take_back(self, decisions: Mapping[Path, Decision]) -> None:
        """Decisions could not be kept: show what holds, photos that the filter hid for it too."""
        self._kept(decisions)
        self._model.refresh()

    def _stepped(self, step: Stepped | None) -> None:
        """Show what an undo or redo changed, and go to where it happened."""
        if step is None:
            self.announced.emit(self.tr("Nothing to undo or redo"))
            return
        text = self.tr("Undone: %1") if step.is_undo else self.tr("Done again: %1")
        self.announced.emit("; ".join([text.replace("%1", step.title), *step.problems]))
        self._show_step(step)
        if step.touched_files:
            self.files_returned.emit()

    def adopt(self, decisions: Mapping[Path, Decision]) -> None:
        """Show decisions of photos that were moved and those of other programs."""
        changed = 0
        for path, decision in decisions.items():
            record = self._model.record(path)
            if record is not None and record.decision != decision and path not in self._unkept:
                self._model.adopt_decision(path, decision)
                changed += 1
        if changed:
            self._model.refresh()
            text = self.tr("%1 ratings taken over: of moved photos, or of other programs")
            if changed == 1:
                text = self.tr("1 rating taken over: of a moved photo, or of another program")
            self.announced.emit(text.replace("%1", str(changed)))

    def _renew(self, decisions: Mapping[Path, Decision]) -> None:
        """Show what holds of photos that were read anew, unless something newer is on its way."""
        for path, decision in decisions.items():
            if path not in self._unkept:
                self._model.set_decision(path, decision)
        self._model.refresh()

    def _show_step(self, step: Stepped) -> None:
        """Show decisions as they are kept now; one of the photos is current then."""
        here = self._model.showing(step.paths)
        self._renew({record.path: decision_among(step.decisions, record) for record in here})
        if here:
            framed = (record for record in here if record is self._cursor.record)
            self._guide.reveal(next(framed, here[0]))


def _pair(record: PhotoRecord) -> Pair:
    """Return a photo and its RAW companion."""
    assert record.file is not None
    return record.path, record.file.companion
