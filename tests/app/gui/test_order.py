"""Where photos stand while scores, times and ratings come in: nothing jumps under the hands."""

from dataclasses import replace
from datetime import timedelta

import gui_fakes
import pytest
from conftest import START, open_and_score
from conftest_helpers import press, select, settle, undo
from PySide6.QtCore import QCoreApplication, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent

from qpt_app.decisions.decision import Decision
from qpt_app.gui.gui_settings import SessionState
from qpt_app.gui.photo_filter import PhotoFilter, PhotoOrder, SortKey
from qpt_app.gui.view_controller import View

COUNT = 60


@pytest.fixture
def many(tmp_path):
    """Sixty photos, the later in the name the earlier taken and the brighter."""
    folder = tmp_path / "many"
    for number in range(COUNT):
        gui_fakes.write_photo(
            folder / f"p{number:02d}.jpg", seed=number, brightness=50 + 2 * number, size=(60, 40),
            taken=START + timedelta(seconds=60 * (COUNT - number)),
        )  # fmt: skip
    return folder


@pytest.fixture
def window(qtbot, make_window, many):
    window = make_window()
    open_and_score(qtbot, window, many)
    return window


def choose_order(window, key: SortKey) -> None:
    """Choose a line of the list as a click does."""
    combo = window.parts.bar.sort_key
    combo.setCurrentIndex(combo.findData(key))
    combo.activated.emit(combo.currentIndex())


def give_score(qtbot, window, name: str, score: float) -> None:
    """Let a score arrive, and the moment pass in which photos stay where they are."""
    record = next(one for one in window.model.records if one.name == name)
    window.scoring.scored.emit([replace(record.result, score=score)])
    window.library.touch_time_out()
    qtbot.waitUntil(lambda: not window.library.is_unsettled, timeout=20000)


