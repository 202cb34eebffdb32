"""Zooming: what is sharp, what is fetched ahead, and what stays under the pointer."""

from dataclasses import replace
from datetime import timedelta

import gui_fakes
import pytest
from conftest import START, open_and_score
from conftest_helpers import press
from PySide6.QtCore import (
    QCoreApplication,
    QItemSelection,
    QItemSelectionModel,
    QPoint,
    QPointF,
    QSizeF,
    Qt,
)
from PySide6.QtGui import QWheelEvent

from qpt_app.gui.view_state import ZoomPlace, exact_rect, zoomed_at

SIZE = (2400, 1600)
FULL_BYTES = 4 * SIZE[0] * SIZE[1]


@pytest.fixture
def window(qtbot, make_window, tmp_path):
    """A window on five photos that are larger than it."""
    folder = tmp_path / "large"
    for number in range(5):
        gui_fakes.write_photo(
            folder / f"p{number}.jpg", seed=number, brightness=100, size=SIZE,
            taken=START + timedelta(seconds=60 * number),
        )  # fmt: skip
    window = make_window()
    open_and_score(qtbot, window, folder)
    return window


def wait_for_pictures(qtbot, window) -> None:
    """Wait until everything that is wanted is there, and nothing is fetched in circles."""
    qtbot.waitUntil(lambda: window.loaders.photos.is_idle and window.focus.is_idle, timeout=20000)
    QCoreApplication.processEvents()
    fetched = window.pool.submitted
    QCoreApplication.processEvents()
    assert window.loaders.photos.is_idle
    assert window.pool.submitted == fetched


