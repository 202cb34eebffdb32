"""Keeps status line, panels and state page true to what is going on."""

from pathlib import Path

from PySide6.QtCore import QObject

from qpt_app.decisions.decision import Flag
from qpt_app.gui.counts import photos_text
from qpt_app.gui.key_bindings import KeyBindings
from qpt_app.gui.library import Library
from qpt_app.gui.photo_cursor import PhotoCursor
from qpt_app.gui.photo_filter import FocusTest
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import display_name
from qpt_app.gui.score_summary import ScoreSummary
from qpt_app.gui.scoring_job import ScoringJob, ScoringState
from qpt_app.gui.view_controller import ViewController
from qpt_app.gui.window_parts import WindowParts


class WindowStatus(QObject):
    """One place decides what the window says, so that its parts never disagree."""

    def __init__(
        self,
        parts: WindowParts,
        model: PhotoModel,
        cursor: PhotoCursor,
        library: Library,
        scoring: ScoringJob,
        views: ViewController,
        keys: KeyBindings,
    ) -> None:
        super().__init__(views)
        self._parts = parts
        self._model = model
        self._cursor = cursor
        self._library = library
        self._scoring = scoring
        self._views = views
        self._keys = keys
        self._error: str | None = None
        self._notice = ""
        model.counts_changed.connect(self._counts_changed)
        model.modelReset.connect(self._choose_page)
        model.rowsInserted.connect(self._choose_page)
        keys.rebound.connect(self._choose_page)
        cursor.moved.connect(lambda _: self._choose_page())
        library.opened.connect(self._opened)
        library.loaded.connect(self._choose_page)
        library.failed.connect(self._failed)
        library.summary_changed.connect(self._show_summary)
        scoring.state_changed.connect(self._scoring_changed)
        scoring.scored.connect(lambda _: self._show_scoring())
        scoring.notice.connect(self._show_notice)
        parts.histogram.threshold_changed.connect(lambda _: self._show_threshold())
        self._choose_page()

    def _opened(self, folder: Path) -> None:
        self._error = None
        self._parts.folders.show_folder(folder)
        self._choose_page()

    def _failed(self, reason: str) -> None:
        self._error = reason
        self._choose_page()

    def _choose_page(self) -> None:
        """Show photos if there are any, else say why there are none.

        Panes and loupe may show a photo that the filter hides, even when it hides all.
        """
        state, folder = self._parts.state, self._library.folder
        name = "" if folder is None else display_name(folder.name or str(folder))
        if self._model.rowCount() or self._cursor.record is not None:
            self._views.cover(False)
            return
        if self._error is not None:
            state.show_error(self.tr("This folder cannot be read"), display_name(self._error))
        elif folder is None:
            state.show_welcome(self._keys.text_of("open_folder"))
        elif self._model.records:
            state.show_all_hidden(len(self._model.records))
        elif self._library.is_reading:
            state.show_loading(name)
        else:
            state.show_no_photos(name, recursive=self._library.recursive)
        self._views.cover(True)

    def _counts_changed(self) -> None:
        """Count what is shown and decided."""
        records = self._model.records
        if not records:
            self._parts.status.show_counts("")
            return
        shown = self._model.rowCount()
        count = photos_text(len(records))
        if shown != len(records):
            count = self.tr("%1 of %2").replace("%1", f"{shown:,}").replace("%2", count)
        parts = [count]
        for flag, text in (
            (Flag.PICK, self.tr("%1 picked")),
            (Flag.REJECT, self.tr("%1 rejected")),
        ):
            if number := self._model.flag_count(flag):
                parts.append(text.replace("%1", f"{number:,}"))
        if self._model.filter.focus is not FocusTest.ANY:
            waiting = sum(not one.is_focus_measured for one in records if one.file is not None)
            if waiting:
                text = self.tr("focus of %1 not measured yet")
                parts.append(text.replace("%1", f"{waiting:,}"))
        self._parts.status.show_counts("   ".join(parts))

    def _show_summary(self, summary: ScoreSummary) -> None:
        self._parts.histogram.set_summary(summary)
        self._parts.failed.set_records(self._model.failed_records())
        self._show_threshold()
        self._show_scoring()

    def _show_threshold(self) -> None:
        self._parts.threshold.set_count(self._parts.histogram.would_go)

    def _show_notice(self, text: str) -> None:
        self._notice = text
        self._parts.status.announce(text, lasting=True)

    def _scoring_changed(self, state: ScoringState) -> None:
        """Show what scoring is doing; once it is tried again, why it failed is no news."""
        if state is ScoringState.STARTING and self._parts.status.message == self._notice:
            self._parts.status.announce("")
        self._show_scoring()

    def _show_scoring(self) -> None:
        done, total = self._scoring.progress
        self._parts.status.show_scoring(self._scoring.state, done, total)
