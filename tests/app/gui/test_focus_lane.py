"""Measuring focus never takes both decode processes, and what is on screen comes first.

The pool's queue is the real one; its processes are threads that wait until a test lets them go on.
"""

import threading
from dataclasses import replace

import gui_fakes
import pytest
from conftest import open_and_score
from conftest_helpers import press
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest

from qpt_app.core.decode_limits import DecodeLimits
from qpt_app.core.decode_pool import DecodePool
from qpt_app.gui.focus_controller import MEASURED_SIDE
from qpt_app.gui.view_pool import VIEW_WORKERS
from qpt_app.photos.focus_job import FocusJob


class SteppedPool(DecodePool):
    """Measures focus only when it is told to, one photo at a step, and notes what it began with."""

    def __init__(self) -> None:
        super().__init__(workers=VIEW_WORKERS)
        self.queued: list[str] = []
        self.begun: list[str] = []
        """`mask a`, `measure b`: what, and of which photo."""
        self.most_at_once = 0
        self._at_once = 0
        self._gate = threading.Lock()
        self._steps = threading.Semaphore(0)

    def step(self) -> None:
        """Let one measure end."""
        self._steps.release()

    def submit(self, job, **options):
        if isinstance(job, FocusJob):
            self.queued.append(self._name(job))
        return super().submit(job, **options)

    @staticmethod
    def _name(job: FocusJob) -> str:
        return f"{'measure' if job.max_side == MEASURED_SIDE else 'mask'} {job.path.name[0]}"

    def _decode(self, worker, job):
        if isinstance(job, FocusJob):
            with self._gate:
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                self.begun.append(self._name(job))
            self._steps.acquire()
            with self._gate:
                self._at_once -= 1
        return job.run(DecodeLimits())

    def close(self) -> None:
        for _ in range(100):
            self.step()
        super().close()


@pytest.fixture
def window(qtbot, make_window, paths, trash, tmp_path):
    """A window on six photos; nothing is measured yet."""
    folder = tmp_path / "shoot"
    for number, name in enumerate("abcdef"):
        gui_fakes.write_photo(folder / f"{name}.jpg", seed=number, brightness=100 + 10 * number)
    services = replace(gui_fakes.make_services(paths, trash), make_pool=SteppedPool)
    window = make_window(services=services)
    open_and_score(qtbot, window, folder)
    press(qtbot, window, "I")  # the information asks for focus too: off, until a test wants it
    return window


def choose_not_known(window) -> None:
    """Have all photos measured; those that are not yet are shown."""
    combo = window.parts.bar.focus
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_End)
    assert combo.currentText() == "Not known"
    window.views.focus_photos()


def wait_for(qtbot, pool, *begun: str) -> None:
    """Wait until these, and no others, have begun."""
    qtbot.waitUntil(lambda: len(pool.begun) >= len(begun), timeout=20000)
    assert pool.begun == list(begun)


def pictures_come(qtbot, window) -> bool:
    """Whether the pictures of the loupe come while focus is held up."""
    qtbot.waitUntil(lambda: window.loaders.photos.is_idle, timeout=20000)
    QCoreApplication.processEvents()
    pane = window.loupe.pane
    return window.loaders.photos.image(*pane.wanted_key()) is not None


def test_the_next_picture_never_waits_for_two_measures(qtbot, window):
    """The filter measures, K measures, and a decode process is left all the same."""
    choose_not_known(window)
    wait_for(qtbot, window.pool, "measure a")
    press(qtbot, window, "E")
    press(qtbot, window, "K")
    for _ in range(3):
        assert pictures_come(qtbot, window)
        press(qtbot, window, "Right")
    assert pictures_come(qtbot, window)
    assert window.loupe.pane.record.name == "d.jpg"
    wait_for(qtbot, window.pool, "measure a")
    for _ in range(9):
        window.pool.step()
    qtbot.waitUntil(lambda: len(window.pool.begun) >= 9, timeout=20000)
    assert window.pool.most_at_once == 1


def test_the_mask_on_screen_comes_before_what_the_filter_measures(qtbot, window):
    """And before masks of photos that were passed by, however fast."""
    pool = window.pool
    choose_not_known(window)
    wait_for(qtbot, pool, "measure a")
    press(qtbot, window, "E")
    press(qtbot, window, "K")
    pool.step()
    wait_for(qtbot, pool, "measure a", "mask a")
    qtbot.waitUntil(lambda: {"mask b", "measure b"} <= set(pool.queued), timeout=20000)
    press(qtbot, window, "Right")
    press(qtbot, window, "Right")
    assert window.loupe.pane.record.name == "c.jpg"
    begun = ["measure a", "mask a"]
    for after in ("mask c", "mask d", "mask b", "measure b"):
        pool.step()
        begun.append(after)
        wait_for(qtbot, pool, *begun)


def test_a_measure_nobody_waits_for_any_more_still_has_the_turn(qtbot, window):
    """The photo changed while it was measured: its process is not free before it is done."""
    pool = window.pool
    choose_not_known(window)
    wait_for(qtbot, pool, "measure a")
    gui_fakes.write_photo(window.model.records[0].path, seed=40, brightness=99)
    with qtbot.waitSignal(window.library.changed, timeout=20000):
        press(qtbot, window, "F5")
    press(qtbot, window, "E")
    press(qtbot, window, "K")
    assert pictures_come(qtbot, window)
    assert pool.begun == ["measure a"]
    for _ in range(10):
        pool.step()
    qtbot.waitUntil(lambda: pool.begun.count("measure a") == 2, timeout=20000)
    assert pool.most_at_once == 1


def test_the_information_of_the_photo_on_screen_is_next(qtbot, window):
    """What the filter has queued gives way to it and comes after; masks take turns with it."""
    pool = window.pool
    choose_not_known(window)
    wait_for(qtbot, pool, "measure a")
    press(qtbot, window, "E")
    press(qtbot, window, "K")
    pool.step()
    wait_for(qtbot, pool, "measure a", "mask a")
    qtbot.waitUntil(lambda: "measure b" in pool.queued, timeout=20000)
    press(qtbot, window, "End")
    press(qtbot, window, "I")
    qtbot.waitUntil(lambda: "measure f" in pool.queued, timeout=20000)
    begun = ["measure a", "mask a"]
    for after in ("mask f", "measure f", "mask e", "measure b"):
        pool.step()
        begun.append(after)
        wait_for(qtbot, pool, *begun)
