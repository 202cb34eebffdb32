"""The bar above the photos: views, sort order, filters, size of thumbnails."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from qpt_app.decisions.decision import Flag, Label
from qpt_app.gui import marks
from qpt_app.gui.arrow_combo import ArrowCombo
from qpt_app.gui.grid_view import MAX_TILE, MIN_TILE
from qpt_app.gui.photo_filter import (
    FocusTest,
    PhotoFilter,
    PhotoOrder,
    SortKey,
    StarTest,
    StatusTest,
)
from qpt_app.gui.score_range import ScoreRange
from qpt_app.gui.theme import Theme

STAR_CHOICES = (
    (StarTest.ANY, 0),
    *((StarTest.AT_LEAST, count) for count in range(1, 6)),
    *((StarTest.EXACTLY, count) for count in range(6)),
)
"""What the list of stars offers, in its order."""


class FilterBar(QWidget):
    """Edits a `PhotoFilter` and a `PhotoOrder`."""

    filter_changed = Signal(object)
    order_changed = Signal(object)
    tile_size_changed = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self._filter = PhotoFilter()
        self._chosen_key = SortKey.NAME
        self._flags: dict[Flag, QToolButton] = {}
        self._labels: dict[Label, QToolButton] = {}
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(10, 6, 10, 6)
        self._layout.setSpacing(4)
        self.views = QHBoxLayout()
        self.views.setSpacing(2)
        self._layout.addLayout(self.views)
        self._layout.addSpacing(10)
        self._add_order()
        self._layout.addSpacing(10)
        self._add_filters()
        self._layout.addStretch(1)
        self._add_size()
        self.draw_icons()
        theme.changed.connect(self.draw_icons)

    @property
    def filter(self) -> PhotoFilter:
        """What the bar says."""
        return self._filter

    def add_view_action(self, action: QAction) -> None:
        """Add a button that changes the view."""
        button = QToolButton()
        button.setObjectName("view")
        button.setDefaultAction(action)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(action.text())
        self.views.addWidget(button)

    def set_order(self, order: PhotoOrder) -> None:
        """Show an order."""
        self._chosen_key = order.key
        self.sort_key.setCurrentIndex(self.sort_key.findData(order.key))
        self._direction.setChecked(order.descending)
        self._name_direction()

    def set_filter(self, shown: PhotoFilter) -> None:
        """Show and use a filter."""
        self._filter = shown
        for widget in (self.stars, self.status, self.focus, self.text, self.scores):
            widget.blockSignals(True)
        self.stars.setCurrentIndex(STAR_CHOICES.index((shown.star_test, shown.stars)))
        self.status.setCurrentIndex(self.status.findData(shown.status))
        self.focus.setCurrentIndex(self.focus.findData(shown.focus))
        self.text.setText(shown.text)
        self.scores.set_range(shown.score_from, shown.score_to)
        for widget in (self.stars, self.status, self.focus, self.text, self.scores):
            widget.blockSignals(False)
        for flag, button in self._flags.items():
            button.setChecked(flag in shown.flags)
        for label, button in self._labels.items():
            button.setChecked(label in shown.labels)
        self.filter_changed.emit(shown)

    def set_tile_size(self, side: int) -> None:
        """Show a size of thumbnails."""
        self.size_slider.setValue(side)

    # -- parts -----------------------------------------------------------------------------

    def _add_order(self) -> None:
        """Add the sort key and its direction."""
        self.sort_key = ArrowCombo()
        self.sort_key.setAccessibleName(self.tr("Sort by"))
        self.sort_key.setToolTip(self.tr("Sort by"))
        for key, text in (
            (SortKey.NAME, self.tr("Name")),
            (SortKey.SCORE, self.tr("Score")),
            (SortKey.TIME, self.tr("Time")),
            (SortKey.RATING, self.tr("Rating")),
        ):
            self.sort_key.addItem(text, key)
        self._direction = QToolButton()
        self._direction.setObjectName("flat")
        self._direction.setCheckable(True)
        self._direction.toggled.connect(self._order_edited)
        self.sort_key.activated.connect(self._key_chosen)
        self._layout.addWidget(self.sort_key)
        self._layout.addWidget(self._direction)
        self._name_direction()

    def _add_filters(self) -> None:
        """Add flags, stars, labels, status, score range and text."""
        flags: list[tuple[Flag, str]] = [
            (Flag.PICK, self.tr("Show picks")),
            (Flag.NONE, self.tr("Show unflagged")),
            (Flag.REJECT, self.tr("Show rejects")),
        ]
        for flag, text in flags:
            self._flags[flag] = self._toggle(text)
        self.stars = ArrowCombo()
        self.stars.setAccessibleName(self.tr("Stars"))
        self.stars.setToolTip(self.tr("Stars"))
        for test, count in STAR_CHOICES:
            if test is StarTest.ANY:
                self.stars.addItem(self.tr("Any stars"))
            elif count == 0:
                self.stars.addItem(self.tr("Unrated"))
            else:
                self.stars.addItem(("≥ " if test is StarTest.AT_LEAST else "= ") + "★" * count)
        self.stars.currentIndexChanged.connect(self._edited)
        self._layout.addWidget(self.stars)
        label_names = {
            Label.RED: self.tr("Show red labels"), Label.YELLOW: self.tr("Show yellow labels"),
            Label.GREEN: self.tr("Show green labels"), Label.BLUE: self.tr("Show blue labels"),
            Label.PURPLE: self.tr("Show purple labels"),
        }  # fmt: skip
        for label, text in label_names.items():
            self._labels[label] = self._toggle(text)
        self.status = ArrowCombo()
        self.status.setAccessibleName(self.tr("Status"))
        self.status.setToolTip(self.tr("Status"))
        for status, text in (
            (StatusTest.ANY, self.tr("Any status")), (StatusTest.SCORED, self.tr("Scored")),
            (StatusTest.WAITING, self.tr("Waiting")), (StatusTest.FAILED, self.tr("Failed")),
        ):  # fmt: skip
            self.status.addItem(text, status)
        self.status.currentIndexChanged.connect(self._edited)
        self._layout.addWidget(self.status)
        self._add_focus()
        self.scores = ScoreRange(self._theme)
        self.scores.changed.connect(self._edited)
        self._layout.addWidget(self.scores)
        self.text = QLineEdit()
        self.text.setAccessibleName(self.tr("Filter by name"))
        self.text.setPlaceholderText(self.tr("Name"))
        self.text.setClearButtonEnabled(True)
        for clear in self.text.findChildren(QToolButton):
            clear.setAccessibleName(self.tr("Clear the name filter"))
        self.text.setMinimumWidth(98)
        self.text.setMaximumWidth(150)
        self.text.textChanged.connect(self._edited)
        self._layout.addWidget(self.text)

    def _add_focus(self) -> None:
        """Add the list of how sharp the sharpest part is; it is measured once it is asked for."""
        self.focus = ArrowCombo()
        self.focus.setAccessibleName(self.tr("Sharpest part"))
        self.focus.setToolTip(self.tr("Sharpest part, measured when you choose one of these"))
        for test, text in (
            (FocusTest.ANY, self.tr("Any focus")),
            (FocusTest.SHARP, self.tr("In focus")),
            (FocusTest.SLIGHTLY_SOFT, self.tr("A bit soft")),
            (FocusTest.SOFT, self.tr("All soft")),
            (FocusTest.UNKNOWN, self.tr("Not known")),
        ):
            self.focus.addItem(text, test)
        self.focus.setSizeAdjustPolicy(
            ArrowCombo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.focus.setMinimumContentsLength(6)
        self.focus.view().setMinimumWidth(170)
        self.focus.currentIndexChanged.connect(self._edited)
        self._layout.addWidget(self.focus)

    def _add_size(self) -> None:
        """Add the slider for the size of thumbnails."""
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.size_slider.setAccessibleName(self.tr("Size of thumbnails"))
        self.size_slider.setToolTip(self.tr("Size of thumbnails"))
        self.size_slider.setRange(MIN_TILE, MAX_TILE)
        self.size_slider.setSingleStep(16)
        self.size_slider.setPageStep(48)
        self.size_slider.setFixedWidth(80)
        self.size_slider.valueChanged.connect(self.tile_size_changed)
        self._layout.addWidget(self.size_slider)

    def _toggle(self, text: str) -> QToolButton:
        """Add a button that is on or off."""
        button = QToolButton()
        button.setObjectName("flat")
        button.setCheckable(True)
        button.setIconSize(QSize(16, 16))
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.clicked.connect(self._edited)
        self._layout.addWidget(button)
        return button

    def draw_icons(self) -> None:
        """Draw the icons in the colours of the theme."""
        colour = self._theme.colour
        self._flags[Flag.PICK].setIcon(marks.icon(marks.draw_pick, colour("pick")))
        self._flags[Flag.NONE].setIcon(marks.icon(_draw_unflagged, colour("quiet")))
        self._flags[Flag.REJECT].setIcon(marks.icon(marks.draw_reject, colour("reject")))
        for label, button in self._labels.items():
            button.setIcon(_label_icon(label, colour(label.value), colour("window")))
        self._direction.setIcon(
            marks.icon(_arrow(down=self._direction.isChecked()), colour("text"))
        )

    # -- edits -----------------------------------------------------------------------------

    def _edited(self) -> None:
        """Read all fields into the filter and announce it."""
        star_test, stars = STAR_CHOICES[self.stars.currentIndex()]
        low, high = self.scores.values
        shown = replace(
            self._filter,
            score_from=low,
            score_to=high,
            star_test=star_test,
            stars=stars,
            flags=frozenset(flag for flag, button in self._flags.items() if button.isChecked()),
            labels=frozenset(name for name, button in self._labels.items() if button.isChecked()),
            status=StatusTest(self.status.currentData()),
            focus=FocusTest(self.focus.currentData()),
            text=self.text.text(),
        )
        if shown != self._filter:
            self._filter = shown
            self.filter_changed.emit(shown)

    @property
    def _key(self) -> SortKey:
        return SortKey(self.sort_key.currentData())

    def _key_chosen(self) -> None:
        """Start another key in the direction that is wanted most; the same one sorts again."""
        best_first = self._key in (SortKey.SCORE, SortKey.RATING)
        is_new, self._chosen_key = self._key is not self._chosen_key, self._key
        if is_new and self._direction.isChecked() != best_first:
            self._direction.setChecked(best_first)
        else:
            self._order_edited()

    def _order_edited(self) -> None:
        self._name_direction()
        self.draw_icons()
        self.order_changed.emit(PhotoOrder(key=self._key, descending=self._direction.isChecked()))

    def _name_direction(self) -> None:
        down = self._direction.isChecked()
        text = self.tr("Descending") if down else self.tr("Ascending")
        self._direction.setToolTip(text)
        self._direction.setAccessibleName(self.tr("Sort direction: %1").replace("%1", text))


def _draw_unflagged(painter: QPainter, box: QRectF, colour: QColor) -> None:
    """Draw a ring: neither picked nor rejected."""
    painter.setPen(colour)
    painter.drawEllipse(box.adjusted(1, 1, -1, -1))


def _label_icon(label: Label, fill: QColor, ink: QColor) -> QIcon:
    """Return a label's square with its letter."""

    def draw(painter: QPainter, box: QRectF, colour: QColor) -> None:
        marks.draw_letter(painter, box, colour, ink, label.value[0].upper())

    return marks.icon(draw, fill)


def _arrow(*, down: bool) -> Callable[[QPainter, QRectF, QColor], None]:
    """Return a function that draws an arrow."""

    def draw(painter: QPainter, box: QRectF, colour: QColor) -> None:
        painter.setPen(colour)
        x = box.center().x()
        top, bottom = box.top(), box.bottom()
        tip, back = (bottom, bottom - 4) if down else (top, top + 4)
        painter.drawLine(QRectF(x, top, 0, 0).topLeft(), QRectF(x, bottom, 0, 0).topLeft())
        for side in (-4, 4):
            painter.drawLine(QRectF(x + side, back, 0, 0).topLeft(), QRectF(x, tip, 0, 0).topLeft())

    return draw
