"""What is to go of RAW+JPEG pairs: a row of radio buttons and a line that says what stays."""

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from qpt_app.decisions.action import ActionKind
from qpt_app.decisions.file_plan import FilePlan
from qpt_app.decisions.pair_choice import PairChoice
from qpt_app.gui.counts import raw_pairs_text

translate = QCoreApplication.translate
"""By this name, with literal texts, `pyside6-lupdate` finds them."""

CHOICES = tuple(PairChoice)


class PairChoiceBox(QWidget):
    """Shown where a list holds pairs; `chosen` carries another `PairChoice`."""

    chosen = Signal(object)

    def __init__(self, plan: FilePlan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        label = QLabel(translate("PairChoice", "%1:").replace("%1", _pairs(plan)))
        label.setTextFormat(Qt.TextFormat.PlainText)
        self.note = QLabel()
        self.note.setObjectName("quiet")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.setAccessibleName(_pairs(plan))
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(label)
        self._group = QButtonGroup(self)
        self.buttons: dict[PairChoice, QRadioButton] = {}
        for at, (choice, text) in enumerate(choice_texts(plan.rendered).items()):
            button = QRadioButton(text)
            button.setAccessibleName(text)
            button.setAccessibleDescription(_pairs(plan))
            self._group.addButton(button, at)
            self.buttons[choice] = button
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.note)
        self.show_plan(plan)
        self._group.idToggled.connect(self._toggled)

    @property
    def choice(self) -> PairChoice:
        """What is chosen."""
        return CHOICES[self._group.checkedId()]

    def show_plan(self, plan: FilePlan) -> None:
        """Say what a list leaves; its choice is the one in force."""
        was_blocked = self._group.blockSignals(True)
        self.buttons[plan.choice].setChecked(True)
        self._group.blockSignals(was_blocked)
        self.note.setText(note_text(plan))

    def _toggled(self, _: int, checked: bool) -> None:
        if checked:
            self.chosen.emit(self.choice)


def choice_texts(rendered: str) -> dict[PairChoice, str]:
    """Name the choices, in their order; `rendered` says what is beside the RAWs."""
    return {
        PairChoice.BOTH: translate("PairChoice", "RAW and %1").replace("%1", rendered),
        PairChoice.RAW: translate("PairChoice", "Only RAW"),
        PairChoice.JPEG: translate("PairChoice", "Only %1").replace("%1", rendered),
    }


def note_text(plan: FilePlan) -> str:
    """Say what becomes of the other half of each pair, and of photos that are no pairs."""
    if plan.choice is PairChoice.BOTH:
        return translate("PairChoice", "Both files of a pair go together.")
    stays = translate(
        "PairChoice", "The %1 of each pair stays as a photo with the same stars, flag and label."
    )
    if plan.kind is ActionKind.COPY:
        stays = translate("PairChoice", "The %1 of each pair is not copied.")
    text = stays.replace("%1", plan.rendered if plan.choice is PairChoice.RAW else "RAW")
    if plan.photo_count > plan.half_count:
        text += " " + translate(
            "PairChoice", "Photos that are no pairs go whole, whatever their format."
        )
    return text


def _pairs(plan: FilePlan) -> str:
    return raw_pairs_text(plan.pair_count, plan.rendered)
