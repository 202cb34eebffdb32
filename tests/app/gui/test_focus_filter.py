"""The filter by focus: measured when it is asked for, and nothing is hidden without a word."""

import os

import numpy as np
import pytest
from conftest import open_and_score
from conftest_helpers import press
from made_dng import make_dng
from PIL import Image, ImageFilter
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from qpt_app.gui.gui_settings import SessionState, load_session
from qpt_app.gui.info_text import info_lines
from qpt_app.gui.photo_filter import FocusTest, PhotoFilter
from qpt_app.gui.saved_choices import plain_filter, saved_filter
from qpt_app.photos.focus_job import FocusJob


def write_photo(path, blur: float, size=(600, 400)) -> None:
    """Shapes with outlines, out of focus by some pixels."""
    generator = np.random.default_rng(5)
    image = Image.new("L", size, 120)
    for _ in range(60):
        x, y, side, level = generator.uniform((0, 0, 20, 20), (*size, 60, 230)).astype(int)
        image.paste(int(level), (x, y, x + side, y + side))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.filter(ImageFilter.GaussianBlur(blur)).convert("RGB").save(path, "JPEG", quality=95)


@pytest.fixture
def folder(tmp_path):
    """Photos that are sharp, soft and empty, and one that is broken."""
    folder = tmp_path / "shoot"
    write_photo(folder / "a-sharp.jpg", 0.6)
    write_photo(folder / "b-soft.jpg", 5)
    write_photo(folder / "c-sharp.jpg", 0.5)
    Image.new("RGB", (600, 400), (90, 120, 160)).save(folder / "d-sky.png")
    (folder / "e-broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    return folder


def focus_jobs(window) -> list[str]:
    """The photos that were decoded to measure their focus."""
    return [job.path.name for job in window.pool.jobs if isinstance(job, FocusJob)]


def make_old(folder) -> None:
    """Give the photos times that prove that they were not changed since."""
    for path in folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))


@pytest.fixture
def window(qtbot, make_window, folder):
    window = make_window()
    open_and_score(qtbot, window, folder)
    return window


def choose(window, text: str) -> None:
    """Choose from the list of focus, as a person at the keyboard does."""
    combo = window.parts.bar.focus
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Home)
    while combo.currentText() != text:
        before = combo.currentIndex()
        QTest.keyClick(combo, Qt.Key.Key_Down)
        assert combo.currentIndex() == before + 1


def names(window) -> list[str]:
    return [window.model.record_at(row).name[0] for row in range(window.model.rowCount())]


def wait_for_focus(qtbot, window) -> None:
    """Wait until everything is measured and the photos are in their places."""
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    window.library.touch_time_out()
    qtbot.waitUntil(lambda: not window.library.is_unsettled, timeout=20000)


def test_soft_photos_are_shown_alone_or_hidden(qtbot, window):
    """And what cannot be judged is neither."""
    assert not any(record.is_focus_measured for record in window.model.records)
    choose(window, "All soft")
    wait_for_focus(qtbot, window)
    assert names(window) == ["b"]
    choose(window, "In focus")
    wait_for_focus(qtbot, window)
    assert names(window) == ["a", "c"]
    choose(window, "Not known")
    assert names(window) == ["d", "e"]
    window.views.focus_photos()
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    press(qtbot, window, "F", modifiers)
    assert window.parts.bar.focus.currentIndex() == 0
    assert len(names(window)) == 5


def test_what_is_not_measured_yet_is_counted_while_it_is_hidden(qtbot, window):
    """The line at the bottom says how many, until there are none."""
    window.pool.is_open.clear()
    choose(window, "In focus")
    assert names(window) == []
    assert "focus of 5 not measured yet" in window.parts.status.counts
    window.pool.is_open.set()
    wait_for_focus(qtbot, window)
    assert names(window) == ["a", "c"]
    assert "not measured" not in window.parts.status.counts


def test_nothing_is_measured_unless_it_is_asked_for(qtbot, window):
    """And what was measured is not measured again."""
    before = window.pool.submitted
    choose(window, "In focus")
    wait_for_focus(qtbot, window)
    measured = window.pool.submitted - before
    choose(window, "Any focus")
    choose(window, "All soft")
    wait_for_focus(qtbot, window)
    jobs = window.pool.submitted - before - measured
    assert measured >= 5
    assert jobs < 5
    assert all(record.is_focus_measured for record in window.model.records)


