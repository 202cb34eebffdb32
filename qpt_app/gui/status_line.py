"""The line below the photos: what just happened, how far scoring is, what is shown."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from qpt_app.gui.scoring_job import ScoringState

MESSAGE_MS = 6000


class StatusLine(QWidget):
    """Announces decisions and shows progress; says nothing when there is nothing to say."""

    pause_clicked = Signal()
    cancel_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(34)
        self._message = _label("")
        self._message.setAccessibleName(self.tr("Last action"))
        self._progress_text = _label("quiet")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(140)
        self._bar.setAccessibleName(self.tr("Scoring progress"))
        self._pause = self._button(self.tr("Pause"), self.pause_clicked)
        self._cancel = self._button(self.tr("Stop"), self.cancel_clicked)
        self._counts = _label("quiet")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(lambda: self._message.setText(""))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(8)
        layout.addWidget(self._message, 1)
        for widget in (self._progress_text, self._bar, self._pause, self._cancel):
            layout.addWidget(widget)
        layout.addSpacing(8)
        layout.addWidget(self._counts)
        self.show_scoring(ScoringState.IDLE, 0, 0)

    @property
    def message(self) -> str:
        """What was announced last, while it is still shown."""
        return self._message.text()

    @property
    def counts(self) -> str:
        """What is said of the photos shown."""
        return self._counts.text()

    def announce(self, text: str, *, lasting: bool = False) -> None:
        """Say what happened; for some seconds, or until something else happens."""
        self._message.setText(text)
        self._timer.stop()
        if not lasting:
            self._timer.start(MESSAGE_MS)

    def show_counts(self, text: str) -> None:
        """Say how many photos are shown."""
        self._counts.setText(text)

    def show_scoring(self, state: ScoringState, done: int, total: int) -> None:
        """Show what scoring is doing."""
        busy = state in (ScoringState.STARTING, ScoringState.RUNNING, ScoringState.PAUSED)
        stopped = state in (ScoringState.CANCELLED, ScoringState.FAILED)
        texts = {
            ScoringState.STARTING: self.tr("Loading the model …"),
            ScoringState.RUNNING: self.tr("Scoring %1 of %2"),
            ScoringState.PAUSED: self.tr("Paused at %1 of %2"),
            ScoringState.CANCELLED: self.tr("Stopped at %1 of %2"),
            ScoringState.FAILED: self.tr("Scoring is not possible"),
        }
        text = texts.get(state, "")
        self._progress_text.setText(text.replace("%1", f"{done:,}").replace("%2", f"{total:,}"))
        self._bar.setRange(0, max(1, total))
        self._bar.setValue(done)
        self._bar.setVisible(busy)
        self._pause.setVisible(busy or stopped)
        self._name_pause(state)
        self._cancel.setVisible(busy)
        self._cancel.setAccessibleName(self.tr("Stop scoring"))

    def _name_pause(self, state: ScoringState) -> None:
        """Say what the first button does now."""
        text, name = self.tr("Pause"), self.tr("Pause scoring")
        if state in (ScoringState.PAUSED, ScoringState.CANCELLED):
            text, name = self.tr("Resume"), self.tr("Resume scoring")
        elif state is ScoringState.FAILED:
            text, name = self.tr("Try again"), self.tr("Try to score again")
        self._pause.setText(text)
        self._pause.setAccessibleName(name)

    def _button(self, text: str, signal: object) -> QToolButton:
        button = QToolButton()
        button.setObjectName("flat")
        button.setText(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(signal)
        return button


def _label(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
