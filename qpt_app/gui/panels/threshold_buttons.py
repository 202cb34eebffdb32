"""What can be done with the threshold of the histogram."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget


class ThresholdButtons(QWidget):
    """Show the photos below the threshold, or reject them after a question."""

    show_below = Signal()
    reject_below = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look = QPushButton(self.tr("Show these"))
        self.look.setAccessibleName(self.tr("Show the photos below the threshold"))
        self.reject = QPushButton(self.tr("Reject …"))
        self.reject.setAccessibleName(self.tr("Reject the photos below the threshold"))
        self.look.clicked.connect(self.show_below)
        self.reject.clicked.connect(self.reject_below)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 2, 12, 10)
        layout.addWidget(self.look, 1)
        layout.addWidget(self.reject, 1)
        self.set_count(0)

    def set_count(self, count: int) -> None:
        """Enable the buttons when there are photos below the threshold."""
        for button in (self.look, self.reject):
            button.setEnabled(count > 0)
