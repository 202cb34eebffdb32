"""Keys as a person presses them, and waiting for what they cause."""

import time

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest

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


def stretch() -> float:
    """How many times longer than alone this process takes for its work; 1 on an idle computer.

    A limit in seconds is one for a computer that has nothing else to do.
    """
    start, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < 0.1:
        sum(range(1000))
    return max(1.0, (time.monotonic() - start) / (time.thread_time() - worked))
