"""The histogram of scores with a threshold that can be dragged or moved by arrow keys."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from qpt_app.gui.score_summary import BINS, ScoreSummary
from qpt_app.gui.theme import Theme

EDGE = 12
FOOT = 20


class HistogramPanel(QWidget):
    """Shows how scores are spread and how many photos lie below the threshold."""

    threshold_changed = Signal(float)
    """While it is moved; 0 means no threshold."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._summary = ScoreSummary()
        self._threshold = 0.0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self._describe()
        theme.changed.connect(self.update)

    @property
    def threshold(self) -> float:
        """Photos that score less would go; 0 to 100."""
        return self._threshold

    @property
    def would_go(self) -> int:
        """How many photos score below the threshold."""
        return self._summary.below(self._threshold)

    def set_summary(self, summary: ScoreSummary) -> None:
        """Show other scores."""
        self._summary = summary
        self._describe()
        self.update()

    def set_threshold(self, value: float) -> None:
        """Move the threshold to a whole number from 0 to 100."""
        value = float(round(max(0.0, min(100.0, value))))
        if value != self._threshold:
            self._threshold = value
            self._describe()
            self.update()
            self.threshold_changed.emit(value)

    def sizeHint(self) -> QSize:
        """Wide enough for a panel, low enough to leave room for the list below."""
        return QSize(240, 168)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint bars, threshold and the sentence below."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._summary.count == 0:
            painter.setPen(self._theme.colour("quiet"))
            text = self.tr("Scores will appear here.")
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), text)
            painter.end()
            return
        plot = self._plot()
        self._paint_bars(painter, plot)
        self._paint_axis(painter, plot)
        self._paint_threshold(painter, plot)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grab the threshold."""
        self._drag_to(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the threshold."""
        near = abs(event.position().x() - self._x_of(self._threshold)) < 6
        self.setCursor(Qt.CursorShape.SplitHCursor if near else Qt.CursorShape.ArrowCursor)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag_to(event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the threshold by one point, or by ten with Shift."""
        step = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        steps = {Qt.Key.Key_Left: -step, Qt.Key.Key_Right: step, Qt.Key.Key_Down: -step,
                 Qt.Key.Key_Up: step}  # fmt: skip
        if event.key() in steps:
            self.set_threshold(self._threshold + steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Home:
            self.set_threshold(0)
        else:
            super().keyPressEvent(event)

    def _paint_bars(self, painter: QPainter, plot: QRectF) -> None:
        counts = self._summary.bins()
        highest = max(1, int(counts.max()))
        width = plot.width() / BINS
        painter.setPen(Qt.PenStyle.NoPen)
        for at, count in enumerate(counts):
            if count:
                height = max(2.0, plot.height() * float(count) / highest)
                goes = (at + 0.5) * 100 / BINS < self._threshold
                painter.setBrush(self._theme.colour("hover" if goes else "quiet"))
                painter.drawRect(
                    QRectF(plot.left() + at * width, plot.bottom() - height, width - 1, height)
                )

    def _paint_axis(self, painter: QPainter, plot: QRectF) -> None:
        painter.setPen(QPen(self._theme.colour("hover"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(self._theme.colour("quiet"))
        for value in (0, 50, 100):
            box = QRectF(self._x_of(value) - 20, plot.bottom() + 3, 40, 14)
            if value == 0:
                box.moveLeft(plot.left())
            elif value == 100:
                box.moveRight(plot.right())
            align = {0: Qt.AlignmentFlag.AlignLeft, 50: Qt.AlignmentFlag.AlignHCenter,
                     100: Qt.AlignmentFlag.AlignRight}[value]  # fmt: skip
            painter.drawText(box, int(align), str(value))
        painter.setPen(self._theme.colour("text"))
        sentence = QRectF(plot.left(), self.height() - FOOT, plot.width(), FOOT)
        painter.drawText(sentence, int(Qt.AlignmentFlag.AlignVCenter), self._sentence())

    def _paint_threshold(self, painter: QPainter, plot: QRectF) -> None:
        """Paint the line and its handle, which is a shape of its own."""
        x = self._x_of(self._threshold)
        colour = self._theme.colour("accent" if self.hasFocus() or self._threshold else "quiet")
        painter.setPen(QPen(colour, 1.5))
        painter.drawLine(QPointF(x, plot.top() - 2), QPointF(x, plot.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        top = plot.top() - 8
        painter.drawPolygon(
            QPolygonF([QPointF(x - 6, top), QPointF(x + 6, top), QPointF(x, top + 8)])
        )

    def _plot(self) -> QRectF:
        return QRectF(self.rect()).adjusted(EDGE, EDGE + 4, -EDGE, -FOOT - 20)

    def _x_of(self, score: float) -> float:
        plot = self._plot()
        return plot.left() + plot.width() * score / 100

    def _drag_to(self, at: QPointF) -> None:
        plot = self._plot()
        self.set_threshold(100 * (at.x() - plot.left()) / max(1.0, plot.width()))

    def _sentence(self) -> str:
        """Say what the threshold would do."""
        if self._threshold <= 0:
            median = self._summary.median or 0.0
            return self.tr("%1 scored, median %2").replace(
                "%1", f"{self._summary.count:,}"
            ).replace("%2", f"{median:.0f}")  # fmt: skip
        return (
            self.tr("%1 of %2 below %3")
            .replace("%1", f"{self.would_go:,}")
            .replace("%2", f"{self._summary.count:,}")
            .replace("%3", f"{self._threshold:.0f}")
        )

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Score histogram with threshold"))
        self.setAccessibleDescription(self._sentence() if self._summary.count else "")
