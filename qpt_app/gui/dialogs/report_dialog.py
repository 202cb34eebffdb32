"""Says which files an operation did not treat as asked, and why."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from qpt_app.decisions.action import OperationReport, Transferred
from qpt_app.gui.photo_record import display_name
from qpt_app.gui.value_texts import action_text, state_text

translate = QCoreApplication.translate
"""By this name, with literal texts, `pyside6-lupdate` finds them."""


class ReportDialog(QDialog):
    """A plain list that can be copied."""

    def __init__(
        self, title: str, reports: Sequence[OperationReport], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Report"))
        self.setMinimumSize(560, 320)
        heading = QLabel(title)
        heading.setObjectName("title")
        heading.setTextFormat(Qt.TextFormat.PlainText)
        self.text = QPlainTextEdit("\n".join(report_lines(reports)))
        self.text.setReadOnly(True)
        self.text.setAccessibleName(title)
        self.text.setTabChangesFocus(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(heading)
        layout.addWidget(self.text, 1)
        layout.addWidget(buttons)


def report_lines(reports: Sequence[OperationReport]) -> list[str]:
    """Return one line for each thing to know."""
    lines = []
    for report in reports:
        if report.action is not None:
            lines.append(f"{action_text(report.action)}: {state_text(report.action.state)}")
        lines += [
            f"{display_name(str(problem.path))}: {problem.reason}" for problem in report.problems
        ]
        not_begun = translate("ReportDialog", "not begun")
        lines += [f"{display_name(str(path))}: {not_begun}" for path in report.left]
        lines += [
            f"{display_name(str(moved.source))} → {_place(moved)}" for moved in report.transferred
        ]
    return lines


def _place(moved: Transferred) -> str:
    """Say where a file went."""
    if moved.target is None:
        return translate("ReportDialog", "trash")
    return display_name(str(moved.target))
