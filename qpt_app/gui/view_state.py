"""How far a photo is zoomed and where; kept from photo to photo and shared by linked panes."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, QRectF, QSizeF, Signal

MIN_SCALE, MAX_SCALE = 0.05, 8.0


@dataclass(frozen=True, slots=True)
class ZoomPlace:
    """What a pane shows."""

    scale: float | None = None
    """Device pixels per photo pixel; 1.0 is 100 %. None fits the photo into the pane."""
    centre: tuple[float, float] = (0.5, 0.5)
    """The point of the photo in the middle of the pane, as fractions of its sides."""


class ViewState(QObject):
    """The zoom of one pane, or of several that move together."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._place = ZoomPlace()

    @property
    def place(self) -> ZoomPlace:
        """The present zoom and position."""
        return self._place

    @property
    def is_fit(self) -> bool:
        """Whether the whole photo is shown."""
        return self._place.scale is None

    def set_place(self, place: ZoomPlace) -> None:
        """Zoom and move; the centre stays inside the photo."""
        x, y = (max(0.0, min(1.0, value)) for value in place.centre)
        scale = None if place.scale is None else max(MIN_SCALE, min(MAX_SCALE, place.scale))
        new = ZoomPlace(scale, (x, y))
        if new != self._place:
            self._place = new
            self.changed.emit()

    def toggle(self, at: tuple[float, float] | None) -> None:
        """Change between fit and 100 %, where 100 % goes to a point given in fractions."""
        if self.is_fit:
            self.set_place(ZoomPlace(1.0, at if at is not None else self._place.centre))
        else:
            self.set_place(ZoomPlace(None, self._place.centre))

    def pan(self, dx: float, dy: float) -> None:
        """Move the centre by fractions of the photo's sides."""
        x, y = self._place.centre
        self.set_place(ZoomPlace(self._place.scale, (x + dx, y + dy)))


def target_rect(place: ZoomPlace, photo: QSizeF, pane: QSizeF, ratio: float) -> QRectF:
    """Return where the whole photo lies in the pane, in device-independent pixels.

    Args:
        place: zoom and position.
        photo: size of the whole photo in its own pixels.
        pane: size of the pane in device-independent pixels.
        ratio: device pixels per device-independent pixel.
    """
    if photo.isEmpty() or pane.isEmpty():
        return QRectF()
    fit = min(pane.width() / photo.width(), pane.height() / photo.height(), 1 / ratio)
    scale = fit if place.scale is None else place.scale / ratio
    width, height = photo.width() * scale, photo.height() * scale
    x = _offset(place.centre[0], width, pane.width(), whole=place.scale is None)
    y = _offset(place.centre[1], height, pane.height(), whole=place.scale is None)
    return QRectF(round(x * ratio) / ratio, round(y * ratio) / ratio, width, height)


def point_in_photo(at: QPointF, target: QRectF) -> tuple[float, float]:
    """Return a point of the pane as fractions of the photo's sides."""
    if target.isEmpty():
        return 0.5, 0.5
    x = (at.x() - target.left()) / target.width()
    y = (at.y() - target.top()) / target.height()
    return max(0.0, min(1.0, x)), max(0.0, min(1.0, y))


def _offset(centre: float, length: float, room: float, *, whole: bool) -> float:
    """Return where one side starts: centred if it fits, else never showing a gap."""
    if whole or length <= room:
        return (room - length) / 2
    return max(room - length, min(0.0, room / 2 - centre * length))
