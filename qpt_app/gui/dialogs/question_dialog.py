"""A question with one answer that does something, and Cancel as the default."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPushButton, QVBoxLayout, QWidget


class QuestionDialog(QDialog):
    """`accepted` is emitted for the answer that does something."""

    def __init__(self, title: str, text: str, answer: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(420)
        heading = QLabel(title)
        heading.setObjectName("title")
        heading.setTextFormat(Qt.TextFormat.PlainText)
        heading.setWordWrap(True)
        body = QLabel(text)
        body.setTextFormat(Qt.TextFormat.PlainText)
        body.setWordWrap(True)
        self.answer = QPushButton(answer)
        self.answer.setAutoDefault(False)
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.setDefault(True)
        buttons = QDialogButtonBox()
        buttons.addButton(self.answer, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(heading)
        layout.addWidget(body)
        layout.addWidget(buttons)
