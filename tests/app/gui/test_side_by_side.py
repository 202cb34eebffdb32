"""Compare and survey: the framed photo is the one that keys act on, whatever moves the cursor."""

import random
from dataclasses import replace

import gui_fakes
import pytest
from conftest_helpers import WAIT_MS, assert_on_screen, confirm, press, select, settle, undo
from PySide6.QtCore import QItemSelectionModel, Qt

from qpt_app.decisions.decision import Flag
from qpt_app.gui.view_controller import View

SHIFT = Qt.KeyboardModifier.ShiftModifier


def names(page) -> list[str]:
    return [record.name[:3] for record in page.records]


def framed(page) -> str | None:
    pane = page.current_pane()
    return None if pane is None else pane.record.name[:3]


def rejected(window) -> list[str]:
    return [one.name[:3] for one in window.model.records if one.decision.is_rejected]


def also_select(window, row: int) -> None:
    window.parts.grid.selectionModel().select(
        window.model.index(row, 0), QItemSelectionModel.SelectionFlag.Select
    )


def listed_by_delete(qtbot, window) -> list[str]:
    """Press Delete, read the list and say no."""
    press(qtbot, window, "Delete")
    qtbot.waitUntil(lambda: window.files.dialog is not None, timeout=WAIT_MS)
    dialog = window.files.dialog
    dialog.reject()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    window.views.focus_photos()
    return [file.source.name for file in dialog.plan.files]


def trash_framed(qtbot, window) -> None:
    """Send the framed photo to the trash and wait until it is gone from the window."""
    count = len(window.model.records)
    press(qtbot, window, "Delete")
    assert confirm(qtbot, window).photo_count == 1
    qtbot.waitUntil(lambda: len(window.model.records) == count - 1, timeout=WAIT_MS)
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    settle(qtbot, window)
    window.views.focus_photos()


def undo_trash(qtbot, window) -> None:
    """Take a move to the trash back and wait until the photo is in the window again."""
    count = len(window.model.records)
    undo(qtbot, window)
    qtbot.waitUntil(lambda: len(window.model.records) == count + 1, timeout=WAIT_MS)
    settle(qtbot, window)


def show_without_rejects(window) -> None:
    """Click away the rejects: photos without a flag and picks stay."""
    for flag in (Flag.NONE, Flag.PICK):
        window.parts.bar._flags[flag].click()
    window.views.focus_photos()


def auto_advance(window) -> None:
    window.keeper.change_settings(replace(window.keeper.settings, auto_advance=True))


@pytest.mark.parametrize(("view", "page"), [("C", "compare"), ("N", "survey")])
def test_home_and_end_go_to_the_first_and_last_pane(qtbot, opened, view, page):
    """Not to photos that are not on screen: a reject would be one of those."""
    select(opened, 0, 2)
    press(qtbot, opened, view)
    press(qtbot, opened, "End")
    assert framed(getattr(opened, page)) == "p02"
    press(qtbot, opened, "X")
    press(qtbot, opened, "Home")
    assert framed(getattr(opened, page)) == "p00"
    assert_on_screen(opened)
    assert rejected(opened) == ["p02"]
    settle(qtbot, opened)


def test_up_and_down_go_through_the_rows_of_panes(qtbot, opened):
    """As in the grid; where there is one row they do nothing."""
    select(opened, 0, 4)
    press(qtbot, opened, "N")  # p00 p01 p02 / p03 p04
    seen = []
    for key in ("Down", "Up", "Right", "Right", "Down", "Down", "Up", "Up"):
        press(qtbot, opened, key)
        assert_on_screen(opened)
        seen.append(framed(opened.survey))
    assert seen == ["p03", "p00", "p01", "p02", "p04", "p04", "p01", "p01"]
    press(qtbot, opened, "G")
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    press(qtbot, opened, "Down")
    assert (opened.views.view, framed(opened.compare)) == (View.COMPARE, "p00")


def test_keeping_one_of_a_compared_burst_shows_what_became_of_it(qtbot, opened, shoot):
    """Shift+P does not go on to a photo that no pane shows; the next key takes the kept one."""
    opened.photo_cursor.go_to(opened.model.record(shoot / "p04.jpg"))
    press(qtbot, opened, "B")
    press(qtbot, opened, "P", SHIFT)
    assert_on_screen(opened)
    assert (names(opened.compare), framed(opened.compare)) == (["p06", "p05", "p04"], "p04")
    assert rejected(opened) == ["p05", "p06"]
    press(qtbot, opened, "X")
    assert rejected(opened) == ["p04", "p05", "p06"]
    settle(qtbot, opened)


def test_auto_advance_goes_from_pane_to_pane_and_stays_at_the_last(qtbot, opened):
    """What follows in the folder is not on screen."""
    auto_advance(opened)
    opened.photo_cursor.go_to_row(0)
    also_select(opened, 7)
    press(qtbot, opened, "C")
    press(qtbot, opened, "3")
    assert framed(opened.compare) == "p07"
    press(qtbot, opened, "X")
    assert_on_screen(opened)
    assert framed(opened.compare) == "p07"
    assert rejected(opened) == ["p07"]
    settle(qtbot, opened)


def test_undo_frames_the_pane_or_leaves_for_the_grid(qtbot, opened):
    """It goes to where something was undone, and that is on screen."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    press(qtbot, opened, "X")
    press(qtbot, opened, "End")
    undo(qtbot, opened)
    assert (opened.views.view, framed(opened.compare)) == (View.COMPARE, "p00")
    press(qtbot, opened, "G")
    opened.photo_cursor.go_to_row(8)
    press(qtbot, opened, "X")
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    undo(qtbot, opened)
    assert_on_screen(opened)
    assert opened.views.view is View.GRID
    assert opened.photo_cursor.record.name == "p08.jpg"


def test_a_click_in_the_list_of_failures_leaves_the_comparison_for_the_photo(qtbot, opened):
    """The list is beside every view."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    view = opened.parts.failed.view
    place = view.visualRect(view.model().index(0, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert_on_screen(opened)
    assert opened.views.view is View.GRID
    assert opened.photo_cursor.record.name == "p09.jpg"


def test_a_filter_takes_no_photo_out_of_a_comparison(qtbot, opened):
    """A reject that the filter hides stays framed, so it can be taken back; the grid goes on."""
    show_without_rejects(opened)
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    press(qtbot, opened, "X")
    assert_on_screen(opened)
    assert (names(opened.compare), framed(opened.compare)) == (["p00", "p01"], "p00")
    assert opened.model.rowCount() == 11
    press(qtbot, opened, "U")
    assert rejected(opened) == []
    press(qtbot, opened, "X")
    press(qtbot, opened, "E")
    assert_on_screen(opened)
    assert opened.loupe.pane.record.name == "p00.jpg"
    press(qtbot, opened, "Right")
    assert opened.loupe.pane.record.name == "p01.jpg"
    press(qtbot, opened, "G")
    assert_on_screen(opened)
    settle(qtbot, opened)


def test_photos_that_a_filter_hides_altogether_can_still_be_compared(qtbot, opened):
    """The page that says so comes when there is nothing else to show."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    opened.parts.bar.text.setText("nothing is called like this")
    assert not opened.views.is_covered
    opened.views.focus_photos()
    press(qtbot, opened, "Right")
    assert_on_screen(opened)
    assert framed(opened.compare) == "p01"
    press(qtbot, opened, "Esc")
    assert opened.views.is_covered
    assert_on_screen(opened)
    opened.keys["clear_filter"].trigger()
    assert_on_screen(opened)


def test_another_folder_is_shown_in_the_grid(qtbot, opened, shoot, tmp_path):
    """Nothing of it is in a pane."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    with qtbot.waitSignal(opened.library.loaded, timeout=WAIT_MS):
        opened.open_folder(shoot)
    assert opened.views.view is View.GRID
    assert_on_screen(opened)


def test_the_challenger_slides_beside_a_reference(qtbot, opened):
    """Also from the reference itself; it is never the reference that goes."""
    select(opened, 2, 3)
    press(qtbot, opened, "C")
    press(qtbot, opened, "R")
    press(qtbot, opened, "Left")
    assert (names(opened.compare), framed(opened.compare)) == (["p02", "p01"], "p01")
    press(qtbot, opened, "Home")
    press(qtbot, opened, "Left")
    assert (names(opened.compare), framed(opened.compare)) == (["p02", "p00"], "p00")
    assert_on_screen(opened)


def test_delete_in_a_comparison_means_the_framed_photo(qtbot, opened):
    """Not the selection of the grid, which is not on screen; in the grid it does."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    press(qtbot, opened, "Right")
    press(qtbot, opened, "Right")
    assert framed(opened.compare) == "p02"
    assert listed_by_delete(qtbot, opened) == ["p02.jpg"]
    press(qtbot, opened, "E")
    assert listed_by_delete(qtbot, opened) == ["p02.jpg"]
    press(qtbot, opened, "G")
    assert listed_by_delete(qtbot, opened) == ["p00.jpg", "p01.jpg"]


def test_a_stacked_series_is_compared_by_key_and_by_mouse(qtbot, opened, shoot):
    """Panes show photos that the grid does not; a key acts on the one that was clicked."""
    press(qtbot, opened, "S")
    opened.photo_cursor.go_to(opened.model.record(shoot / "p06.jpg"))
    press(qtbot, opened, "B")
    assert names(opened.compare) == ["p06", "p05", "p04"]
    press(qtbot, opened, "Right")
    assert_on_screen(opened)
    assert framed(opened.compare) == "p05"
    qtbot.mouseClick(opened.compare.panes[2], Qt.MouseButton.LeftButton)
    assert_on_screen(opened)
    press(qtbot, opened, "5")
    assert [one.name for one in opened.model.records if one.stars == 5] == ["p04.jpg"]
    press(qtbot, opened, "E")
    assert opened.loupe.pane.record.name == "p04.jpg"
    press(qtbot, opened, "Left")
    assert opened.loupe.pane.record.name == "p03.jpg"
    press(qtbot, opened, "Right")
    press(qtbot, opened, "B")
    press(qtbot, opened, "End")
    press(qtbot, opened, "G")
    assert_on_screen(opened)
    assert opened.photo_cursor.record.name == "p06.jpg"
    settle(qtbot, opened)


def test_a_stack_shows_the_best_that_passes_the_filter(qtbot, opened, shoot):
    """Stars below the top are found; what a comparison rates comes and goes with it."""
    bar = opened.parts.bar
    opened.photo_cursor.go_to(opened.model.record(shoot / "p05.jpg"))
    press(qtbot, opened, "4")
    settle(qtbot, opened)
    press(qtbot, opened, "S")
    assert opened.photo_cursor.record.name == "p06.jpg"  # the top of its stack
    bar.stars.setCurrentIndex(3)  # three and more
    opened.views.focus_photos()
    assert [one.name for one in opened.model.visible_records()] == ["p05.jpg"]
    press(qtbot, opened, "B")
    assert framed(opened.compare) == "p05"
    press(qtbot, opened, "0")
    press(qtbot, opened, "Right")
    press(qtbot, opened, "4")
    assert framed(opened.compare) == "p04"
    press(qtbot, opened, "G")
    assert_on_screen(opened)
    assert [one.name for one in opened.model.visible_records()] == ["p04.jpg"]
    settle(qtbot, opened)


def test_rejecting_the_top_of_a_stack_brings_up_the_next_best(qtbot, opened, shoot):
    """Under a filter without rejects, at the same place, and undo puts the top back."""
    show_without_rejects(opened)
    press(qtbot, opened, "S")
    opened.photo_cursor.go_to(opened.model.record(shoot / "p06.jpg"))
    row = opened.photo_cursor.row
    shown = []
    for _ in range(3):
        shown.append(opened.photo_cursor.record.name[:3])
        assert opened.photo_cursor.row == row
        press(qtbot, opened, "X")
    assert shown == ["p06", "p05", "p04"]
    assert opened.photo_cursor.record.name == "p07.jpg"
    assert opened.parts.status.counts.startswith("9 of 12 photos")
    for name in ("p04", "p05", "p06"):
        undo(qtbot, opened)
        assert opened.photo_cursor.record.name[:3] == name
        assert_on_screen(opened)


def test_a_photo_that_comes_back_by_undo_comes_back_into_its_comparison(qtbot, opened):
    """At its place; while it is away, the frame is on the pane that took it."""
    select(opened, 0, 2)
    press(qtbot, opened, "C")
    press(qtbot, opened, "Right")
    trash_framed(qtbot, opened)
    assert_on_screen(opened)
    assert (names(opened.compare), framed(opened.compare)) == (["p00", "p02"], "p02")
    trash_framed(qtbot, opened)
    assert (names(opened.compare), framed(opened.compare)) == (["p00"], "p00")
    undo_trash(qtbot, opened)
    undo_trash(qtbot, opened)
    assert names(opened.compare) == ["p00", "p01", "p02"]
    assert framed(opened.compare) == "p00"
    assert_on_screen(opened)


def test_a_reference_that_goes_to_the_trash_leaves_no_ghost(qtbot, opened):
    """Its pane closes, another photo can slide in; undo makes it the reference again."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    press(qtbot, opened, "R")
    trash_framed(qtbot, opened)
    assert (names(opened.compare), framed(opened.compare)) == (["p01"], "p01")
    assert opened.compare.reference is None
    press(qtbot, opened, "Right")
    assert (names(opened.compare), framed(opened.compare)) == (["p02"], "p02")
    undo_trash(qtbot, opened)
    assert (names(opened.compare), framed(opened.compare)) == (["p00", "p02"], "p02")
    assert opened.compare.reference.name == "p00.jpg"
    assert_on_screen(opened)


def test_when_the_last_compared_photo_is_gone_the_grid_is_there(qtbot, opened):
    """Nothing is left to act on beside each other."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    trash_framed(qtbot, opened)
    trash_framed(qtbot, opened)
    assert opened.views.view is View.GRID
    assert opened.photo_cursor.record.name == "p02.jpg"
    assert_on_screen(opened)


def test_a_comparison_that_is_over_moves_no_cursor(qtbot, opened):
    """A photo of it goes to the trash from the grid: the next one of the grid is framed."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    press(qtbot, opened, "G")
    opened.photo_cursor.go_to_row(1)
    trash_framed(qtbot, opened)
    assert opened.photo_cursor.record.name == "p02.jpg"
    assert_on_screen(opened)


@pytest.mark.parametrize(
    ("current", "shown"),
    [(0, ["p00", "p01", "p02", "p03"]), (5, ["p02", "p03", "p04", "p05"]),
     (7, ["p04", "p05", "p06", "p07"])],
)  # fmt: skip
def test_of_more_than_four_photos_the_framed_one_is_compared(qtbot, opened, current, shown):
    """The status line says that others are selected and not shown."""
    select(opened, 0, 7)
    opened.photo_cursor.make_current(opened.model.record_at(current))
    press(qtbot, opened, "C")
    assert (names(opened.compare), framed(opened.compare)) == (shown, f"p{current:02d}")
    assert_on_screen(opened)
    assert opened.parts.status.message.startswith("Only 4 of 8 photos are shown")


def test_the_first_is_framed_where_the_current_photo_is_not_compared(qtbot, opened):
    """As when a click with Ctrl took it out of the selection; never the reference at its left."""
    select(opened, 2, 4)
    opened.photo_cursor.make_current(opened.model.record_at(7))
    press(qtbot, opened, "C")
    assert (names(opened.compare), framed(opened.compare)) == (["p02", "p03", "p04"], "p02")
    press(qtbot, opened, "R")
    press(qtbot, opened, "G")
    select(opened, 0, 4)
    opened.photo_cursor.make_current(opened.model.record_at(7))
    press(qtbot, opened, "C")
    assert (names(opened.compare), framed(opened.compare)) == (["p02", "p00", "p01", "p03"], "p00")
    assert opened.parts.status.message.startswith("Only 4 of 5 photos are shown")
    assert_on_screen(opened)


def test_of_more_than_twenty_four_photos_the_framed_one_is_surveyed(qtbot, make_window, tmp_path):
    """The survey has its limit too."""
    for number in range(26):
        gui_fakes.write_photo(tmp_path / "many" / f"p{number:02d}.jpg", seed=number, brightness=90)
    window = make_window()
    with qtbot.waitSignal(window.library.loaded, timeout=WAIT_MS):
        window.open_folder(tmp_path / "many")
    window.views.focus_photos()
    select(window, 0, 25)
    window.photo_cursor.make_current(window.model.record_at(25))
    press(qtbot, window, "N")
    assert names(window.survey) == [f"p{number:02d}" for number in range(2, 26)]
    assert framed(window.survey) == "p25"
    assert window.parts.status.message.startswith("Only 24 of 26 photos are shown")
    assert_on_screen(window)


def test_random_keys_never_act_on_a_photo_that_is_not_on_screen(qtbot, opened):
    """Rejects are hidden, each decision goes on, series are stacked and unfolded."""
    show_without_rejects(opened)
    auto_advance(opened)
    keys = ["C", "N", "B", "G", "E", "S", "R", "X", "P", "U", "3", "0", "Left", "Right", "Up",
            "Down", "Home", "End", "Esc"]  # fmt: skip
    chosen = random.Random(7)
    for at in range(250):
        if at % 10 == 0 and opened.views.view is View.GRID and opened.model.rowCount() > 4:
            first = chosen.randrange(opened.model.rowCount() - 3)
            select(opened, first, first + chosen.randrange(4))
        if at % 25 == 24:
            undo(qtbot, opened)
        press(qtbot, opened, chosen.choice(keys), chosen.choice([Qt.KeyboardModifier(0), SHIFT]))
        assert_on_screen(opened)
    settle(qtbot, opened)
