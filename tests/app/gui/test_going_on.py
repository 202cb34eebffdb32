"""The next start goes on where the user stopped, after a crash too."""

import pytest
from conftest_helpers import press, settle
from PySide6.QtCore import Qt

from qpt_app.decisions.decision import Flag, Label
from qpt_app.gui.gui_settings import SessionState, load_gui_settings, load_session, save
from qpt_app.gui.photo_filter import PhotoFilter, PhotoOrder, SortKey, StarTest, StatusTest
from qpt_app.gui.saved_choices import plain_filter, saved_filter, saved_order
from qpt_app.gui.view_controller import View


@pytest.fixture
def start_again(qtbot, make_window, paths):
    """`start_again(window)` closes it and opens the next one on the same folder."""

    def start(window):
        folder = window.library.folder
        window.close()
        again = make_window(load_gui_settings(paths.settings), load_session(paths.session))
        with qtbot.waitSignal(again.library.loaded, timeout=30000):
            again.open_folder(folder)
        return again

    return start


def choose(combo, value) -> None:
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def test_view_order_and_filter_are_those_of_last_time(qtbot, opened, start_again):
    """The loupe on the same photo, among the same photos, in the same order."""
    bar = opened.parts.bar
    choose(bar.sort_key, SortKey.SCORE)
    choose(bar.status, StatusTest.SCORED)
    qtbot.mouseClick(bar._flags[Flag.NONE], Qt.MouseButton.LeftButton)
    qtbot.keyClicks(bar.text, "p")
    opened.views.focus_photos()
    press(qtbot, opened, "End")
    press(qtbot, opened, "Left")
    press(qtbot, opened, "E")
    shown, place = opened.model.filter, opened.photo_cursor.record.path
    assert opened.model.rowCount() == 11
    again = start_again(opened)
    assert again.model.filter == again.parts.bar.filter == shown
    assert again.parts.bar.text.text() == "p"
    qtbot.waitUntil(lambda: again.model.rowCount() == 11, timeout=40000)
    qtbot.waitUntil(lambda: again.views.view is View.LOUPE, timeout=20000)
    assert again.model.order == PhotoOrder(key=SortKey.SCORE, descending=True)
    assert again.photo_cursor.record.path == again.loupe.pane.record.path == place
    assert again.keys["loupe"].isChecked()
    assert again.keeper.session.current[str(place.parent)] == str(place)


def test_the_place_is_found_in_an_order_in_which_it_moves(qtbot, opened, start_again):
    """The photo framed at first is moved by sorting, not by the user."""
    choose(opened.parts.bar.sort_key, SortKey.RATING)
    opened.views.focus_photos()
    opened.photo_cursor.go_to_row(7)
    press(qtbot, opened, "5")
    settle(qtbot, opened)
    press(qtbot, opened, "Left")
    place = opened.photo_cursor.record.path
    again = start_again(opened)
    assert again.model.record_at(0).stars == 5
    assert again.photo_cursor.record.path == place
    assert again.views.view is View.GRID


def test_who_is_at_work_already_is_left_there(qtbot, opened, start_again, shoot):
    """A photo of last time that the filter shows late does not take the keys away."""
    choose(opened.parts.bar.status, StatusTest.SCORED)
    opened.views.focus_photos()
    press(qtbot, opened, "End")
    opened.photo_cursor.go_to(opened.model.record(shoot / "p11.jpg"))
    opened.parts.bar.set_filter(PhotoFilter(status=StatusTest.FAILED))
    press(qtbot, opened, "E")
    again = start_again(opened)
    again.parts.bar.set_filter(PhotoFilter())
    again.views.focus_photos()
    press(qtbot, again, "3")
    rated = again.photo_cursor.record
    qtbot.waitUntil(lambda: again.scoring.state.value == "done", timeout=40000)
    settle(qtbot, again)
    assert again.photo_cursor.record is rated


def test_another_folder_is_not_filtered_as_the_last_one_was(
    qtbot, opened, make_window, paths, tmp_path
):
    """A filter of yesterday would only hide new photos."""
    opened.parts.bar.set_filter(PhotoFilter(text="nothing is called like this"))
    opened.close()
    session = load_session(paths.session)
    assert saved_filter(session).text
    other = tmp_path / "other"
    other.mkdir()
    again = make_window(session=session)
    assert again.keeper.session.shown == session.shown
    with qtbot.waitSignal(again.library.loaded, timeout=30000):
        again.open_folder(other)
    assert again.model.filter == PhotoFilter()


def test_the_place_is_written_while_the_user_goes_on(qtbot, opened, shoot, paths):
    """Moving all the time does not put writing off."""
    opened.keeper.save_now()

    def has_place() -> bool:
        press(qtbot, opened, "Right" if opened.photo_cursor.row < 9 else "Home")
        return load_session(paths.session).current.get(str(shoot)) not in (None, str(first))

    first = opened.photo_cursor.record.path
    qtbot.waitUntil(has_place, timeout=10000)


def test_a_session_that_cannot_be_written_is_told_once(qtbot, opened, paths):
    """From the thread that writes, too."""
    told = []
    opened.keeper.failed.connect(told.append)
    paths.session.unlink(missing_ok=True)
    paths.session.mkdir(parents=True)
    for _ in range(2):
        press(qtbot, opened, "Right")
        opened.keeper._timer.timeout.emit()
        qtbot.waitUntil(lambda: bool(told), timeout=10000)
    opened.keeper.save_now()
    assert len(told) == 1
    paths.session.rmdir()


def test_a_filter_survives_the_session_file(tmp_path):
    """Every part of it."""
    shown = PhotoFilter(
        score_from=10, score_to=80.5, star_test=StarTest.AT_LEAST, stars=2, stacked=True,
        flags=frozenset({Flag.PICK, Flag.NONE}), labels=frozenset({Label.RED}),
        status=StatusTest.SCORED, text="a\u0301",
    )  # fmt: skip
    save(tmp_path / "session.json", SessionState(shown=plain_filter(shown), stacked=True))
    assert saved_filter(load_session(tmp_path / "session.json")) == shown


@pytest.mark.parametrize(
    "damage",
    [{"stars": 9}, {"star_test": "some"}, {"score_from": 90, "score_to": 10}, {"flags": None},
     {"labels": ["pink"]}, {"score_from": "x"}, {"star_test": "at_least", "stars": 0}],
)  # fmt: skip
def test_a_damaged_filter_or_order_is_none(damage, caplog):
    """It is reported and costs nothing else."""
    plain = plain_filter(PhotoFilter()) | damage
    assert saved_filter(SessionState(shown=plain)) == PhotoFilter()
    assert "filter" in caplog.text
    assert saved_filter(SessionState(shown={"text": "x"}, stacked=True)) == PhotoFilter(
        stacked=True
    )
    assert saved_order(SessionState(sort_key="size")) == PhotoOrder()
