"""What stands in the middle while there are no photos to show: an invitation or a reason."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

TEXT_WIDTH = 460
"""Width of the sentence, device-independent pixels: about seventy characters."""


class StatePage(QWidget):
    """A title, a sentence and at most one button."""

    clicked = Signal(str)
    """The id of the action behind the button."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("surround")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._action = ""
        self._title = _centred("title")
        self._text = _centred("quiet")
        self._text.setWordWrap(True)
        self._text.setFixedWidth(TEXT_WIDTH)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(200)
        self._bar.setAccessibleName(self.tr("Reading the folder"))
        self._button = QPushButton(self.tr("Open folder …"))
        self.setFocusProxy(self._button)
        self._button.clicked.connect(lambda: self.clicked.emit(self._action))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(40, 40, 40, 60)
        layout.setSpacing(12)
        layout.addStretch(1)
        for widget in (self._title, self._text, self._bar, self._button):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        self.show_welcome("")

    @property
    def title(self) -> str:
        """The title shown."""
        return self._title.text()

    def show_welcome(self, open_key: str) -> None:
        """Invite to open a folder; `open_key` is the key that does it, if there is one."""
        how = self.tr("Drop a folder here, or choose one at the left.")
        if open_key:
            how = self.tr("Drop a folder here, choose one at the left, or press %1.")
        self._show(
            self.tr("Open a folder of photos"),
            how.replace("%1", open_key)
            + "\n"
            + self.tr(
                "Nothing is imported, nothing leaves this computer,\n"
                "nothing is changed until you decide."
            ),
            "open_folder",
            self.tr("Open folder …"),
        )

    def show_loading(self, folder: str) -> None:
        """Say that a folder is being read."""
        self._show(self.tr("Reading %1").replace("%1", folder), "", "", "")
        self._bar.show()

    def show_no_photos(self, folder: str, *, recursive: bool) -> None:
        """Say that a folder holds no photos."""
        text = (
            self.tr("Neither the folder nor its subfolders hold photos that qpt can read.")
            if recursive
            else self.tr("Its subfolders are not included; they may hold some.")
        )
        action = "" if recursive else "recursive"
        self._show(
            self.tr("No photos in %1").replace("%1", folder), text, action,
            self.tr("Include subfolders"),
        )  # fmt: skip

    def show_all_hidden(self, count: int) -> None:
        """Say that the filter hides everything."""
        hidden = self.tr("%1 photos are hidden.").replace("%1", f"{count:,}")
        self._show(
            self.tr("No photo matches the filter"),
            self.tr("1 photo is hidden.") if count == 1 else hidden,
            "clear_filter",
            self.tr("Show all photos"),
        )

    def show_error(self, title: str, text: str) -> None:
        """Say what went wrong and offer another folder."""
        self._show(title, text, "open_folder", self.tr("Open another folder …"))

    def _show(self, title: str, text: str, action: str, button: str) -> None:
        self._bar.hide()
        self._title.setText(title)
        self._text.setText(text)
        self._text.setMinimumHeight(self._text.heightForWidth(TEXT_WIDTH))
        self._text.setVisible(bool(text))
        self._action = action
        if button:
            self._button.setText(button)
            self._button.setAccessibleName(button)
        self._button.setVisible(bool(action))
        self.setAccessibleName(f"{title}. {text}")


def _centred(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
