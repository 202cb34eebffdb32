"""What every action of the table does, and the menus."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtWidgets import QMenuBar

from qpt_app.decisions.decision import DecisionChange, Flag, Label
from qpt_app.decisions.photo_kinds import is_raw
from qpt_app.decisions.photo_unit import name_key
from qpt_app.decisions.restore import RestoreOffer
from qpt_app.gui.action_table import ACTIONS
from qpt_app.gui.dialogs.keys_dialog import KeysDialog
from qpt_app.gui.dialogs.question_dialog import QuestionDialog
from qpt_app.gui.dialogs.restore_dialog import RestoreDialog
from qpt_app.gui.dialogs.settings_dialog import SettingsDialog
from qpt_app.gui.dialogs.xmp_dialog import XmpDialog
from qpt_app.gui.export_file import ExportFile
from qpt_app.gui.file_controller import AskFolder, ask_for_folder
from qpt_app.gui.gui_settings import GuiSettings
from qpt_app.gui.key_bindings import KeyBindings
from qpt_app.gui.photo_filter import PhotoFilter
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.view_controller import View

if TYPE_CHECKING:
    from qpt_app.gui.main_window import MainWindow

SIZE_STEP = 32
AnyDialog = KeysDialog | SettingsDialog | QuestionDialog | RestoreDialog | XmpDialog


class WindowActions(QObject):
    """Small slots that join a key to a controller."""

    exported = Signal(str)
    """What became of an export."""

    def __init__(self, window: "MainWindow", *, ask_folder: AskFolder | None = None) -> None:
        super().__init__(window)
        self._window = window
        self._ask_folder = ask_folder or ask_for_folder
        self._export = ExportFile(window)
        self._export.done.connect(self.exported)
        self.dialog: AnyDialog | None = None
        """The dialog opened last."""
        self._next: list[Callable[[], None]] = []
        """Questions that came while a dialog was open."""
        parts = window.parts
        parts.threshold.show_below.connect(self._show_below)
        parts.threshold.reject_below.connect(self._reject_below)
        parts.failed.retry.connect(self._retry)
        parts.status.pause_clicked.connect(window.scoring.toggle_pause)
        parts.status.cancel_clicked.connect(window.scoring.cancel)

    def slots(self) -> dict[str, Callable[[], object]]:
        """Return what each action does."""
        return {**self._decision_slots(), **self._view_slots(), **self._file_slots()}

    def show_panels(self, *, shown: bool) -> None:
        """Show or hide the panels at both sides."""
        self._window.keys["panels"].setChecked(shown)
        self._window.parts.folders.setVisible(shown)
        self._window.parts.side.setVisible(shown)
        self._window.keeper.change_session(panels=shown)

    def go_to_failed(self, record: PhotoRecord) -> None:
        """Frame a photo of the list; say so if it is hidden."""
        if not self._window.views.reveal(record):
            text = self.tr("%1 is hidden by the filter or by its stack")
            self._window.parts.status.announce(text.replace("%1", record.name))

    def offer_restore(self, reason: str, offer: RestoreOffer) -> None:
        """The ratings cannot be read: offer their backup."""
        dialog = RestoreDialog(reason, offer, self._window)
        dialog.chosen.connect(self._window.desk.restore)
        self._open(dialog)

    def refuse_decision(self) -> None:
        """Say that nothing can be kept, and offer the way out again."""
        desk = self._window.desk
        self._window.parts.status.announce(
            self.tr("Not kept: %1").replace("%1", desk.damage or ""), lasting=True
        )
        desk.offer_restore()

    def ask_about_xmp(self, records: Sequence[PhotoRecord]) -> None:
        """At the first decision, ask how other programs are to see it."""
        if self._window.keeper.settings.xmp_profile is not None:
            return
        if self.dialog is not None:
            self._next.append(partial(self.ask_about_xmp, records))
            return
        dialog = XmpDialog(None, self._window)
        dialog.chosen.connect(lambda profile: self._take_answer(profile, records))
        self._open(dialog)

    def offer_earlier(self, photos: Sequence[Path]) -> None:
        """Ratings were given before they were to be written: ask whether they are meant too."""
        if self.dialog is not None:
            self._next.append(partial(self.offer_earlier, photos))
            return
        text = self.tr(
            "You decided about %1 photos before. Stars, labels and rejects can be written beside "
            "them as well; what other programs wrote there stays."
        )
        count = count_frames(photos)
        if count == 1:
            text = self.tr(
                "You decided about 1 photo before. Stars, label and reject can be written beside "
                "it as well; what other programs wrote there stays."
            )
        dialog = QuestionDialog(
            self.tr("Write your earlier ratings for other programs too?"),
            text.replace("%1", f"{count:,}"),
            self.tr("Write %1").replace("%1", f"{count:,}"),
            self._window,
        )
        dialog.cancel.setText(self.tr("Only new ones"))
        dialog.accepted.connect(lambda: self._window.desk.write_earlier(photos))
        self._open(dialog)

    # -- slots -----------------------------------------------------------------------------

    def _decision_slots(self) -> dict[str, Callable[[], object]]:
        decisions = self._window.decisions
        stars = {f"stars_{count}": partial(decisions.set_stars, count) for count in range(6)}
        labels = {f"label_{label.value}": partial(decisions.toggle_label, label) for label in Label}
        return {
            **stars,
            **labels,
            "pick": partial(decisions.set_flag, Flag.PICK),
            "reject": partial(decisions.set_flag, Flag.REJECT),
            "unflag": partial(decisions.set_flag, Flag.NONE),
            "keep_this": decisions.keep_this,
            "reject_selected": self._reject_selected,
            "undo": decisions.undo,
            "redo": decisions.redo,
        }

    def _view_slots(self) -> dict[str, Callable[[], object]]:
        views, window = self._window.views, self._window
        return {
            "next": partial(views.step, 1),
            "previous": partial(views.step, -1),
            "next_series": partial(views.step_series, 1),
            "previous_series": partial(views.step_series, -1),
            "first": partial(views.go_to_end, last=False),
            "last": partial(views.go_to_end, last=True),
            "grid": partial(views.show, View.GRID),
            "loupe": partial(views.show, View.LOUPE),
            "open_photo": partial(views.show, View.LOUPE),
            "compare": partial(views.show, View.COMPARE),
            "survey": partial(views.show, View.SURVEY),
            "compare_series": views.compare_series,
            "pin": views.pin,
            "zoom": views.toggle_zoom,
            "stack": self._toggle_stack,
            "peaking": self._toggle_peaking,
            "info": lambda: window.loupe.set_info(window.keys["info"].isChecked()),
            "fullscreen": self._toggle_fullscreen,
            "panels": lambda: self.show_panels(shown=not window.parts.side.isVisibleTo(window)),
            "back": self._back,
            "bigger": partial(self._resize_tiles, SIZE_STEP),
            "smaller": partial(self._resize_tiles, -SIZE_STEP),
            "filter": lambda: window.parts.bar.text.setFocus(),
            "clear_filter": self._clear_filter,
            "regions": self._next_region,
        }

    def _file_slots(self) -> dict[str, Callable[[], object]]:
        files, window = self._window.files, self._window
        return {
            "open_folder": self._open_folder,
            "rescan": self._rescan,
            "recursive": self._toggle_recursive,
            "trash": files.trash_selected,
            "trash_rejects": files.trash_rejects,
            "move_rejects": files.move_rejects,
            "copy_picks": files.copy_picks,
            "move_picks": files.move_picks,
            "export": lambda: self._export.ask(window.model, window.library, window.scoring.better),
            "pause": window.scoring.toggle_pause,
            "cancel_scoring": window.scoring.cancel,
            "retry_failed": self._retry,
            "settings": self._show_settings,
            "help": lambda: self._open(KeysDialog(window.keeper.settings.keys, window)),
            "quit": window.close,
        }

    # -- what is not one call ---------------------------------------------------------------

    def _open_folder(self) -> None:
        folder = self._ask_folder(self._window, self.tr("Open folder"))
        if folder is not None:
            self._window.open_folder(folder)

    def _reject_selected(self) -> None:
        records = self._window.photo_cursor.selected()
        self._ask_to_reject(records, self.tr("selected"))

    def _reject_below(self) -> None:
        threshold = self._window.parts.histogram.threshold
        below = [
            record
            for record in self._window.model.records
            if record.score is not None and record.score < threshold
        ]
        records = [one for one in below if one.series is None or not one.series.is_protected]
        which = self.tr("scored below %1").replace("%1", f"{threshold:.0f}")
        self._ask_to_reject(records, which, protected=len(below) - len(records))

    def _ask_to_reject(self, records: list[PhotoRecord], which: str, *, protected: int = 0) -> None:
        """Reject several photos as one action, after a question that says how many.

        `protected` more were left out, since their series are kept whole; that is said.
        """
        spared = self.tr("%1 more belong to series that are kept whole: they stay as they are.")
        if protected == 1:
            spared = self.tr("1 more belongs to a series that is kept whole: it stays as it is.")
        spared = spared.replace("%1", f"{protected:,}")
        records = [record for record in records if not record.decision.is_rejected]
        if not records:
            nothing = self.tr("Nothing to reject")
            self._window.parts.status.announce(f"{nothing}. {spared}" if protected else nothing)
            return
        count = f"{len(records):,}"
        title, done = self.tr("Reject %1 photos %2?"), self.tr("reject %1 photos %2")
        if len(records) == 1:
            title, done = self.tr("Reject 1 photo %2?"), self.tr("reject 1 photo %2")
        title, done = (text.replace("%1", count).replace("%2", which) for text in (title, done))
        kept = sum(record.decision.is_picked or record.stars > 0 for record in records)
        text = self.tr("Only the flag changes; no file is moved. One undo takes all of it back.")
        if kept:
            told = self.tr("%1 of them were picked or rated by you.")
            if kept == 1:
                told = self.tr("1 of them was picked or rated by you.")
            text += "\n" + told.replace("%1", f"{kept:,}")
        if protected:
            text += "\n" + spared
        dialog = QuestionDialog(
            title, text, self.tr("Reject %1").replace("%1", count), self._window
        )
        change = DecisionChange(flag=Flag.REJECT)
        dialog.accepted.connect(
            lambda: self._window.decisions.apply([(record, change) for record in records], done)
        )
        self._open(dialog)

    def _show_below(self) -> None:
        bar = self._window.parts.bar
        threshold = self._window.parts.histogram.threshold
        bar.set_filter(replace(bar.filter, score_from=0.0, score_to=max(0.0, threshold - 0.001)))

    def _clear_filter(self) -> None:
        bar = self._window.parts.bar
        bar.set_filter(PhotoFilter(stacked=bar.filter.stacked))

    def _rescan(self) -> None:
        """Read the folder again, sort by the ratings of now, and score if that had failed."""
        self._window.scoring.try_again()
        self._window.focus.retry()
        self._window.model.set_order(self._window.model.order)
        self._window.library.rescan()

    def _retry(self) -> None:
        self._window.loaders.retry()
        self._window.focus.retry()
        if self._window.scoring.try_again():
            self._window.parts.status.announce(self.tr("Scoring is tried again"))
            return
        count = self._window.library.retry_failed()
        text = self.tr("Trying %1 photos again").replace("%1", str(count))
        if count == 1:
            text = self.tr("Trying 1 photo again")
        self._window.parts.status.announce(text if count else self.tr("No photo has failed"))

    def _toggle_stack(self) -> None:
        bar = self._window.parts.bar
        bar.set_filter(replace(bar.filter, stacked=self._window.keys["stack"].isChecked()))

    def _toggle_peaking(self) -> None:
        window = self._window
        shown = window.keys["peaking"].isChecked()
        for view in (window.loupe, window.compare, window.survey):
            view.set_peaking(shown)
        text = self.tr("Focus peaking off")
        if shown and window.views.view is View.GRID:
            text = self.tr("Focus peaking on: seen in the loupe, in compare and in survey")
        elif shown:
            text = self.tr("Focus peaking on: what is sharp at 100 % is painted")
        window.parts.status.announce(text)

    def _toggle_recursive(self) -> None:
        self._change_settings(recursive=self._window.keys["recursive"].isChecked())

    def _change_settings(self, **changes: object) -> None:
        keeper = self._window.keeper
        keeper.change_settings(replace(keeper.settings, **changes))  # type: ignore[arg-type]

    def _toggle_fullscreen(self) -> None:
        window = self._window
        window.showNormal() if window.isFullScreen() else window.showFullScreen()

    def _back(self) -> None:
        """Go one layer back: field, zoom, view, full screen, selection."""
        window = self._window
        if not window.parts.stack.isAncestorOf(window.focusWidget() or window):
            window.views.focus_photos()
        elif window.views.back():
            return
        elif window.isFullScreen():
            window.showNormal()
        elif window.photo_cursor.record is not None:
            window.photo_cursor.go_to_row(window.photo_cursor.row)

    def _resize_tiles(self, step: int) -> None:
        grid = self._window.parts.grid
        grid.set_tile_size(grid.tile_size + step)

    def _next_region(self) -> None:
        """Move the keyboard to the next part of the window."""
        parts, window = self._window.parts, self._window
        regions = [parts.stack, parts.bar, parts.folders, parts.side, parts.status]
        focus = window.focusWidget()
        at = next((n for n, part in enumerate(regions) if focus and part.isAncestorOf(focus)), -1)
        for step in range(1, len(regions) + 1):
            part = regions[(at + step) % len(regions)]
            if part is parts.stack:
                window.views.focus_photos()
                return
            if part.isVisibleTo(window) and part.focusWidget() is not None:
                part.focusWidget().setFocus()
                return
            first = part.nextInFocusChain()
            while first is not None and part.isAncestorOf(first):
                if first.isVisibleTo(window) and first.focusPolicy() & Qt.FocusPolicy.TabFocus:
                    first.setFocus()
                    return
                first = first.nextInFocusChain()

    def _show_settings(self) -> None:
        dialog = SettingsDialog(self._window.keeper.settings, self._window)
        dialog.changed.connect(self._take_settings)
        self._open(dialog)

    def _take_answer(self, profile: str, records: Sequence[PhotoRecord]) -> None:
        """The first decision was made before its question: it is meant, others may be."""
        self._change_settings(xmp_profile=profile)
        files = [record.file for record in records if record.file is not None]
        photos = [photo for file in files for photo in (file.path, file.companion) if photo]
        self._window.desk.write_earlier(photos)
        self._window.desk.look_for_earlier(besides=photos)

    def _take_settings(self, settings: GuiSettings) -> None:
        before = self._window.keeper.settings.xmp_profile
        self._window.keeper.change_settings(settings)
        if settings.xmp_profile != before:
            self._window.desk.look_for_earlier()

    def _open(self, dialog: AnyDialog) -> None:
        """Show a dialog over the window, one at a time."""
        if self.dialog is not None:
            return
        self.dialog = dialog
        dialog.finished.connect(self._forget)
        dialog.open()

    def _forget(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None
            self._window.activateWindow()
            self._window.views.focus_photos()
        while self._next and self.dialog is None:
            self._next.pop(0)()


def count_frames(photos: Sequence[Path]) -> int:
    """Return how many photos a person would count: a RAW+JPEG pair is one."""
    rendered = {(one.parent, name_key(one.stem)) for one in photos if not is_raw(one)}
    halves = sum(is_raw(one) and (one.parent, name_key(one.stem)) in rendered for one in photos)
    return len(photos) - halves


def add_menus(bar: QMenuBar, keys: KeyBindings) -> None:
    """Put every action into a menu: what has a key can be found without it."""
    titles = {
        "Files": QCoreApplication.translate("Menus", "File"),
        "Decide": QCoreApplication.translate("Menus", "Decide"),
        "Move": QCoreApplication.translate("Menus", "Go"),
        "Look": QCoreApplication.translate("Menus", "View"),
        "Program": QCoreApplication.translate("Menus", "Program"),
    }
    for group, title in titles.items():
        menu = bar.addMenu(title)
        for spec in ACTIONS:
            if spec.group == group:
                menu.addAction(keys[spec.id])
