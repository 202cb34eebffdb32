"""File operations of the window: a frozen list first, then the desk, then a report."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from qpt_app.decisions.action import Action, OperationReport
from qpt_app.decisions.decision import Flag
from qpt_app.decisions.file_plan import FilePlan
from qpt_app.gui.counts import files_text
from qpt_app.gui.decision_desk import DecisionDesk
from qpt_app.gui.desk_messages import FileTask, PlanRequest
from qpt_app.gui.dialogs.plan_dialog import PlanDialog
from qpt_app.gui.dialogs.report_dialog import ReportDialog
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.value_texts import action_text

AskFolder = Callable[[QWidget, str], Path | None]


class FileController(QObject):
    """Nothing is done that was not listed, and nothing is listed that was not asked for."""

    announced = Signal(str)
    finished = Signal()
    """An operation ended: photos may have gone."""

    def __init__(
        self,
        window: QWidget,
        model: PhotoModel,
        chosen: Callable[[], Sequence[PhotoRecord]],
        desk: DecisionDesk,
        folder: Callable[[], Path | None],
        *,
        undo_key: Callable[[], str],
        ask_folder: AskFolder | None = None,
    ) -> None:
        """Make the controller; `chosen` gives the photos that the user sees to be meant."""
        super().__init__(window)
        self._window = window
        self._model = model
        self._chosen = chosen
        self._desk = desk
        self._folder = folder
        self._undo_key = undo_key
        self._ask_folder = ask_folder or ask_for_folder
        self.dialog: PlanDialog | None = None
        """The list on screen, if any."""
        self._asked: PlanRequest | None = None
        """The list that was asked for and is not here yet; answers to others are out of date."""
        self.report: ReportDialog | None = None
        desk.planned.connect(self._show_plan)
        desk.unplanned.connect(self._forget_request)
        desk.executed.connect(self._show_outcome)
        desk.recovered.connect(self._show_recovery)
        desk.progressed.connect(self._show_progress)
        desk.failed.connect(lambda _: self._end_refused())

    def trash_selected(self) -> None:
        """Send the photos selected in the grid, or the one framed elsewhere, to the trash."""
        self._plan(FileTask.TRASH, self._chosen(), self.tr("No photo is selected"))

    def trash_rejects(self) -> None:
        """Send all rejects of the folder to the trash, after a list."""
        self._plan(FileTask.TRASH, self._with_flag(Flag.REJECT), self.tr("Nothing is rejected"))

    def move_rejects(self) -> None:
        """Move all rejects of the folder to `_rejected`, after a list."""
        self._plan(FileTask.REJECTED, self._with_flag(Flag.REJECT), self.tr("Nothing is rejected"))

    def copy_picks(self) -> None:
        """Copy all picks to a folder, after a list."""
        self._to_folder(FileTask.COPY, self.tr("Copy picks to"))

    def move_picks(self) -> None:
        """Move all picks to a folder, after a list."""
        self._to_folder(FileTask.MOVE, self.tr("Move picks to"))

    # -- inner -----------------------------------------------------------------------------

    def _with_flag(self, flag: Flag) -> list[PhotoRecord]:
        """Return the photos of the folder with a flag, those hidden by the filter too."""
        return [record for record in self._model.records if record.decision.flag is flag]

    def _to_folder(self, task: FileTask, title: str) -> None:
        picks = self._with_flag(Flag.PICK)
        if not picks:
            self.announced.emit(self.tr("Nothing is picked"))
            return
        target = self._ask_folder(self._window, title)
        if target is not None:
            self._plan(task, picks, "", target)

    def _plan(
        self,
        task: FileTask,
        records: Sequence[PhotoRecord],
        nothing: str,
        target: Path | None = None,
    ) -> None:
        folder = self._folder()
        pairs = [
            (record.path, record.file.companion) for record in records if record.file is not None
        ]
        if folder is None or not pairs:
            self.announced.emit(nothing)
            return
        if self.dialog is None and self._asked is None:
            self._ask(PlanRequest(task, pairs, folder, target or folder))
        if self._asked is not None:
            self.announced.emit(self.tr("Listing the files …"))

    def _ask(self, request: PlanRequest) -> None:
        """Have a list made; one that was asked for before is not waited for any more."""
        self._asked = request
        self._desk.plan(request)

    def _show_plan(self, request: PlanRequest, plan: FilePlan) -> None:
        if request is not self._asked:
            return
        self._asked = None
        if self.dialog is not None:
            self.dialog.show_plan(plan)
            return
        self.announced.emit("")
        dialog = PlanDialog(request.task, plan, self._window)
        dialog.chosen.connect(lambda choice: self._ask(replace(request, choice=choice)))
        dialog.confirmed.connect(lambda: self._desk.execute(dialog.plan))
        dialog.cancelled_run.connect(self._desk.cancel_files)
        dialog.finished.connect(self._forget_dialog)
        self.dialog = dialog
        dialog.open()

    def _show_progress(self, done: int, total: int) -> None:
        if self.dialog is not None:
            self.dialog.show_progress(done, total)

    def _show_outcome(self, report: OperationReport) -> None:
        if self.dialog is not None:
            self.dialog.accept()
        text = self.tr("Nothing was changed")
        if report.action is not None:
            text = self._done_text(report.action, report.file_count)
        self.announced.emit(text)
        self.finished.emit()
        if report.problems or report.left:
            self._show_report(self.tr("Some files stayed where they are"), [report])

    def _done_text(self, action: Action, moved: int) -> str:
        """Say what was done to how many files, and which key takes it back."""
        key = self._undo_key()
        text = self.tr("Done: %1 (%2). %3 takes it back.") if key else self.tr("Done: %1 (%2).")
        text = text.replace("%3", key).replace("%2", files_text(moved))
        return text.replace("%1", action_text(action))

    def _show_recovery(self, reports: list[OperationReport]) -> None:
        self._show_report(self.tr("An interrupted file operation was settled"), reports)
        self.finished.emit()

    def _forget_request(self, request: PlanRequest) -> None:
        """A list was refused, the status line says why; the one on screen holds, if any."""
        if request is self._asked:
            self._asked = None
            if self.dialog is not None:
                self.dialog.keep_plan()

    def _end_refused(self) -> None:
        """The operation was refused: the status line says why, nothing was changed."""
        if self.dialog is not None and self.dialog.is_running:
            self.dialog.accept()
            self.finished.emit()

    def _show_report(self, title: str, reports: Sequence[OperationReport]) -> None:
        self.report = ReportDialog(title, reports, self._window)
        self.report.finished.connect(lambda _: self._window.activateWindow())
        self.report.open()

    def _forget_dialog(self) -> None:
        self._asked = None
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None
            self._window.activateWindow()


def ask_for_folder(parent: QWidget, title: str) -> Path | None:
    """Ask the user for a folder with the system's dialog."""
    chosen = QFileDialog.getExistingDirectory(parent, title)
    return Path(chosen) if chosen else None
