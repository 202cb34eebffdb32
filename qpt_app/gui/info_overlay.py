"""The information overlay of the loupe."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from qpt_app.gui.info_text import info_lines
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.theme import Theme

LINE = 21
PADDING = 14
NAME_COLUMN = 84


class InfoOverlay(QWidget):
    """A quiet plate with the essentials; painted as plain text, so names cannot be markup."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._title = ""
        self._lines: list[tuple[str, str]] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(self.tr("Information"))

    def show_record(self, record: PhotoRecord | None, percentile: float | None) -> None:
        """Say what is known of a photo and its place among the scores of the folder."""
        self._title = "" if record is None else record.name
        self._lines = [] if record is None else info_lines(record, percentile)
        text = "; ".join(f"{name}: {value}" for name, value in self._lines)
        self.setAccessibleDescription(text)
        self.resize(self._width(), LINE * (len(self._lines) + 1) + 2 * PADDING)
        self.update()

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What is shown."""
        return self._lines

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the plate."""
        if not self._title:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(self._theme.colour("window"))
        ground.setAlpha(232)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        line = QRectF(PADDING, PADDING, self.width() - 2 * PADDING, LINE)
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self._theme.colour("text"))
        metrics = QFontMetricsF(font)
        painter.drawText(
            line, middle,
            metrics.elidedText(self._title, Qt.TextElideMode.ElideMiddle, line.width()),
        )  # fmt: skip
        font.setBold(False)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        for name, value in self._lines:
            line.translate(0, LINE)
            painter.setPen(self._theme.colour("quiet"))
            painter.drawText(line, middle, name)
            painter.setPen(self._theme.colour("text"))
            room = line.adjusted(NAME_COLUMN, 0, 0, 0)
            text = metrics.elidedText(value, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, middle, text)
        painter.end()

    def _width(self) -> int:
        """Return a width that suits the longest line, within reason."""
        metrics = QFontMetricsF(self.font())
        longest = max((metrics.horizontalAdvance(value) for _, value in self._lines), default=120)
        return int(min(460, max(260, longest + NAME_COLUMN + 2 * PADDING + 6)))
