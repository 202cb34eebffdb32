"""Focus peaking by key: what is painted where, when it comes, and what is said of it."""

import threading
from dataclasses import replace

import gui_fakes
import numpy as np
import pytest
from conftest import START, open_and_score
from conftest_helpers import press, select
from PIL import Image, ImageFilter
from PySide6.QtCore import QCoreApplication, QRect

from qpt_app.gui.focus_masks import shrunk, strengths, to_mask
from qpt_app.gui.tokens import PEAKING, contrast
from qpt_app.photos.focus import CELL

WIDTH, HEIGHT = 1200, 800


def write_half_sharp(path, *, left: bool, right: bool) -> None:
    """Shapes with outlines, each half in focus or out of it."""
    generator = np.random.default_rng(5)
    image = Image.new("L", (WIDTH, HEIGHT), 120)
    for _ in range(150):
        x, y = int(generator.uniform(0, WIDTH)), int(generator.uniform(0, HEIGHT))
        side, level = int(generator.uniform(20, 60)), int(generator.uniform(20, 230))
        image.paste(level, (x, y, x + side, y + side))
    sharp = image.filter(ImageFilter.GaussianBlur(0.6))
    soft = image.filter(ImageFilter.GaussianBlur(5))
    for is_sharp, at in ((left, 0), (right, WIDTH // 2)):
        box = (at, 0, at + WIDTH // 2, HEIGHT)
        image.paste((sharp if is_sharp else soft).crop(box), box)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").save(path, quality=92, exif=gui_fakes.exif_bytes(START))


@pytest.fixture
def window(qtbot, make_window, tmp_path):
    """A window on photos that are sharp at the left, at the right, and nowhere, and on a broken."""
    folder = tmp_path / "halves"
    write_half_sharp(folder / "a-left.jpg", left=True, right=False)
    write_half_sharp(folder / "b-right.jpg", left=False, right=True)
    write_half_sharp(folder / "c-soft.jpg", left=False, right=False)
    (folder / "d-broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    window = make_window()
    open_and_score(qtbot, window, folder)
    return window


def wait_for_masks(qtbot, window) -> None:
    qtbot.waitUntil(lambda: window.loaders.focus.is_idle, timeout=20000)
    qtbot.waitUntil(lambda: window.loaders.photos.is_idle, timeout=20000)
    QCoreApplication.processEvents()


def painted(pane) -> tuple[int, int]:
    """How many pixels of the left and of the right half of a pane have the colour of focus.

    The middle, where the halves meet in an edge of its own, is left out.
    """
    image = pane.grab().toImage()
    width, height = image.width() * 2 // 5, image.height() - 40  # nor the caption
    halves = (QRect(0, 0, width, height), QRect(image.width() - width, 0, width, height))
    return tuple(_coloured(image.copy(half)) for half in halves)


def _coloured(image) -> int:
    image = image.convertToFormat(image.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    pixels = lines[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)
    return int((np.minimum(pixels[..., 0], pixels[..., 2]) - pixels[..., 1] > 60).sum())


def test_the_key_paints_what_is_in_focus_and_takes_it_away(qtbot, window):
    """Where the photo is sharp and nowhere else, at fit and at 100 %."""
    press(qtbot, window, "E")
    wait_for_masks(qtbot, window)
    assert painted(window.loupe.pane) == (0, 0)
    press(qtbot, window, "K")
    assert "Focus peaking on" in window.parts.status.message
    wait_for_masks(qtbot, window)
    left, right = painted(window.loupe.pane)
    assert left > 500
    assert right < 0.03 * left
    press(qtbot, window, "Z")
    wait_for_masks(qtbot, window)
    assert sum(painted(window.loupe.pane)) > 500
    press(qtbot, window, "Z")
    press(qtbot, window, "K")
    assert "Focus peaking off" in window.parts.status.message
    assert painted(window.loupe.pane) == (0, 0)
    assert window.loupe.pane.focus_note() == ""


def test_it_stays_on_from_photo_to_photo_and_says_what_it_shows(qtbot, window):
    """A photo that is soft everywhere has no paint, and it is said that this is the reason."""
    pane = window.loupe.pane
    press(qtbot, window, "E")
    press(qtbot, window, "K")
    wait_for_masks(qtbot, window)
    assert pane.focus_note() == "painted: sharp at 100 %"
    assert pane.focus_note() in window.loupe.strip._place
    assert pane.accessibleDescription() == pane.focus_note()
    press(qtbot, window, "Right")
    wait_for_masks(qtbot, window)
    left, right = painted(pane)
    assert right > 500
    assert left < 0.03 * right
    press(qtbot, window, "Right")
    wait_for_masks(qtbot, window)
    assert sum(painted(pane)) == 0
    assert pane.focus_note() == "nothing sharp at 100 %"
    assert pane.focus_note() in window.loupe.strip._place
    press(qtbot, window, "Right")
    wait_for_masks(qtbot, window)
    assert "focus not measured" in pane.focus_note()


def test_it_is_seen_in_every_pane_beside_each_other(qtbot, window):
    """Compare is where it matters; panes that come later have it too."""
    select(window, 0, 1)
    press(qtbot, window, "C")
    press(qtbot, window, "K")
    wait_for_masks(qtbot, window)
    first, second = (painted(pane) for pane in window.compare.panes)
    assert first[0] > 1000 > 10 * first[1]
    assert second[1] > 1000 > 10 * second[0]
    press(qtbot, window, "G")
    select(window, 0, 2)
    press(qtbot, window, "N")
    wait_for_masks(qtbot, window)
    assert [sum(painted(pane)) > 500 for pane in window.survey.panes] == [True, True, False]
    assert window.survey.panes[2].focus_note() == "nothing sharp at 100 %"


def test_switched_on_in_the_grid_it_is_there_in_the_loupe(qtbot, window):
    """The key works everywhere, as the one of the information does."""
    press(qtbot, window, "K")
    assert "seen in the loupe" in window.parts.status.message
    press(qtbot, window, "E")
    wait_for_masks(qtbot, window)
    assert painted(window.loupe.pane)[0] > 500


def test_the_window_goes_on_while_focus_is_measured(qtbot, window):
    """The photo can be left; what comes late for it is painted on no other."""
    press(qtbot, window, "E")
    wait_for_masks(qtbot, window)
    window.pool.is_open.clear()
    press(qtbot, window, "K")
    assert window.loupe.pane.focus_note() == "measuring focus …"
    press(qtbot, window, "Right")
    assert window.loupe.pane.record.name == "b-right.jpg"
    assert painted(window.loupe.pane) == (0, 0)
    window.pool.is_open.set()
    wait_for_masks(qtbot, window)
    left, right = painted(window.loupe.pane)
    assert right > 500
    assert left < 0.03 * right


def test_a_photo_that_was_edited_is_measured_anew(qtbot, window):
    """F5 after another program sharpened it."""
    press(qtbot, window, "E")
    press(qtbot, window, "K")
    wait_for_masks(qtbot, window)
    write_half_sharp(window.loupe.pane.record.path, left=False, right=True)
    with qtbot.waitSignal(window.loaders.focus.forgotten, timeout=20000):
        press(qtbot, window, "F5")
    wait_for_masks(qtbot, window)
    left, right = painted(window.loupe.pane)
    assert right > 500
    assert left < 0.03 * right


def test_masks_are_kept_within_the_memory_of_the_settings(qtbot, window):
    """They are counted in bytes, and the longest unused goes first."""
    masks = window.loaders.focus
    assert masks.budget > 0
    total = masks.budget + window.loaders.photos.budget + window.loaders.thumbnails.budget
    assert total <= window.keeper.settings.memory_mb << 20
    masks.set_budget(2 * (WIDTH // CELL) * (HEIGHT // CELL))
    press(qtbot, window, "E")
    press(qtbot, window, "K")
    for _ in range(3):
        wait_for_masks(qtbot, window)
        assert 0 < masks.bytes_held <= masks.budget
        press(qtbot, window, "Right")


def test_another_key_can_be_given(qtbot, window):
    """As every action's."""
    window.keeper.change_settings(replace(window.keeper.settings, keys={"peaking": ("H",)}))
    press(qtbot, window, "K")
    assert not window.keys["peaking"].isChecked()
    press(qtbot, window, "H")
    assert window.keys["peaking"].isChecked()


def test_closing_while_focus_is_measured_waits_for_nothing(qtbot, window):
    """What is on its way is dropped."""
    press(qtbot, window, "E")
    window.pool.is_open.clear()
    press(qtbot, window, "K")
    threading.Timer(0.05, window.pool.is_open.set).start()
    window.close()
    assert window.loaders.focus.bytes_held == 0


def test_a_mask_for_a_small_picture_keeps_thin_edges():
    """A line one cell wide is as strong as before."""
    paint = np.zeros((40, 60), np.uint8)
    paint[:, 31] = 255
    mask = shrunk(to_mask(paint), 4)
    small = strengths(mask)
    assert small.shape == (10, 15)
    assert (small[:, 31 // 4] == 255).all()
    assert small.sum() == 10 * 255


def test_the_paint_stands_out_on_black_and_on_white():
    """Photos have both."""
    assert contrast(PEAKING, "#000000") >= 3
    assert contrast(PEAKING, "#ffffff") >= 3
