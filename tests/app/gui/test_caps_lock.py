"""Caps Lock: while it is on, each decision goes on to the next photo."""

from conftest_helpers import press, settle
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from qpt_app.decisions.decision import Flag
from qpt_app.gui.caps_lock import CapsLock


def rows_after(qtbot, window, *keys):
    """The framed row after each key."""
    rows = []
    for key in keys:
        press(qtbot, window, key)
        rows.append(window.photo_cursor.row)
    return rows


def test_while_caps_lock_is_on_each_decision_goes_on(qtbot, opened):
    """One press turns it on, the next one off, however many widgets the key is offered to."""
    opened.photo_cursor.go_to_row(0)
    assert rows_after(qtbot, opened, "3") == [0]
    assert rows_after(qtbot, opened, "CapsLock", "4", "5") == [0, 1, 2]
    assert rows_after(qtbot, opened, "CapsLock", "2") == [2, 2]
    assert [one.stars for one in opened.model.visible_records()[:4]] == [4, 5, 2, 0]
    settle(qtbot, opened)


def test_a_letter_tells_of_a_lock_that_was_set_elsewhere(qtbot, opened):
    """Caps Lock was pressed in another program: the letter that decides is upper case."""
    opened.photo_cursor.go_to_row(0)
    QTest.keyClicks(opened.focusWidget(), "P")
    assert opened.photo_cursor.row == 1
    assert rows_after(qtbot, opened, "3") == [2]
    QTest.keyClicks(opened.focusWidget(), "x")
    assert opened.photo_cursor.row == 2
    first = opened.model.visible_records()[:3]
    assert [one.decision.flag for one in first] == [Flag.PICK, Flag.NONE, Flag.REJECT]
    settle(qtbot, opened)


def test_shift_is_no_caps_lock(qtbot, opened):
    """Shift+P and a capital in the name filter turn nothing on."""
    QTest.keyClicks(opened.parts.bar.text, "P", Qt.KeyboardModifier.ShiftModifier)
    assert not opened.caps.is_on


def test_on_a_mac_the_lock_is_off_once_the_key_counts_as_released(qtbot, qapp):
    """There a press means on and a release means off."""
    caps = CapsLock(released_when_off=True)
    field = QWidget()
    qtbot.addWidget(field)
    caps.watch(qapp)
    try:
        QTest.keyPress(field, Qt.Key.Key_CapsLock)
        assert caps.is_on
        QTest.keyRelease(field, Qt.Key.Key_CapsLock)
        assert not caps.is_on
    finally:
        caps.unwatch(qapp)


def test_a_closed_window_no_longer_looks_at_keys(qtbot, make_window):
    """Its filter is gone with it."""
    first, second = make_window(), make_window()
    first.close()
    press(qtbot, second, "CapsLock")
    assert second.caps.is_on
    assert not first.caps.is_on