def test_a_photo_that_was_edited_is_measured_anew(qtbot, window, folder):
    """F5 after another program blurred it."""
    choose(window, "In focus")
    wait_for_focus(qtbot, window)
    write_photo(folder / "a-sharp.jpg", 6)
    with qtbot.waitSignal(window.library.changed, timeout=20000):
        press(qtbot, window, "F5")
    qtbot.waitUntil(lambda: not window.library.is_reading, timeout=20000)
    wait_for_focus(qtbot, window)
    assert names(window) == ["c"]


def ask_again(qtbot, window, how: str) -> None:
    """Read the folder again, or try again what has failed."""
    if how == "F5":
        with qtbot.waitSignal(window.library.loaded, timeout=20000):
            press(qtbot, window, "F5")
    else:
        button = window.parts.failed.findChild(QPushButton)
        qtbot.waitUntil(button.isVisible, timeout=20000)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("how", ["F5", "try again"])
def test_a_photo_that_could_not_be_read_is_measured_when_it_can(
    qtbot, window, folder, tmp_path, how
):
    """The drive was away for a moment; a broken photo is tried once more, no others are."""
    folder.rename(tmp_path / "away")
    choose(window, "In focus")
    wait_for_focus(qtbot, window)
    assert names(window) == []
    (tmp_path / "away").rename(folder)
    window.pool.is_open.clear()
    ask_again(qtbot, window, how)
    told = "focus of 5 not measured yet"
    qtbot.waitUntil(lambda: told in window.parts.status.counts, timeout=20000)
    window.pool.is_open.set()
    wait_for_focus(qtbot, window)
    assert names(window) == ["a", "c"]
    assert "not measured" not in window.parts.status.counts
    choose(window, "All soft")
    wait_for_focus(qtbot, window)
    assert names(window) == ["b"]
    choose(window, "Not known")
    assert names(window) == ["d", "e"]
    assert sorted(focus_jobs(window)) == sorted(2 * [one.name for one in folder.iterdir()])


@pytest.mark.parametrize("how", ["F5", "try again"])
def test_the_information_is_told_anew_when_the_photo_can_be_read(
    qtbot, window, folder, tmp_path, how
):
    """Without the filter, of the photo in the loupe."""
    folder.rename(tmp_path / "away")
    window.photo_cursor.go_to_row(0)
    press(qtbot, window, "E")
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    assert dict(window.loupe.overlay.lines)["Sharpest"] == "cannot be told"
    (tmp_path / "away").rename(folder)
    ask_again(qtbot, window, how)
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    assert dict(window.loupe.overlay.lines)["Sharpest"] == "sharp"
    assert focus_jobs(window) == ["a-sharp.jpg"] * 2


def test_a_broken_photo_that_was_replaced_is_measured_in_the_loupe(qtbot, window, folder):
    """F5 finds that the file is another one."""
    press(qtbot, window, "End")
    press(qtbot, window, "E")
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    assert dict(window.loupe.overlay.lines)["Sharpest"] == "cannot be told"
    write_photo(folder / "e-broken.jpg", 0.5)
    with qtbot.waitSignal(window.library.changed, timeout=20000):
        press(qtbot, window, "F5")
    qtbot.waitUntil(
        lambda: dict(window.loupe.overlay.lines).get("Sharpest") == "sharp", timeout=20000
    )


def test_the_information_says_how_sharp_the_sharpest_part_is(qtbot, window):
    """Of the photo in the loupe it is measured without the filter."""
    window.photo_cursor.go_to_row(0)
    press(qtbot, window, "E")
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    assert dict(window.loupe.overlay.lines)["Sharpest"] == "sharp"
    press(qtbot, window, "Right")
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    assert dict(window.loupe.overlay.lines)["Sharpest"] == "soft"
    assert "Sharpest" not in dict(info_lines(window.model.records[2], None))
    press(qtbot, window, "End")
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    assert dict(window.loupe.overlay.lines)["Sharpest"] == "cannot be told"


def test_the_filter_is_there_again_at_the_next_start(qtbot, window, make_window, paths, folder):
    """And measures for itself."""
    choose(window, "All soft")
    wait_for_focus(qtbot, window)
    window.close()
    again = make_window(session=load_session(paths.session))
    with qtbot.waitSignal(again.library.loaded, timeout=30000):
        again.open_folder(folder)
    qtbot.waitUntil(lambda: not again.library.is_holding, timeout=20000)
    qtbot.waitUntil(lambda: all(one.is_focus_measured for one in again.model.records))
    wait_for_focus(qtbot, again)
    assert names(again) == ["b"]


