"""Vector marks painted on tiles: every mark has a shape of its own, never a colour alone."""

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPainterPath, QPen, QPixmap


def draw_star(painter: QPainter, box: QRectF, colour: QColor, *, filled: bool = True) -> None:
    """Draw a five-pointed star that fills `box`."""
    path = QPainterPath()
    centre, radius = box.center(), box.width() / 2
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * 0.42
        angle = math.radians(-90 + 36 * corner)
        point = centre + QPointF(math.cos(angle) * reach, math.sin(angle) * reach)
        path.moveTo(point) if corner == 0 else path.lineTo(point)
    path.closeSubpath()
    if filled:
        painter.fillPath(path, colour)
    else:
        painter.strokePath(path, QPen(colour, max(1.0, box.width() / 12)))


def draw_pick(painter: QPainter, box: QRectF, colour: QColor) -> None:
    """Draw a flag on its pole: the photo is picked."""
    painter.setPen(_pen(colour, box))
    left = box.left() + box.width() * 0.24
    painter.drawLine(QPointF(left, box.top()), QPointF(left, box.bottom()))
    path = QPainterPath(QPointF(left, box.top()))
    path.lineTo(box.right(), box.top() + box.height() * 0.28)
    path.lineTo(left, box.top() + box.height() * 0.58)
    path.closeSubpath()
    painter.fillPath(path, colour)


def draw_reject(painter: QPainter, box: QRectF, colour: QColor) -> None:
    """Draw a cross: the photo is rejected."""
    painter.setPen(_pen(colour, box))
    inner = box.adjusted(2, 2, -2, -2)
    painter.drawLine(inner.topLeft(), inner.bottomRight())
    painter.drawLine(inner.topRight(), inner.bottomLeft())


def draw_warning(painter: QPainter, box: QRectF, colour: QColor) -> None:
    """Draw a triangle with a bar: something is wrong with the file."""
    path = QPainterPath(QPointF(box.center().x(), box.top()))
    path.lineTo(box.right(), box.bottom())
    path.lineTo(box.left(), box.bottom())
    path.closeSubpath()
    painter.strokePath(path, _pen(colour, box))
    x = box.center().x()
    painter.drawLine(
        QPointF(x, box.top() + box.height() * 0.4), QPointF(x, box.top() + box.height() * 0.66)
    )
    painter.drawPoint(QPointF(x, box.top() + box.height() * 0.84))


def draw_stack(painter: QPainter, box: QRectF, colour: QColor) -> None:
    """Draw two sheets, one behind the other: a series."""
    painter.setPen(_pen(colour, box))
    step = box.width() * 0.28
    painter.drawRect(box.adjusted(0, step, -step, 0))
    painter.drawLine(box.topLeft() + QPointF(step, 0), box.topRight())
    painter.drawLine(box.topRight(), box.bottomRight() - QPointF(0, step))


def draw_letter(painter: QPainter, box: QRectF, fill: QColor, ink: QColor, letter: str) -> None:
    """Draw a rounded square with a letter: a label, readable without its colour."""
    path = QPainterPath()
    path.addRoundedRect(box, 3, 3)
    painter.fillPath(path, fill)
    font = QFont(painter.font())
    font.setPixelSize(max(8, int(box.height() * 0.74)))
    font.setBold(True)
    painter.save()
    painter.setFont(font)
    painter.setPen(ink)
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), letter)
    painter.restore()


def icon(
    draw: Callable[[QPainter, QRectF, QColor], None], colour: QColor, *, side: int = 16
) -> QIcon:
    """Return an icon that paints a mark sharply at one to three device pixels per unit."""
    result = QIcon()
    for ratio in (1, 2, 3):
        pixmap = QPixmap(side * ratio, side * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw(painter, QRectF(2, 2, side - 4, side - 4), colour)
        painter.end()
        result.addPixmap(pixmap)
    return result


def _pen(colour: QColor, box: QRectF) -> QPen:
    """Return a round pen whose width suits a mark of that size."""
    pen = QPen(colour, max(1.4, box.width() / 8))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen
