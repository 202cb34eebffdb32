"""What screen readers are told, asked for as they ask: through `QAccessible`."""

import pytest
from conftest_helpers import press, settle
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest

from qpt_app.gui import grid_view


@pytest.fixture(autouse=True)
def listened_to(qapp):
    """A screen reader runs: only then does Qt keep its interfaces in step with the model."""
    was = QAccessible.isActive()
    QAccessible.setActive(True)
    yield
    QAccessible.setActive(was)


def tiles(window):
    """The accessible interface of the grid."""
    return QAccessible.queryAccessibleInterface(window.parts.grid)


def said(window, row):
    return tiles(window).child(row).text(QAccessible.Text.Name)


@pytest.fixture
def told(monkeypatch):
    """Events on their way to a screen reader, as (kind, child)."""
    events = []
    tell = grid_view.QAccessible.updateAccessibility

    def note(event):
        events.append((event.type(), event.child()))
        tell(event)

    monkeypatch.setattr(grid_view.QAccessible, "updateAccessibility", note)
    return events


def test_the_grid_is_a_list_with_a_named_child_for_each_photo(qtbot, opened):
    """Name, score, and why there is none; the marks once there are some."""
    grid = tiles(opened)
    assert grid.role() == QAccessible.Role.List
    assert grid.text(QAccessible.Text.Name) == "Photos"
    assert grid.childCount() == 12
    assert grid.child(0).role() == QAccessible.Role.ListItem
    score = opened.model.record_at(0).score
    assert said(opened, 0) == f"p00.jpg, score {score:.0f}"
    assert said(opened, 9).startswith("p09.jpg, not scored: ")
    press(qtbot, opened, "4")
    press(qtbot, opened, "P")
    press(qtbot, opened, "6")
    assert said(opened, 0) == f"p00.jpg, score {score:.0f}, 4 stars, picked, red label"
    settle(qtbot, opened)


def test_a_tile_says_whether_it_is_framed_and_selected_and_where_it_is(opened):
    """What is under a point of the screen is found too."""
    opened.photo_cursor.go_to_row(2)
    opened.parts.grid.selectionModel().select(
        QItemSelection(opened.model.index(2, 0), opened.model.index(3, 0)),
        QItemSelectionModel.SelectionFlag.Select,
    )
    states = [tiles(opened).child(row).state() for row in range(5)]
    assert [state.focused for state in states] == [0, 0, 1, 0, 0]
    assert [state.selected for state in states] == [0, 0, 1, 1, 0]
    grid = opened.parts.grid
    cell = grid.visualRect(opened.model.index(3, 0))
    place = tiles(opened).child(3).rect()
    assert place.topLeft() == grid.viewport().mapToGlobal(cell.topLeft())
    assert place.size() == cell.size()
    found = tiles(opened).childAt(place.center().x(), place.center().y())
    assert found.text(QAccessible.Text.Name) == said(opened, 3)


def test_ctrl_a_selects_every_tile(qtbot, opened):
    """All of them, and the states say so."""
    press(qtbot, opened, "A", Qt.KeyboardModifier.ControlModifier)
    assert len(opened.photo_cursor.selected()) == 12
    assert all(tiles(opened).child(row).state().selected for row in range(12))


def test_moving_on_and_deciding_are_told(qtbot, opened, told):
    """The photo that is framed now, and its new name when a mark is set."""
    opened.photo_cursor.go_to_row(4)
    del told[:]
    press(qtbot, opened, "Right")
    assert (QAccessible.Event.Focus, 5) in told
    press(qtbot, opened, "3")
    assert (QAccessible.Event.NameChanged, 5) in told
    settle(qtbot, opened)


def test_tiles_follow_sorting_and_filters(qtbot, opened):
    """The children are the photos that are shown, in their order."""
    opened.parts.bar.text.setFocus()
    QTest.keyClicks(opened.parts.bar.text, "p1")
    assert tiles(opened).childCount() == 2
    assert [said(opened, row)[:7] for row in range(2)] == ["p10.jpg", "p11.jpg"]
    QTest.keyClick(opened.parts.bar.text, Qt.Key.Key_Backspace)
    opened.parts.bar._direction.click()
    assert said(opened, 0).startswith("p11.jpg")


def test_the_line_below_the_loupe_says_what_it_shows(qtbot, opened):
    """Name and marks of the framed photo, and of the next one."""
    press(qtbot, opened, "E")
    press(qtbot, opened, "X")
    strip = QAccessible.queryAccessibleInterface(opened.loupe.strip)
    assert strip.text(QAccessible.Text.Name).startswith("p00.jpg, score ")
    assert strip.text(QAccessible.Text.Name).endswith(", rejected")
    press(qtbot, opened, "Right")
    assert strip.text(QAccessible.Text.Name).startswith("p01.jpg, score ")
    settle(qtbot, opened)