def turn_wheel(grid, notches: int) -> None:
    """Turn the wheel down over the middle of the grid."""
    port = grid.viewport()
    at = QPointF(port.rect().center())
    for _ in range(notches):
        event = QWheelEvent(
            at, port.mapToGlobal(at), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QCoreApplication.sendEvent(port, event)


@pytest.mark.parametrize("least", [0, 30])
def test_a_score_that_arrives_does_not_pull_the_grid_to_the_framed_photo(qtbot, window, least):
    """With and without a filter: who has scrolled away looks at what is there."""
    choose_order(window, SortKey.SCORE)
    window.parts.bar.set_filter(PhotoFilter(score_from=least))
    window.views.focus_photos()
    press(qtbot, window, "Home")
    framed = window.photo_cursor.record
    bar = window.parts.grid.verticalScrollBar()
    turn_wheel(window.parts.grid, 80)
    stood = bar.value()
    assert stood == bar.maximum() > window.parts.grid.viewport().height() / 2
    give_score(qtbot, window, "p03.jpg", 99.5)
    assert window.model.record_at(0).name == "p03.jpg"
    assert window.photo_cursor.record is framed
    assert bar.value() == stood


def test_a_framed_photo_in_view_is_followed_to_its_new_row(qtbot, window):
    """What is looked at stays in view."""
    choose_order(window, SortKey.SCORE)
    window.views.focus_photos()
    press(qtbot, window, "End")
    record = window.photo_cursor.record
    give_score(qtbot, window, record.name, 99.5)
    assert window.photo_cursor.record is record
    assert window.photo_cursor.row == 0
    assert window.parts.grid.verticalScrollBar().value() == 0


def test_a_key_brings_the_framed_photo_back_into_view(qtbot, window):
    """Home leads to the first photo, also where it is framed already and was scrolled away."""
    press(qtbot, window, "Home")
    turn_wheel(window.parts.grid, 80)
    assert window.parts.grid.verticalScrollBar().value() > 0
    press(qtbot, window, "Home")
    assert window.parts.grid.verticalScrollBar().value() == 0


def test_undo_shows_where_it_happened_and_keeps_the_selection(qtbot, window):
    """The photo is framed still, but the user has scrolled away from it."""
    select(window, 0, 2)
    window.views.focus_photos()
    press(qtbot, window, "P")
    settle(qtbot, window)
    turn_wheel(window.parts.grid, 80)
    assert window.parts.grid.verticalScrollBar().value() > 0
    undo(qtbot, window)
    assert window.photo_cursor.row == 0
    assert window.parts.grid.verticalScrollBar().value() == 0
    assert len(window.photo_cursor.selected()) == 3


def test_photos_stay_while_the_wheel_turns(qtbot, window):
    """Scrolling counts as being busy with this order."""
    choose_order(window, SortKey.SCORE)
    window.library.touch_time_out()
    turn_wheel(window.parts.grid, 1)
    before = [record.name for record in window.model.visible_records()]
    record = window.model.record_at(COUNT - 1)
    window.model.set_results([replace(record.result, score=99.5)])
    window.library._settle()
    assert [one.name for one in window.model.visible_records()] == before


def test_the_loupe_says_the_new_place_of_a_photo_that_moved(qtbot, window):
    """The photo on screen stays; only its place among the others is another."""
    choose_order(window, SortKey.SCORE)
    window.views.focus_photos()
    press(qtbot, window, "End")
    press(qtbot, window, "E")
    record = window.photo_cursor.record
    assert window.loupe.strip._place == f"{COUNT} / {COUNT}"
    give_score(qtbot, window, record.name, 99.5)
    assert window.views.view is View.LOUPE
    assert window.loupe.pane.record is record
    assert window.loupe.strip._place == f"1 / {COUNT}"


def shown(window) -> list[str]:
    return [record.name for record in window.model.visible_records()]


def test_photos_are_sorted_by_time_when_exif_comes_after_the_scores(
    qtbot, make_window, window, many, paths, trash, tmp_path
):
    """With all scores in the cache, nothing but EXIF says that the order is behind."""
    window.close()
    gate = tmp_path / "gate"
    gate.touch()
    services = gui_fakes.make_services(paths, trash)
    services = replace(services, read_essentials=gui_fakes.GatedEssentials(str(gate)))
    again = make_window(session=SessionState(sort_key="time"), services=services)
    again.open_folder(many)
    qtbot.waitUntil(lambda: again.scoring.state.value == "done", timeout=40000)
    again.library.touch_time_out()
    qtbot.waitUntil(lambda: not again.library.is_unsettled, timeout=20000)
    assert again.model.records[0].taken_at is None
    gate.unlink()
    qtbot.waitUntil(lambda: again.metadata.is_idle, timeout=20000)
    again.library.touch_time_out()
    qtbot.waitUntil(lambda: not again.library.is_unsettled, timeout=20000)
    assert shown(again) == sorted(shown(again), reverse=True)


@pytest.mark.parametrize("how", ["chosen again", "F5"])
def test_a_rated_photo_stays_until_the_user_sorts_again(qtbot, window, how):
    """It does not jump away under the key, not even when a score comes in."""
    choose_order(window, SortKey.RATING)
    window.views.focus_photos()
    window.photo_cursor.go_to_row(50)
    record = window.photo_cursor.record
    press(qtbot, window, "5")
    settle(qtbot, window)
    assert record.stars == 5
    window.parts.bar.set_filter(PhotoFilter(score_from=1))
    give_score(qtbot, window, "p03.jpg", 99.5)
    assert window.model.row_of(record) == 50
    press(qtbot, window, "Z", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: record.stars == 0, timeout=20000)
    press(qtbot, window, "4")
    settle(qtbot, window)
    assert window.photo_cursor.row == 50
    if how == "F5":
        press(qtbot, window, "F5")
        settle(qtbot, window)
    else:
        choose_order(window, SortKey.RATING)
    assert window.model.row_of(record) == 0
    assert window.photo_cursor.record is record


def test_choosing_the_same_order_again_keeps_its_direction(window):
    """Who turned the order round wants it so."""
    bar = window.parts.bar
    choose_order(window, SortKey.SCORE)
    bar._direction.click()
    assert window.model.order == PhotoOrder(key=SortKey.SCORE)
    choose_order(window, SortKey.SCORE)
    assert window.model.order == PhotoOrder(key=SortKey.SCORE)
    choose_order(window, SortKey.RATING)
    assert window.model.order == PhotoOrder(key=SortKey.RATING, descending=True)


def test_ratings_of_other_programs_are_sorted_in(qtbot, window):
    """What was not rated here and now goes to its place."""
    choose_order(window, SortKey.RATING)
    record = window.model.record_at(30)
    window.desk.adopted.emit({record.path: Decision(stars=3)})
    assert window.model.row_of(record) == 0
