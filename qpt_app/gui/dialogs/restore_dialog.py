"""Says that the ratings cannot be read, and offers their newest backup. Nothing is lost by it."""

from PySide6.QtCore import QDateTime, QLocale, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPushButton, QVBoxLayout, QWidget

from qpt_app.decisions.restore import RestoreOffer
from qpt_app.gui.photo_record import display_name


class RestoreDialog(QDialog):
    """`chosen` is emitted for the offer; closing the dialog leaves everything as it is."""

    chosen = Signal()

    def __init__(self, reason: str, offer: RestoreOffer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Ratings"))
        self.setMinimumWidth(520)
        self.answer = QPushButton(
            self.tr("Begin anew") if offer.backup is None else self.tr("Restore the backup")
        )
        self.answer.clicked.connect(self._choose)
        self.later = QPushButton(self.tr("Only look at photos"))
        self.later.clicked.connect(self.reject)
        self.later.setDefault(True)
        self.answer.setAutoDefault(False)
        buttons = QDialogButtonBox()
        buttons.addButton(self.answer, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.later, QDialogButtonBox.ButtonRole.RejectRole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        heading = _text(self.tr("The file with your ratings is damaged"))
        heading.setObjectName("title")
        layout.addWidget(heading)
        self.body = _text(self._offer_text(offer))
        layout.addWidget(self.body)
        detail = _text(display_name(reason))
        detail.setObjectName("quiet")
        layout.addWidget(detail)
        layout.addWidget(buttons)

    def _offer_text(self, offer: RestoreOffer) -> str:
        """Say what would be put back, from when, and what happens to the damaged file."""
        if offer.backup is None or offer.made_at is None:
            return self.tr(
                "There is no sound backup. You can begin anew: the damaged file is kept beside "
                "the new one, as %1. Your photos and sidecars are not touched; ratings in XMP are "
                "read again from there."
            ).replace("%1", offer.aside_name)
        when = QLocale().toString(_local(offer.made_at), QLocale.FormatType.ShortFormat)
        text = self.tr(
            "The newest sound backup is from %1 (photos decided: %2). "
            "Restoring puts it in place; the damaged file is kept beside it, as %3. What was "
            "decided after the backup is missing, but ratings in XMP are read again from there. "
            "Your photos and sidecars are not touched."
        )
        return (
            text.replace("%1", when)
            .replace("%2", QLocale().toString(offer.photos))
            .replace("%3", offer.aside_name)
        )

    def _choose(self) -> None:
        self.chosen.emit()
        self.accept()


def _local(seconds: float) -> QDateTime:
    return QDateTime.fromSecsSinceEpoch(int(seconds))


def _text(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
