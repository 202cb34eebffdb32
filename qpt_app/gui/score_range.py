"""A small slider with two handles: the range of scores to show."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from qpt_app.gui.theme import Theme

EDGE = 9


class ScoreRange(QWidget):
    """From 0 to 100. Arrow keys move the handle used last, Shift by ten, Space the other one."""

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values = [0.0, 100.0]
        self._handle = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedSize(QSize(128, 30))
        self._describe()
        theme.changed.connect(self.update)

    @property
    def values(self) -> tuple[float, float]:
        """(lowest, highest) score to show."""
        return self._values[0], self._values[1]

    def set_range(self, low: float, high: float) -> None:
        """Set both handles."""
        if [low, high] != self._values:
            self._values = [low, high]
            self._describe()
            self.update()
            self.changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the line, the range and its handles with their numbers."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        y = self.height() - 9.0
        low, high = (self._x(value) for value in self._values)
        painter.setPen(QPen(self._theme.colour("hover"), 3, c=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(EDGE, y), QPointF(self.width() - EDGE, y))
        painter.setPen(QPen(self._theme.colour("quiet"), 3, c=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(low, y), QPointF(high, y))
        painter.setPen(Qt.PenStyle.NoPen)
        for handle, x in enumerate((low, high)):
            active = self.hasFocus() and handle == self._handle
            painter.setBrush(self._theme.colour("accent" if active else "quiet"))
            painter.drawEllipse(QPointF(x, y), 5.5, 5.5)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(self._theme.colour("quiet"))
        text = self.tr("Score %1 – %2").replace("%1", f"{self._values[0]:.0f}")
        text = text.replace("%2", f"{self._values[1]:.0f}")
        top = QRectF(EDGE - 4, 0, self.width() - EDGE, 15)
        painter.drawText(top, int(Qt.AlignmentFlag.AlignVCenter), text)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grab the nearer handle."""
        x = event.position().x()
        distances = [abs(x - self._x(value)) for value in self._values]
        self._handle = 0 if distances[0] < distances[1] or x < self._x(self._values[0]) else 1
        self._move_to(self._value(x))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the handle."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move_to(self._value(event.position().x()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show all scores again."""
        self.set_range(0.0, 100.0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the active handle."""
        step = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        steps = {Qt.Key.Key_Left: -step, Qt.Key.Key_Down: -step, Qt.Key.Key_Right: step,
                 Qt.Key.Key_Up: step}  # fmt: skip
        if event.key() in steps:
            self._move_to(self._values[self._handle] + steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Space:
            self._handle = 1 - self._handle
            self.update()
        else:
            super().keyPressEvent(event)

    def _move_to(self, value: float) -> None:
        """Move the active handle; the handles never cross."""
        values = list(self._values)
        values[self._handle] = float(round(max(0.0, min(100.0, value))))
        if self._handle == 0:
            values[0] = min(values[0], values[1])
        else:
            values[1] = max(values)
        self.set_range(values[0], values[1])

    def _x(self, value: float) -> float:
        return EDGE + (self.width() - 2 * EDGE) * value / 100

    def _value(self, x: float) -> float:
        return (x - EDGE) * 100 / (self.width() - 2 * EDGE)

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Range of scores"))
        self.setAccessibleDescription(f"{self._values[0]:.0f} – {self._values[1]:.0f}")
        self.setToolTip(self.tr("Range of scores; double-click shows all"))
