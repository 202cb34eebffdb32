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
    """Return where the whole photo is painted: `exact_rect`, beginning at a device pixel."""
    exact = exact_rect(place, photo, pane, ratio)
    exact.moveTo(round(exact.x() * ratio) / ratio, round(exact.y() * ratio) / ratio)
    return exact


def exact_rect(place: ZoomPlace, photo: QSizeF, pane: QSizeF, ratio: float) -> QRectF:
    """Return where the whole photo lies in the pane, in device-independent pixels.

    Args:
        place: zoom and position.
        photo: size of the whole photo in its own pixels.
        pane: size of the pane in device-independent pixels.
        ratio: device pixels per device-independent pixel.
    """
    if photo.isEmpty() or pane.isEmpty():
        return QRectF()
    fit = _fit_scale(photo, pane, ratio)
    scale = fit if place.scale is None else place.scale / ratio
    width, height = photo.width() * scale, photo.height() * scale
    x = _offset(place.centre[0], width, pane.width(), photo.width() * fit)
    y = _offset(place.centre[1], height, pane.height(), photo.height() * fit)
    return QRectF(x, y, width, height)


def zoomed_at(
    at: QPointF, scale: float, place: ZoomPlace, photo: QSizeF, pane: QSizeF, ratio: float
) -> ZoomPlace:
    """Return the place at another zoom at which the photo's point under `at` stays under it.

    A pointer beside the photo holds the nearest point of it. What is no larger than fit is fit.

    Args:
        at: a point of the pane in device-independent pixels.
        scale: the new zoom, device pixels per photo pixel.
        place: zoom and position before.
        photo: size of the whole photo in its own pixels.
        pane: size of the pane in device-independent pixels.
        ratio: device pixels per device-independent pixel.
    """
    scale = max(MIN_SCALE, min(MAX_SCALE, scale))
    if scale / ratio <= _fit_scale(photo, pane, ratio) * 1.001:
        return ZoomPlace(None, place.centre)
    before = exact_rect(place, photo, pane, ratio)
    x, y = point_in_photo(at, before)
    width, height = photo.width() * scale / ratio, photo.height() * scale / ratio
    left = before.left() + x * (before.width() - width)
    top = before.top() + y * (before.height() - height)
    return ZoomPlace(scale, ((pane.width() / 2 - left) / width, (pane.height() / 2 - top) / height))


def point_in_photo(at: QPointF, target: QRectF) -> tuple[float, float]:
    """Return a point of the pane as fractions of the photo's sides."""
    if target.isEmpty():
        return 0.5, 0.5
    x = (at.x() - target.left()) / target.width()
    y = (at.y() - target.top()) / target.height()
    return max(0.0, min(1.0, x)), max(0.0, min(1.0, y))


def _fit_scale(photo: QSizeF, pane: QSizeF, ratio: float) -> float:
    return min(pane.width() / photo.width(), pane.height() / photo.height(), 1 / ratio)


def _offset(centre: float, length: float, room: float, fit_length: float) -> float:
    """Return where one side starts: no edge comes further in than it stands at fit.

    So at fit the photo is centred, and zooming in can hold any point of it.
    """
    gap = (room - fit_length) / 2
    if length <= fit_length:
        return (room - length) / 2
    return max(room - gap - length, min(gap, room / 2 - centre * length))