def test_what_was_measured_is_known_at_the_next_start(qtbot, window, make_window, folder):
    """Nothing is decoded for it but what failed; it is looked up when it is asked for."""
    make_old(folder)
    with qtbot.waitSignal(window.library.changed, timeout=20000):
        press(qtbot, window, "F5")
    qtbot.waitUntil(lambda: not window.library.is_reading, timeout=20000)
    choose(window, "In focus")
    wait_for_focus(qtbot, window)
    assert names(window) == ["a", "c"]
    window.close()
    write_photo(folder / "c-sharp.jpg", 6)
    again = make_window()
    open_and_score(qtbot, again, folder)
    assert not any(record.is_focus_measured for record in again.model.records)
    choose(again, "In focus")
    wait_for_focus(qtbot, again)
    assert names(again) == ["a"]
    assert focus_jobs(again) == ["c-sharp.jpg", "e-broken.jpg"]
    choose(again, "All soft")
    wait_for_focus(qtbot, again)
    assert names(again) == ["b", "c"]
    choose(again, "Not known")
    assert names(again) == ["d", "e"]


def test_the_photo_in_the_loupe_is_known_at_the_next_start(qtbot, window, make_window, folder):
    """Without the filter, and without a decode."""
    make_old(folder)
    with qtbot.waitSignal(window.library.changed, timeout=20000):
        press(qtbot, window, "F5")
    qtbot.waitUntil(lambda: not window.library.is_reading, timeout=20000)
    window.photo_cursor.go_to_row(0)
    press(qtbot, window, "E")
    qtbot.waitUntil(lambda: window.focus.is_idle, timeout=20000)
    assert focus_jobs(window) == ["a-sharp.jpg"]
    window.close()
    again = make_window()
    open_and_score(qtbot, again, folder)
    again.photo_cursor.go_to_row(0)
    press(qtbot, again, "E")
    qtbot.waitUntil(lambda: again.model.records[0].is_focus_measured, timeout=20000)
    assert dict(again.loupe.overlay.lines)["Sharpest"] == "sharp"
    assert focus_jobs(again) == []


def write_raw(path, blur: float) -> None:
    """A RAW file of 2400 pixels with a preview of 1100, in which `blur` is counted."""
    write_photo(path, blur, size=(1100, 733))
    preview = path.read_bytes()
    path.write_bytes(make_dng(preview=preview, size=(2400, 1600)))


def test_a_raw_with_a_small_preview_is_never_called_in_focus(qtbot, make_window, tmp_path):
    """It may be: that cannot be told, and why is said, at the next start too. Soft is soft."""
    folder = tmp_path / "shoot"
    write_raw(folder / "a-sharp.dng", 0.4)
    write_raw(folder / "b-soft.dng", 4)
    make_old(folder)
    for decoded in (["a-sharp.dng", "b-soft.dng"], []):
        window = make_window()
        open_and_score(qtbot, window, folder)
        press(qtbot, window, "I")  # no information yet: the filter asks first
        choose(window, "In focus")
        wait_for_focus(qtbot, window)
        assert names(window) == []
        choose(window, "All soft")
        wait_for_focus(qtbot, window)
        assert names(window) == ["b"]
        choose(window, "Not known")
        wait_for_focus(qtbot, window)
        assert names(window) == ["a"]
        window.views.focus_photos()
        press(qtbot, window, "E")
        press(qtbot, window, "I")
        sharpest = dict(window.loupe.overlay.lines)["Sharpest"]
        assert sharpest == "cannot be told: the RAW file's preview is too small"
        assert focus_jobs(window) == decoded
        window.close()


def test_a_session_of_an_older_program_shows_any_focus():
    """It has no such field."""
    values = plain_filter(PhotoFilter(text="x", focus=FocusTest.SOFT))
    assert saved_filter(SessionState(shown=values)).focus is FocusTest.SOFT
    del values["focus"]
    assert saved_filter(SessionState(shown=values)) == PhotoFilter(text="x")


def test_closing_while_it_is_measured_drops_the_rest(qtbot, window):
    """No photo waits any more."""
    window.pool.is_open.clear()
    choose(window, "In focus")
    window.pool.is_open.set()
    window.close()
    QCoreApplication.processEvents()
    assert window.focus.is_idle


def test_the_bar_fits_the_window_that_it_opens_in(window):
    """One more list must not widen the window."""
    assert window.minimumSizeHint().width() <= 1360
