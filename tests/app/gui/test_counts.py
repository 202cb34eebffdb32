"""One of a thing is told as one, and keys are named as they are bound."""

import pytest
from conftest_helpers import press, settle
from PySide6.QtCore import QCoreApplication, Qt, QTranslator
from PySide6.QtWidgets import QLabel

from qpt_app.gui.counts import (
    and_more,
    files_text,
    pairs_text,
    photos_text,
    raw_pairs_text,
    single_photos_text,
    stars_text,
)
from qpt_app.gui.gui_settings import GuiSettings

WAIT_MS = 20000


class Polish(QTranslator):
    """Has three forms for a count, as a translator writes them."""

    def isEmpty(self):
        return False

    def translate(self, context, source, disambiguation=None, n=-1):
        if source != "%1 files":
            return None
        few = n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14)
        return "%1 pliki" if few else "%1 plików"


@pytest.mark.parametrize(
    ("count", "photos", "files", "stars"),
    [
        (0, "0 photos", "0 files", "no stars"),
        (1, "1 photo", "1 file", "1 star"),
        (2, "2 photos", "2 files", "2 stars"),
        (1200, "1,200 photos", "1,200 files", "1,200 stars"),
    ],
)
def test_counts_have_the_form_of_their_number(qapp, count, photos, files, stars):
    """English has two."""
    assert (photos_text(count), files_text(count), stars_text(count)) == (photos, files, stars)


def test_the_first_of_several_lines_says_how_many_there_are_besides(qapp):
    """Whatever stands in it."""
    assert and_more("a.jpg: kept", 0) == "a.jpg: kept"
    assert and_more("a%1.jpg: kept", 1200) == "a%1.jpg: kept (and 1,200 more)"


def test_languages_with_more_forms_get_to_know_the_number(qapp):
    """Polish says 3 pliki, but 5 plików."""
    polish = Polish()
    QCoreApplication.installTranslator(polish)
    try:
        assert (files_text(3), files_text(5)) == ("3 pliki", "5 plików")
    finally:
        QCoreApplication.removeTranslator(polish)


def test_one_photo_is_one_photo_in_the_list_and_after(qtbot, opened):
    """Title, counts, button and the line below; so is one star."""
    press(qtbot, opened, "1")
    assert opened.parts.status.message == "p00.jpg: 1 star"
    assert ", 1 star" in opened.model.describe(opened.photo_cursor.record)
    press(qtbot, opened, "Delete")
    qtbot.waitUntil(lambda: opened.files.dialog is not None, timeout=WAIT_MS)
    dialog = opened.files.dialog
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert "Move 1 photo to the trash?" in texts
    assert any(text.startswith("1 file: 1 JPG  (") for text in texts)
    assert dialog.confirm.text() == "Move 1 file"
    with qtbot.waitSignal(opened.desk.executed, timeout=WAIT_MS):
        dialog.confirm.click()
    settle(qtbot, opened)
    assert opened.parts.status.message == (
        "Done: move 1 photo to the trash (1 file). Ctrl+Z takes it back."
    )


def test_one_rated_photo_among_those_to_reject_is_told_as_one(qtbot, opened):
    """The question says whose work it would undo."""
    press(qtbot, opened, "3")
    opened.photo_cursor.go_to_row(0)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    press(qtbot, opened, "X", both)
    texts = [label.text() for label in opened.actions_.dialog.findChildren(QLabel)]
    assert any(text.endswith("\n1 of them was picked or rated by you.") for text in texts)
    opened.actions_.dialog.reject()
    settle(qtbot, opened)


@pytest.mark.parametrize(
    ("count", "rendered", "texts"),
    [
        (1, "JPEG", ("1 RAW+JPEG pair", "1 pair", "1 single photo")),
        (1200, "JPEG/HEIC", ("1,200 RAW+JPEG/HEIC pairs", "1,200 pairs", "1,200 single photos")),
    ],
)
def test_pairs_and_single_photos_have_the_form_of_their_number(qapp, count, rendered, texts):
    """In the list before a file operation."""
    counted = (raw_pairs_text(count, rendered), pairs_text(count), single_photos_text(count))
    assert counted == texts


@pytest.mark.parametrize(
    ("keys", "told"), [(("K", "Ctrl+Z"), " K takes it back."), ((), "(1 file).")]
)
def test_the_key_that_takes_it_back_is_the_one_that_is_bound(qtbot, opened, keys, told):
    """Another key is named, and none where there is none."""
    opened.keeper.change_settings(GuiSettings(xmp_profile="off", keys={"undo": keys}))
    press(qtbot, opened, "Delete")
    qtbot.waitUntil(lambda: opened.files.dialog is not None, timeout=WAIT_MS)
    with qtbot.waitSignal(opened.desk.executed, timeout=WAIT_MS):
        opened.files.dialog.confirm.click()
    settle(qtbot, opened)
    assert opened.parts.status.message.endswith(told)


def test_the_welcome_names_the_key_that_opens_a_folder(make_window):
    """At once when it is bound anew."""
    window = make_window()
    assert "or press Ctrl+O." in window.parts.state.accessibleName()
    window.keeper.change_settings(GuiSettings(keys={"open_folder": ("F9",)}))
    assert "or press F9." in window.parts.state.accessibleName()
    window.keeper.change_settings(GuiSettings(keys={"open_folder": ()}))
    assert "press" not in window.parts.state.accessibleName()
