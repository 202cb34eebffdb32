"""A window on a folder of generated photos, offscreen; threads and processes must be gone after."""

import os
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.append(str(Path(__file__).parent))  # a spawned process imports gui_fakes by this name

import gui_fakes
import pytest
from PySide6.QtCore import QThreadPool

from qpt_app.gui import status_line
from qpt_app.gui.gui_settings import GuiPaths, GuiSettings, SessionState
from qpt_app.gui.main_window import MainWindow
from qpt_app.gui.theme import Theme

START = datetime(2026, 6, 1, 12, 0, 0)
OWN_THREADS = ("qpt-", "close-", "decode")


def pytest_collection_modifyitems(items):
    """Ignore the one warning that the offscreen platform gives, whatever a program does."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.qt_log_ignore("propagateSizeHints"))


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No thread of ours and no job outlives a test."""
    yield
    assert QThreadPool.globalInstance().waitForDone(2000)
    deadline = time.monotonic() + 3
    while (left := [t.name for t in threading.enumerate() if t.name.startswith(OWN_THREADS)]) and (
        time.monotonic() < deadline
    ):
        threading.Event().wait(0.01)
    assert not left


@pytest.fixture(autouse=True)
def messages_stay(monkeypatch):
    """What is announced stays until something else is, however long a busy computer takes."""
    monkeypatch.setattr(status_line, "MESSAGE_MS", 600_000)


@pytest.fixture
def shoot(tmp_path) -> Path:
    """Twelve photos, the higher the number the brighter; 4 to 6 are one burst, 9 is broken."""
    folder = tmp_path / "shoot"
    for number in range(12):
        moment = START + timedelta(seconds=60 * number)
        seed, brightness = number, 40 + 14 * number
        if number in (5, 6):
            seed, moment = 4, START + timedelta(seconds=240 + 0.5 * (number - 4))
        gui_fakes.write_photo(
            folder / f"p{number:02d}.jpg", seed=seed, brightness=brightness, taken=moment
        )
    (folder / "p09.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    return folder


@pytest.fixture
def trash(tmp_path):
    return gui_fakes.FolderTrash(tmp_path / "trash")


@pytest.fixture
def paths(tmp_path) -> GuiPaths:
    return GuiPaths.below(tmp_path / "home")


@pytest.fixture
def theme(qapp) -> Theme:
    theme = Theme()
    theme.apply("dark")
    return theme


@pytest.fixture
def make_window(qtbot, paths, trash, theme):
    """`make_window(...)` opens a window; all windows are closed at the end."""
    windows = []

    def make(settings=None, session=None, *, services=None, shown=True, **services_options):
        services = services or gui_fakes.make_services(paths, trash, **services_options)
        window = MainWindow(
            services,
            settings or GuiSettings(xmp_profile="off"),
            session or SessionState(),
            theme,
            ask_folder=lambda parent, title: None,
        )
        windows.append(window)
        if shown:
            window.resize(1200, 800)
            window.show()
            qtbot.waitExposed(window)
            window.activateWindow()
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()


@pytest.fixture
def opened(qtbot, make_window, shoot):
    """A window on the shoot, with everything scored."""
    window = make_window()
    open_and_score(qtbot, window, shoot)
    return window


def open_and_score(qtbot, window, folder) -> None:
    """Open a folder and wait until scoring and series are done."""
    with qtbot.waitSignal(window.library.loaded, timeout=30000):
        window.open_folder(folder)
    qtbot.waitUntil(lambda: window.scoring.state.value == "done", timeout=40000)
    window.library.touch_time_out()
    qtbot.waitUntil(lambda: not window.library.is_unsettled, timeout=20000)
    qtbot.waitUntil(lambda: window.series.is_idle, timeout=30000)
    qtbot.waitUntil(lambda: window.desk.is_idle, timeout=20000)
    window.views.focus_photos()
