"""Asks once how ratings are to reach other programs."""

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

translate = QCoreApplication.translate
"""By this name, with literal texts, `pyside6-lupdate` finds them."""

PROFILES = ("off", "lightroom", "darktable", "all")


def profile_texts() -> dict[str, tuple[str, str]]:
    """Return profile -> (name, what it does)."""
    return {
        "off": (
            translate("XmpDialog", "Keep decisions in qpt only"),
            translate(
                "XmpDialog",
                "No file beside your photos is written. This can be changed at any time.",
            ),
        ),
        "lightroom": (
            translate("XmpDialog", "Lightroom, Camera Raw, Bridge"),
            translate(
                "XmpDialog",
                "Writes “photo.xmp” beside RAW files. Lightroom reads the rating of a JPEG only "
                "when it is embedded in the JPEG itself; qpt embeds only when you ask for it "
                "(qpt xmp write --embed), so JPEG ratings stay in sidecars until then.",
            ),
        ),
        "darktable": (
            translate("XmpDialog", "darktable, digiKam"),
            translate("XmpDialog", "Writes “photo.jpg.xmp” beside each photo."),
        ),
        "all": (
            translate("XmpDialog", "All of them"),
            translate("XmpDialog", "Writes both names."),
        ),
    }


class XmpDialog(QDialog):
    """Shown at the first decision; `chosen` carries the profile."""

    chosen = Signal(str)

    def __init__(self, current: str | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Ratings for other programs"))
        self.setMinimumWidth(520)
        heading = QLabel(self.tr("Should other programs see your ratings?"))
        heading.setObjectName("title")
        note = QLabel(
            self.tr(
                "Your decision is already kept. Stars, labels and rejects can also be written as "
                "XMP beside the photos; what other programs wrote there stays."
            )
        )
        note.setWordWrap(True)
        note.setTextFormat(Qt.TextFormat.PlainText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 20, 22, 16)
        layout.setSpacing(8)
        layout.addWidget(heading)
        layout.addWidget(note)
        layout.addSpacing(6)
        self.group = QButtonGroup(self)
        for at, (profile, (name, text)) in enumerate(profile_texts().items()):
            button = QRadioButton(name)
            button.setAccessibleName(name)
            button.setAccessibleDescription(text)
            button.setChecked(profile == (current or "off"))
            self.group.addButton(button, at)
            explanation = QLabel(text)
            explanation.setObjectName("quiet")
            explanation.setWordWrap(True)
            explanation.setTextFormat(Qt.TextFormat.PlainText)
            explanation.setContentsMargins(26, 0, 0, 4)
            layout.addWidget(button)
            layout.addWidget(explanation)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok)
        buttons.accepted.connect(self.accept)
        layout.addWidget(buttons)

    def done(self, result: int) -> None:
        """Close; Escape keeps decisions in qpt only."""
        accepted = result == QDialog.DialogCode.Accepted
        self.chosen.emit(PROFILES[self.group.checkedId()] if accepted else "off")
        super().done(result)