def turn_wheel(pane, at: QPointF, angle: int) -> None:
    """Turn the wheel with the pointer at a point of a pane."""
    event = QWheelEvent(
        at, pane.mapToGlobal(at), QPoint(), QPoint(0, angle), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QCoreApplication.sendEvent(pane, event)


def is_sharp(window, row: int) -> bool:
    return window.loaders.photos.image(window.model.record_at(row).path, None) is not None


def select_first(window, count: int) -> None:
    window.photo_cursor.go_to_row(0)
    window.parts.grid.selectionModel().select(
        QItemSelection(window.model.index(0, 0), window.model.index(count - 1, 0)),
        QItemSelectionModel.SelectionFlag.Select,
    )


def test_at_full_size_the_neighbours_are_there_before_they_are_asked_for(qtbot, window):
    """The next photo is as sharp at once as this one."""
    press(qtbot, window, "E")
    press(qtbot, window, "Z")
    wait_for_pictures(qtbot, window)
    assert [is_sharp(window, row) for row in range(5)] == [True, True, True, True, False]
    press(qtbot, window, "Right")
    assert window.loupe.pane._best_image().width() == SIZE[0]


def test_fetching_ahead_stays_within_the_memory(qtbot, window):
    """The photo on screen first, then the next; nothing is pushed out that is wanted more."""
    window.loaders.photos.set_budget(int(2.5 * FULL_BYTES))
    press(qtbot, window, "E")
    press(qtbot, window, "Z")
    wait_for_pictures(qtbot, window)
    assert [is_sharp(window, row) for row in range(5)] == [True, True, False, False, False]
    assert window.loaders.photos.bytes_held <= 2.5 * FULL_BYTES
    press(qtbot, window, "Right")
    wait_for_pictures(qtbot, window)
    assert [is_sharp(window, row) for row in range(1, 4)] == [True, True, False]


def test_a_photo_larger_than_the_memory_is_shown_all_the_same(qtbot, window):
    """The one on screen has its place whatever it takes."""
    window.loaders.photos.set_budget(FULL_BYTES // 2)
    press(qtbot, window, "E")
    wait_for_pictures(qtbot, window)
    press(qtbot, window, "Z")
    wait_for_pictures(qtbot, window)
    assert is_sharp(window, 0)


def test_panes_that_do_not_all_fit_at_full_size_are_equally_sharp_and_say_so(qtbot, window):
    """With memory for two of four none is blurred more than another; more memory mends it."""
    photos = window.loaders.photos
    photos.set_budget(int(2.4 * FULL_BYTES))
    select_first(window, 4)
    press(qtbot, window, "C")
    press(qtbot, window, "Z")
    wait_for_pictures(qtbot, window)
    widths = {pane._best_image().width() for pane in window.compare.panes}
    assert len(widths) == 1
    assert 0.65 * SIZE[0] < widths.pop() < SIZE[0]
    assert photos.bytes_held <= 2.4 * FULL_BYTES
    assert "Not enough memory for 4 photos at full size" in window.parts.status.message
    assert all(pane.lacks_sharpness for pane in window.compare.panes)
    window.keeper.change_settings(replace(window.keeper.settings, memory_mb=192))
    wait_for_pictures(qtbot, window)
    assert [is_sharp(window, row) for row in range(4)] == [True] * 4
    assert not any(pane.lacks_sharpness for pane in window.compare.panes)


def test_too_little_memory_for_one_photo_is_told_of_one_photo(qtbot, window):
    """A survey may be of a single photo."""
    window.loaders.photos.set_budget(FULL_BYTES)
    press(qtbot, window, "N")
    press(qtbot, window, "Z")
    wait_for_pictures(qtbot, window)
    assert len(window.survey.panes) == 1
    assert "Not enough memory for 1 photo at full size" in window.parts.status.message


@pytest.mark.parametrize("place", [(0.75, 0.5), (0.3, 0.9), (0.2, 0.1)])
def test_the_wheel_holds_the_point_under_the_pointer(qtbot, window, place):
    """In every notch, up and down again, to the pixel."""
    press(qtbot, window, "E")
    wait_for_pictures(qtbot, window)
    pane = window.loupe.pane
    at = QPointF(round(pane.width() * place[0]), round(pane.height() * place[1]))
    size, room = pane._photo_size(), pane._room()  # what is painted is rounded to whole pixels
    fit = exact_rect(pane._state.place, size, room.size(), pane.devicePixelRatioF())
    point = at - room.topLeft() - fit.topLeft()
    held = (point.x() / fit.width(), point.y() / fit.height())
    for angle in [120] * 6 + [-120] * 3:
        turn_wheel(pane, at, angle)
        target = pane._target()
        now = pane.fraction_at(at.toPoint())
        assert abs(now[0] - held[0]) * target.width() <= 0.51
        assert abs(now[1] - held[1]) * target.height() <= 0.51
    for _ in range(4):
        turn_wheel(pane, at, -120)
    assert window.loupe.state.is_fit


def test_a_touchpads_small_turns_add_up_to_a_notch(qtbot, window):
    press(qtbot, window, "E")
    wait_for_pictures(qtbot, window)
    pane = window.loupe.pane
    at = QPointF(pane.rect().center())
    widths = []
    for angles in [[120] * 4, [12] * 40]:
        for angle in angles:
            turn_wheel(pane, at, angle)
        widths.append(pane._target().width())
        press(qtbot, window, "Esc")
        assert window.loupe.state.is_fit
    assert widths[0] == pytest.approx(widths[1], rel=1e-6)


@pytest.mark.parametrize("photo", [(6000, 4000), (4000, 6000), (300, 200)])
def test_zooming_in_holds_any_point_exactly_and_shows_no_more_gap_than_fit(photo):
    """The edges only move outwards."""
    photo, pane = QSizeF(*photo), QSizeF(900, 700)
    place = ZoomPlace()
    before = exact_rect(place, photo, pane, 2.0)
    at = QPointF(before.left() + 0.9 * before.width(), before.top() + 0.05 * before.height())
    scale = before.width() * 2.0 / photo.width()
    for _ in range(5):
        scale *= 1.25
        place = zoomed_at(at, scale, place, photo, pane, 2.0)
        now = exact_rect(place, photo, pane, 2.0)
        assert (at.x() - now.left()) / now.width() == pytest.approx(0.9)
        assert (at.y() - now.top()) / now.height() == pytest.approx(0.05)
        assert now.contains(before)
        before = now
