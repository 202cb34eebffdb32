"""Shows exactly what a file operation will do, before anything is done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from qpt_app.decisions.action import ActionKind
from qpt_app.decisions.file_plan import FilePlan, PlannedFile
from qpt_app.decisions.pair_choice import PairChoice
from qpt_app.gui.counts import files_text, pairs_text, photos_text, single_photos_text
from qpt_app.gui.desk_messages import FileTask
from qpt_app.gui.dialogs.pair_choice_box import PairChoiceBox
from qpt_app.gui.photo_record import display_name

translate = QCoreApplication.translate
"""By this name, with literal texts, `pyside6-lupdate` finds them."""

AnyIndex = QModelIndex | QPersistentModelIndex
NAME_WIDTH = 150
"""Width at first of the columns of names and folders; where files go has the rest."""


class PlanModel(QAbstractTableModel):
    """One row for each file of a plan: name, folder, where it goes."""

    def __init__(self, plan: FilePlan, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._plan = plan

    def set_plan(self, plan: FilePlan) -> None:
        """List another plan."""
        self.beginResetModel()
        self._plan = plan
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """Files, then refused photos."""
        return 0 if parent.isValid() else len(self._plan.files) + len(self._plan.refused)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """Name, from, to."""
        return 0 if parent.isValid() else 3

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer the text of a cell."""
        if not index.isValid() or role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
        ):
            return None
        row = index.row()
        if row < len(self._plan.files):
            file = self._plan.files[row]
            cells = (file.source.name, self._short(file.source.parent), self._goal(file))
        else:
            refused = self._plan.refused[row - len(self._plan.files)]
            stays = self.tr("stays: %1").replace("%1", refused.reason)
            cells = (refused.path.name, self._short(refused.path.parent), stays)
        return display_name(cells[index.column()])

    def _goal(self, file: PlannedFile) -> str:
        """Say where a file goes."""
        if file.target is None:
            return self.tr("trash")
        if file.kind.finds_target:
            return self.tr("%1 (is there already)").replace("%1", self._short(file.target))
        if file.kind is ActionKind.LEND:
            return self.tr("%1 (a copy)").replace("%1", self._short(file.target))
        return self._short(file.target)

    def _short(self, path: Path) -> str:
        """Return a path from the opened folder's name on, or whole if it is elsewhere."""
        for root in self._plan.roots:
            if path.is_relative_to(root):
                return str(Path(root.name) / path.relative_to(root))
        return str(path)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Answer the headings."""
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (self.tr("File"), self.tr("From"), self.tr("To"))[section]


class PlanDialog(QDialog):
    """The list is frozen: what is shown is what happens, whatever the folder does meanwhile."""

    confirmed = Signal()
    cancelled_run = Signal()
    chosen = Signal(object)
    """Another `PairChoice` is wanted: answer with `show_plan` or `keep_plan`."""

    def __init__(self, task: FileTask, plan: FilePlan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plan = plan
        """What is listed, and what a yes means."""
        self._task = task
        self.setWindowTitle(self.tr("Confirm"))
        self.setMinimumSize(640, 420)
        self._title = _plain("title")
        self._counts = _plain("quiet")
        self.pairs = PairChoiceBox(plan, self) if plan.pair_count else None
        """The choice what goes of each pair; None where there is none."""
        self._model = PlanModel(plan, self)
        self._make_table()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.hide()
        buttons = QDialogButtonBox()
        self.confirm = QPushButton()
        self.confirm.setAutoDefault(False)
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.setDefault(True)
        buttons.addButton(self.confirm, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        self.confirm.clicked.connect(self._start)
        self.cancel.clicked.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(self._title)
        if self.pairs is not None:
            self.resize(820, 540)  # the title on one line, so that the choice stays in its place
            layout.addWidget(self.pairs)
            self.pairs.chosen.connect(self._wait_for_list)
        layout.addWidget(self._counts)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._bar)
        layout.addWidget(buttons)
        self.is_running = False
        self._is_waiting = False
        self._say()

    def _make_table(self) -> None:
        self.table = QTableView()
        self.table.setModel(self._model)
        self.table.setAccessibleName(self.tr("Files of this operation"))
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setWordWrap(False)  # else a long path is cut at a "/", its name gone
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        for column in (0, 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(column, NAME_WIDTH)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return means yes on the button that says so, and no anywhere else."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.confirm.hasFocus():
            self.confirm.click()
        else:
            super().keyPressEvent(event)

    def show_plan(self, plan: FilePlan) -> None:
        """List what another choice takes: from now on a yes means this."""
        self.plan = plan
        self._model.set_plan(plan)
        self.keep_plan()

    def keep_plan(self) -> None:
        """No other list is coming: what is listed holds, and so does its choice."""
        self._is_waiting = False
        if self.pairs is not None:
            self.pairs.show_plan(self.plan)
        self._say()

    def _wait_for_list(self, choice: PairChoice) -> None:
        """The list on screen is not what was chosen: nobody can say yes to it any more."""
        self._is_waiting = True
        self._say()
        self.chosen.emit(choice)

    def _say(self) -> None:
        """Write the texts that depend on the list."""
        self._title.setText(title_text(self._task, self.plan))
        listing = self.tr("Listing the files …")
        self._counts.setText(listing if self._is_waiting else counts_text(self.plan))
        self.confirm.setText(_button_text(self._task, self.plan))
        self.confirm.setAccessibleName(self.confirm.text())
        self.confirm.setEnabled(bool(self.plan.files) and not self._is_waiting)

    def show_progress(self, done: int, total: int) -> None:
        """Show how far the operation is."""
        self._bar.setRange(0, max(1, total))
        self._bar.setValue(done)

    def reject(self) -> None:
        """Close; while the operation runs, stop it after the photo at hand."""
        if self.is_running:
            self.cancelled_run.emit()
            self.cancel.setEnabled(False)
        else:
            super().reject()

    def _start(self) -> None:
        if self._is_waiting:
            return
        self.is_running = True
        self.confirm.setEnabled(False)
        if self.pairs is not None:
            self.pairs.setEnabled(False)
        self.cancel.setText(self.tr("Stop"))
        self._bar.show()
        self.confirmed.emit()

    def accept(self) -> None:
        """Close after the operation."""
        self.is_running = False
        super().accept()


def title_text(task: FileTask, plan: FilePlan) -> str:
    """Ask the question of the dialog."""
    texts: Mapping[FileTask, str] = {
        FileTask.TRASH: translate("PlanDialog", "Move %1 to the trash?"),
        FileTask.REJECTED: translate("PlanDialog", "Move %1 to “_rejected”?"),
        FileTask.COPY: translate("PlanDialog", "Copy %1?"),
        FileTask.MOVE: translate("PlanDialog", "Move %1?"),
    }
    return texts[task].replace("%1", subject_text(plan))


def subject_text(plan: FilePlan) -> str:
    """Say of what the list is: `3 photos`, `the RAW of 2 pairs and 1 single photo`."""
    singles = plan.photo_count - plan.half_count
    if not plan.half_count:
        return photos_text(plan.photo_count)
    half = "RAW" if plan.choice is PairChoice.RAW else plan.rendered
    halves = translate("PlanDialog", "the %2 of %1").replace("%2", half)
    halves = halves.replace("%1", pairs_text(plan.half_count))
    if not singles:
        return halves
    both = translate("PlanDialog", "%1 and %2").replace("%2", single_photos_text(singles))
    return both.replace("%1", halves)


def counts_text(plan: FilePlan) -> str:
    """Count the files by kind; pairs and sidecars are counted with their photos."""
    kinds = ",  ".join(
        f"{count} {suffix.lstrip('.').upper() or translate('PlanDialog', 'other')}"
        for suffix, count in plan.counts().items()
    )
    files = (
        translate("PlanDialog", "%1: %2  (%3)")
        .replace("%1", files_text(len(plan.main_files)))
        .replace("%2", kinds)
    )
    text = files.replace("%3", size_text(plan.total_bytes))
    if lent := plan.lent_count:
        copied = translate(
            "PlanDialog", "%1 sidecars of both RAW and %2 stay; copies go along.", "", lent
        )
        if lent == 1:
            copied = translate(
                "PlanDialog", "1 sidecar of both RAW and %2 stays; a copy goes along."
            )
        text += "\n" + copied.replace("%1", f"{lent:,}").replace("%2", plan.rendered)
    if found := plan.found_count:
        there = translate(
            "PlanDialog",
            "%1 sidecars are there already, just the same: they are not written again.",
            "",
            found,
        )
        if found == 1:
            there = translate(
                "PlanDialog", "1 sidecar is there already, just the same: it is not written again."
            )
        text += "\n" + there.replace("%1", f"{found:,}")
    if plan.refused:
        stays = translate("PlanDialog", "%1 stay, see the end of the list.")
        if len(plan.refused) == 1:
            stays = translate("PlanDialog", "%1 stays, see the end of the list.")
        text += "\n" + stays.replace("%1", photos_text(len(plan.refused)))
    return text


def size_text(count: int) -> str:
    """Write a number of bytes for people."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _button_text(task: FileTask, plan: FilePlan) -> str:
    text = (
        translate("PlanDialog", "Copy %1")
        if task is FileTask.COPY
        else translate("PlanDialog", "Move %1")
    )
    return text.replace("%1", files_text(len(plan.main_files)))


def _plain(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
