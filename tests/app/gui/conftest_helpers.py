"""Keys as a person presses them, and waiting for what they cause."""

import time

from PySide6.QtCore import QCoreApplication, QItemSelection, QItemSelectionModel, Qt
from PySide6.QtTest import QTest

WAIT_MS = 20000
KEYS = {
    "Left": Qt.Key.Key_Left, "Right": Qt.Key.Key_Right, "Up": Qt.Key.Key_Up,
    "Down": Qt.Key.Key_Down, "Home": Qt.Key.Key_Home, "End": Qt.Key.Key_End,
    "Space": Qt.Key.Key_Space, "Esc": Qt.Key.Key_Escape, "Tab": Qt.Key.Key_Tab,
    "Delete": Qt.Key.Key_Delete, "Return": Qt.Key.Key_Return, "F5": Qt.Key.Key_F5,
    "F6": Qt.Key.Key_F6, "?": Qt.Key.Key_Question, ",": Qt.Key.Key_Comma,
    "CapsLock": Qt.Key.Key_CapsLock, "Shift": Qt.Key.Key_Shift,
}  # fmt: skip


def press(qtbot, window, key: str, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key where the focus is."""
    target = window.focusWidget() or window
    code = KEYS.get(key)
    if code is None:
        code = getattr(Qt.Key, f"Key_{key.upper()}")
    QTest.keyClick(target, code, modifiers)


def settle(qtbot, window) -> None:
    """Wait until everything asked for is kept and shown."""
    qtbot.waitUntil(lambda: window.desk.is_idle and not window.library.is_reading, timeout=20000)
    # The desk is idle when its last answer is on its way, not when the window has taken it.
    QCoreApplication.processEvents()


def undo(qtbot, window) -> None:
    """Take the newest action back and wait until that is shown."""
    settle(qtbot, window)
    with qtbot.waitSignal(window.desk.stepped, timeout=WAIT_MS):
        press(qtbot, window, "Z", Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, window)


def select(window, first: int, last: int) -> None:
    """Select rows; the first one is current."""
    window.photo_cursor.go_to_row(first)
    window.parts.grid.selectionModel().select(
        QItemSelection(window.model.index(first, 0), window.model.index(last, 0)),
        QItemSelectionModel.SelectionFlag.Select,
    )


def confirm(qtbot, window):
    """Say yes to the list; return its plan."""
    qtbot.waitUntil(lambda: window.files.dialog is not None, timeout=WAIT_MS)
    dialog = window.files.dialog
    with qtbot.waitSignal(window.desk.executed, timeout=WAIT_MS):
        qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    return dialog.plan


def assert_on_screen(window) -> None:
    """The photo that a key acts on is the one that the view on screen frames."""
    views, current = window.views, window.photo_cursor.record
    page = {"compare": window.compare, "survey": window.survey}.get(views.view.value)
    if views.is_covered:
        assert current is None
    elif page is not None:
        assert [pane.record for pane in page.panes] == page.records
        assert [pane.record for pane in page.panes if pane.is_current] == [current]
    elif views.view.value == "loupe":
        assert window.loupe.pane.record is current
    else:
        assert window.model.record_at(window.parts.grid.currentIndex().row()) is current


def stretch() -> float:
    """How many times longer than alone this process takes for its work; 1 on an idle computer.

    A limit in seconds is one for a computer that has nothing else to do.
    """
    start, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < 0.1:
        sum(range(1000))
    return max(1.0, (time.monotonic() - start) / (time.thread_time() - worked))
