"""RAW+JPEG pairs: what goes is chosen in the list, and the list shown is what happens."""

import threading

import gui_fakes
import pytest
from conftest import open_and_score
from conftest_helpers import WAIT_MS, assert_on_screen, confirm, press, select, settle, undo
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from qpt_app.decisions.decision import UNDECIDED, Flag
from qpt_app.decisions.pair_choice import PairChoice
from qpt_app.gui.gui_settings import load_gui_settings, load_session

CONTROL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
RAW, JPEG, BOTH = PairChoice.RAW, PairChoice.JPEG, PairChoice.BOTH
RAW_FILES, JPEG_FILES = {"p02.cr2", "p02.cr2.xmp"}, {"p02.jpg", "p02.jpg.xmp"}
SIDECAR = "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


@pytest.fixture
def shoot(shoot):
    """Photos 2 and 7 are pairs, the first with sidecars of every kind."""
    for name in ("p02", "p07"):
        (shoot / f"{name}.cr2").write_bytes(b"II*\0\x10\0\0\0CR\x02\0 raw of " + name.encode())
    for name in ("p02.xmp", "p02.cr2.xmp", "p02.jpg.xmp"):
        (shoot / name).write_text(SIDECAR)
    return shoot


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def names(folder, start="p02"):
    return {path.name for path in folder.iterdir() if path.name.startswith(start)}


def open_list(qtbot, window, key="Delete", modifiers=Qt.KeyboardModifier.NoModifier):
    """Ask for a list and return its dialog."""
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    window.views.focus_photos()
    press(qtbot, window, key, modifiers)
    qtbot.waitUntil(lambda: window.files.dialog is not None, timeout=WAIT_MS)
    return window.files.dialog


def choose(qtbot, dialog, choice):
    """Click a choice and wait for its list."""
    button = dialog.pairs.buttons[choice]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=button.rect().center())
    qtbot.waitUntil(lambda: dialog.plan.choice is choice, timeout=WAIT_MS)


def listed(dialog):
    return {file.source.name for file in dialog.plan.files}


def texts(dialog):
    return [label.text() for label in dialog.findChildren(QLabel)]


def reject(qtbot, window, *rows):
    for row in rows:
        window.photo_cursor.go_to_row(row)
        press(qtbot, window, "X")
    settle(qtbot, window)


@pytest.fixture
def held(opened):
    """Decisions and lists wait until `held.set()`."""
    gate = threading.Event()
    yield lambda: opened.desk._do(lambda _: gate.wait(20)), gate
    gate.set()


def test_a_list_without_pairs_offers_no_choice(qtbot, opened):
    """There is nothing to choose."""
    opened.photo_cursor.go_to_row(3)
    dialog = open_list(qtbot, opened)
    assert dialog.pairs is None
    dialog.reject()


@pytest.mark.parametrize("is_meant", [True, False])
def test_return_confirms_on_the_button_alone(qtbot, opened, shoot, is_meant):
    """Tab leads to the buttons, an arrow from one to the other; Return is no yes anywhere else."""
    opened.photo_cursor.go_to_row(2)
    dialog = open_list(qtbot, opened)
    for _ in range(8):
        if dialog.focusWidget() is dialog.cancel:
            break
        press(qtbot, dialog, "Tab")
    press(qtbot, dialog, "Left" if is_meant else "Tab")
    wanted = dialog.confirm if is_meant else dialog.pairs.buttons[BOTH]
    assert dialog.focusWidget() is wanted
    press(qtbot, dialog, "Return")
    if not is_meant:
        dialog.reject()
    qtbot.waitUntil(lambda: opened.files.dialog is None, timeout=WAIT_MS)
    settle(qtbot, opened)
    # what belongs to neither half goes with the whole pair
    assert names(shoot) == (set() if is_meant else {*RAW_FILES, *JPEG_FILES, "p02.xmp"})


def test_the_choice_is_made_by_keys_and_the_list_follows(qtbot, opened, shoot, trash):
    """Tab leads to it, arrows change it; title, note, counts and button say what goes."""
    select(opened, 2, 4)
    dialog = open_list(qtbot, opened)
    assert dialog.plan.choice is BOTH
    assert "Move 3 photos to the trash?" in texts(dialog)
    assert "1 RAW+JPEG pair:" in texts(dialog)
    assert dialog.pairs.note.text() == "Both files of a pair go together."
    for _ in range(8):
        if dialog.focusWidget() is dialog.pairs.buttons[BOTH]:
            break
        press(qtbot, dialog, "Tab")
    press(qtbot, dialog, "Right")
    assert dialog.pairs.choice is RAW
    qtbot.waitUntil(lambda: dialog.plan.choice is RAW, timeout=WAIT_MS)
    assert "Move the RAW of 1 pair and 2 single photos to the trash?" in texts(dialog)
    assert dialog.pairs.note.text() == (
        "The JPEG of each pair stays as a photo with the same stars, flag and label. "
        "Photos that are no pairs go whole, whatever their format."
    )
    assert listed(dialog) == {*RAW_FILES, "p03.jpg", "p04.jpg"}
    assert dialog.table.model().rowCount() == 4
    assert any(text.startswith("4 files: 1 CR2,  2 JPG,  1 XMP  (") for text in texts(dialog))
    assert dialog.confirm.text() == dialog.confirm.accessibleName() == "Move 4 files"
    press(qtbot, dialog, "Right")
    qtbot.waitUntil(lambda: dialog.plan.choice is JPEG, timeout=WAIT_MS)
    assert "Move the JPEG of 1 pair and 2 single photos to the trash?" in texts(dialog)
    assert listed(dialog) == {*JPEG_FILES, "p03.jpg", "p04.jpg"}
    press(qtbot, dialog, "Left")
    qtbot.waitUntil(lambda: dialog.plan.choice is RAW, timeout=WAIT_MS)
    confirm(qtbot, opened)
    assert names(shoot) == {*JPEG_FILES, "p02.xmp"}
    assert len(list(trash.folder.iterdir())) == 4
    assert opened.parts.status.message == (
        "Done: move 3 photos (of pairs only the RAW) to the trash (4 files). Ctrl+Z takes it back."
    )


def test_every_choice_has_an_accessible_name(qtbot, opened):
    """And says which photos it is about."""
    select(opened, 2, 7)
    dialog = open_list(qtbot, opened)
    found = [
        (button.accessibleName(), button.accessibleDescription())
        for button in dialog.pairs.buttons.values()
    ]
    about = "2 RAW+JPEG pairs"
    assert found == [("RAW and JPEG", about), ("Only RAW", about), ("Only JPEG", about)]
    dialog.reject()


@pytest.mark.parametrize(
    ("rows", "rendered"), [((2, 2), "TIFF"), ((2, 3), "PNG/TIFF"), ((2, 7), "JPEG/PNG/TIFF")]
)
def test_what_is_beside_the_raw_is_called_by_its_name(qtbot, make_window, shoot, rows, rendered):
    """Who has no JPEG is not asked about one: in the choice, the title, the notes, afterwards."""
    for name, suffix in (("p02", ".tif"), ("p03", ".png")):
        Image.open(shoot / f"{name}.jpg").save(shoot / f"{name}{suffix}")
        (shoot / f"{name}.jpg").unlink()
        (shoot / f"{name}.cr2").write_bytes((shoot / "p07.cr2").read_bytes() + name.encode())
    window = make_window()
    open_and_score(qtbot, window, shoot)
    select(window, *rows)
    dialog = open_list(qtbot, window)
    assert [button.text() for button in dialog.pairs.buttons.values()] == [
        f"RAW and {rendered}", "Only RAW", f"Only {rendered}",
    ]  # fmt: skip
    assert any(
        f"1 RAW+{rendered} pair:" == text or f" RAW+{rendered} pairs:" in text
        for text in texts(dialog)
    )
    choose(qtbot, dialog, RAW)
    assert dialog.pairs.note.text().startswith(f"The {rendered} of each pair stays as a photo")
    choose(qtbot, dialog, JPEG)
    assert dialog.pairs.note.text().startswith("The RAW of each pair stays as a photo")
    assert any(text.startswith(f"Move the {rendered} of ") for text in texts(dialog))
    confirm(qtbot, window)
    assert f"(of pairs only the {rendered}) to the trash" in window.parts.status.message


def test_no_yes_counts_while_another_list_is_awaited(qtbot, opened, shoot, held):
    """Neither click nor key executes the list of the choice before."""
    hold, gate = held
    before = files(shoot)
    opened.photo_cursor.go_to_row(2)
    dialog = open_list(qtbot, opened)
    old = dialog.plan
    hold()
    qtbot.mouseClick(dialog.pairs.buttons[JPEG], Qt.MouseButton.LeftButton)
    assert "Listing the files …" in texts(dialog)
    assert not dialog.confirm.isEnabled()
    qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
    dialog.confirm.setFocus()
    press(qtbot, dialog, "Space")
    dialog._start()
    assert dialog.plan is old
    assert not dialog.is_running
    gate.set()
    qtbot.waitUntil(lambda: dialog.plan.choice is JPEG, timeout=WAIT_MS)
    settle(qtbot, opened)
    assert files(shoot) == before
    assert dialog.confirm.isEnabled()
    assert {file.source.name for file in confirm(qtbot, opened).files} == JPEG_FILES
    assert names(shoot) == {*RAW_FILES, "p02.xmp"}


def test_of_several_choices_in_a_row_the_last_one_is_listed(qtbot, opened, held):
    """Lists that come in between are out of date and not shown."""
    hold, gate = held
    opened.photo_cursor.go_to_row(2)
    dialog = open_list(qtbot, opened)
    shown = []
    dialog.table.model().modelReset.connect(lambda: shown.append(dialog.plan.choice))
    hold()
    for choice in (RAW, JPEG, BOTH, JPEG):
        qtbot.mouseClick(dialog.pairs.buttons[choice], Qt.MouseButton.LeftButton)
    gate.set()
    qtbot.waitUntil(dialog.confirm.isEnabled, timeout=WAIT_MS)
    settle(qtbot, opened)
    assert shown == [JPEG]
    assert listed(dialog) == JPEG_FILES
    dialog.reject()


def test_a_list_that_comes_after_the_dialog_was_closed_opens_nothing(qtbot, opened, held):
    """The next list that is asked for is that of the photos meant then."""
    hold, gate = held
    opened.photo_cursor.go_to_row(2)
    dialog = open_list(qtbot, opened)
    hold()
    qtbot.mouseClick(dialog.pairs.buttons[RAW], Qt.MouseButton.LeftButton)
    press(qtbot, dialog, "Esc")
    assert opened.files.dialog is None
    qtbot.waitUntil(opened.isActiveWindow, timeout=WAIT_MS)
    opened.photo_cursor.go_to_row(7)
    opened.views.focus_photos()
    press(qtbot, opened, "Delete")
    gate.set()
    qtbot.waitUntil(lambda: opened.files.dialog is not None, timeout=WAIT_MS)
    settle(qtbot, opened)
    assert listed(opened.files.dialog) == {"p07.jpg", "p07.cr2"}
    opened.files.dialog.reject()


def test_a_choice_that_cannot_be_listed_leaves_the_list_and_its_choice(qtbot, opened, shoot):
    """The line below says why; what is on screen still holds."""
    reject(qtbot, opened, 2)
    dialog = open_list(qtbot, opened, "M", CONTROL_SHIFT)
    (shoot / "_rejected").symlink_to(shoot.parent)
    with qtbot.waitSignal(opened.desk.failed, timeout=WAIT_MS):
        qtbot.mouseClick(dialog.pairs.buttons[RAW], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.confirm.isEnabled, timeout=WAIT_MS)
    assert "is a link" in opened.parts.status.message
    assert dialog.pairs.choice is dialog.plan.choice is BOTH
    assert dialog.pairs.buttons[BOTH].isChecked()
    dialog.reject()


def test_rejects_are_moved_by_halves_and_the_sidecar_of_both_is_copied(qtbot, opened, shoot):
    """The list marks the copy and does not count it."""
    before = files(shoot)
    reject(qtbot, opened, 2, 7, 8)
    dialog = open_list(qtbot, opened, "M", CONTROL_SHIFT)
    choose(qtbot, dialog, RAW)
    assert "Move the RAW of 2 pairs and 1 single photo to “_rejected”?" in texts(dialog)
    assert any(
        text.startswith("4 files: 2 CR2,  1 JPG,  1 XMP  (")
        and text.endswith("\n1 sidecar of both RAW and JPEG stays; a copy goes along.")
        for text in texts(dialog)
    )
    model = dialog.table.model()
    goals = [model.index(row, 2).data() for row in range(model.rowCount())]
    assert "shoot/_rejected/p02.xmp (a copy)" in goals
    confirm(qtbot, opened)
    assert opened.parts.status.message.startswith(
        "Done: move 3 photos (of pairs only the RAW) to _rejected (4 files)."
    )
    assert names(shoot / "_rejected", "p") == {*RAW_FILES, "p02.xmp", "p07.cr2", "p08.jpg"}
    assert names(shoot) == {*JPEG_FILES, "p02.xmp"}
    qtbot.waitUntil(lambda: len(opened.model.records) == 11, timeout=WAIT_MS)
    left = opened.model.record(shoot / "p02.jpg")
    qtbot.waitUntil(lambda: left.file.companion is None, timeout=WAIT_MS)
    assert left.decision.is_rejected
    dialog = open_list(qtbot, opened, "M", CONTROL_SHIFT)
    assert dialog.pairs is None  # what is left are no pairs
    dialog.reject()
    qtbot.waitUntil(opened.isActiveWindow, timeout=WAIT_MS)
    opened.views.focus_photos()
    undo(qtbot, opened)
    assert files(shoot) == before
    qtbot.waitUntil(lambda: left.file.companion == shoot / "p02.cr2", timeout=WAIT_MS)


@pytest.mark.parametrize("first", [RAW, JPEG])
def test_halves_moved_one_after_the_other_are_a_pair_again(qtbot, opened, shoot, first):
    """The list says that the common sidecar is there already; each undo takes one half back."""
    before, second = files(shoot), JPEG_FILES if first is RAW else RAW_FILES
    reject(qtbot, opened, 2)
    dialog = open_list(qtbot, opened, "M", CONTROL_SHIFT)
    choose(qtbot, dialog, first)
    confirm(qtbot, opened)
    settle(qtbot, opened)
    half_way = files(shoot)
    qtbot.waitUntil(opened.isActiveWindow, timeout=WAIT_MS)
    dialog = open_list(qtbot, opened, "M", CONTROL_SHIFT)
    assert dialog.pairs is None
    model = dialog.table.model()
    rows = {model.index(row, 0).data(): row for row in range(model.rowCount())}
    assert rows.keys() == {*second, "p02.xmp"}
    goal = model.index(rows["p02.xmp"], 2).data()
    assert goal == "shoot/_rejected/p02.xmp (is there already)"
    assert any(
        text.endswith("\n1 sidecar is there already, just the same: it is not written again.")
        for text in texts(dialog)
    )
    assert dialog.confirm.text() == "Move 3 files"
    confirm(qtbot, opened)
    assert opened.parts.status.message.startswith("Done: move 1 photo to _rejected (3 files).")
    assert names(shoot / "_rejected") == {*RAW_FILES, *JPEG_FILES, "p02.xmp"}
    assert names(shoot) == set()
    opened.views.focus_photos()
    undo(qtbot, opened)
    assert files(shoot) == half_way
    undo(qtbot, opened)
    assert files(shoot) == before


def test_picks_are_copied_by_halves(qtbot, opened, shoot, tmp_path):
    """The pair stays a pair."""
    before, target = files(shoot), tmp_path / "picks"
    target.mkdir()
    opened.files._ask_folder = lambda parent, title: target
    opened.photo_cursor.go_to_row(7)
    press(qtbot, opened, "P")
    settle(qtbot, opened)
    opened.keys["copy_picks"].trigger()
    qtbot.waitUntil(lambda: opened.files.dialog is not None, timeout=WAIT_MS)
    choose(qtbot, opened.files.dialog, JPEG)
    assert "Copy the JPEG of 1 pair?" in texts(opened.files.dialog)
    assert opened.files.dialog.pairs.note.text() == "The RAW of each pair is not copied."
    confirm(qtbot, opened)
    assert {path.name for path in target.iterdir()} == {"p07.jpg"}
    assert files(shoot) == before


def test_the_jpeg_that_stays_is_scored_anew_and_keeps_its_place(qtbot, opened, shoot):
    """Framed, with its marks; undo makes it a pair again."""
    opened.photo_cursor.go_to_row(2)
    press(qtbot, opened, "4")
    settle(qtbot, opened)
    record = opened.photo_cursor.record
    score = record.score
    dialog = open_list(qtbot, opened)
    choose(qtbot, dialog, RAW)
    confirm(qtbot, opened)
    qtbot.waitUntil(lambda: record.file.companion is None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: record.score == score, timeout=WAIT_MS)
    assert opened.photo_cursor.record is record
    assert (record.name, record.stars, len(opened.model.records)) == ("p02.jpg", 4, 12)
    opened.views.focus_photos()
    undo(qtbot, opened)
    qtbot.waitUntil(lambda: record.file.companion == shoot / "p02.cr2", timeout=WAIT_MS)
    assert (record.stars, len(opened.model.records)) == (4, 12)


@pytest.mark.parametrize("view", ["G", "E", "C"])
def test_the_raw_that_stays_goes_on_as_the_same_photo(qtbot, opened, shoot, view):
    """In every view it stays framed, with its marks; so does the pair that undo brings back."""
    select(opened, 2, 4)
    press(qtbot, opened, view)
    press(qtbot, opened, "4")
    settle(qtbot, opened)
    record = opened.photo_cursor.record
    shown = opened.compare.records
    if view == "G":
        opened.photo_cursor.go_to_row(2)
    dialog = open_list(qtbot, opened)
    choose(qtbot, dialog, JPEG)
    confirm(qtbot, opened)
    qtbot.waitUntil(lambda: record.path == shoot / "p02.cr2", timeout=WAIT_MS)
    settle(qtbot, opened)
    assert names(shoot) == {*RAW_FILES, "p02.xmp"}
    assert opened.model.record(shoot / "p02.jpg") is None
    assert opened.model.record(shoot / "p02.cr2") is record
    assert (record.stars, record.file.companion, len(opened.model.records)) == (4, None, 12)
    assert opened.photo_cursor.record is record
    assert opened.compare.records == shown
    assert_on_screen(opened)
    qtbot.waitUntil(lambda: record.result is not None, timeout=WAIT_MS)
    qtbot.waitUntil(opened.isActiveWindow, timeout=WAIT_MS)
    opened.views.focus_photos()
    undo(qtbot, opened)
    qtbot.waitUntil(lambda: record.path == shoot / "p02.jpg", timeout=WAIT_MS)
    assert record.file.companion == shoot / "p02.cr2"
    assert (record.stars, len(opened.model.records)) == (4, 12)
    assert opened.photo_cursor.record is record
    assert_on_screen(opened)
    qtbot.waitUntil(lambda: record.score is not None, timeout=WAIT_MS)


def test_a_new_jpeg_beside_a_raw_and_a_third_file_are_told_apart(qtbot, opened, shoot):
    """Only where the other half is gone does a photo go on as another file."""
    gui_fakes.write_photo(shoot / "p02.png.jpg", seed=1, brightness=90)
    record = opened.model.record(shoot / "p02.jpg")
    (shoot / "p02.dng").write_bytes((shoot / "p02.cr2").read_bytes())
    press(qtbot, opened, "F5")
    qtbot.waitUntil(lambda: len(opened.model.records) == 15, timeout=WAIT_MS)
    settle(qtbot, opened)
    assert opened.model.record(shoot / "p02.jpg") is record
    assert record.file.companion is None
    found = {one.name for one in opened.model.records if one.name.startswith("p02")}
    assert found == {"p02.jpg", "p02.cr2", "p02.dng", "p02.png.jpg"}


@pytest.fixture
def raw_rated(qtbot, make_window, shoot):
    """A window in which the RAW of p02 was given five stars before its JPEG came to lie beside."""
    jpeg, aside = shoot / "p02.jpg", shoot.parent / "aside.jpg"
    jpeg.rename(aside)
    window = make_window()
    open_and_score(qtbot, window, shoot)
    window.photo_cursor.go_to(window.model.record(shoot / "p02.cr2"))
    press(qtbot, window, "5")
    settle(qtbot, window)
    aside.rename(jpeg)
    press(qtbot, window, "F5")
    qtbot.waitUntil(lambda: window.model.record(jpeg) is not None, timeout=WAIT_MS)
    settle(qtbot, window)
    return window


def decided(window, path):
    return window.desk._session.result().decisions_for([path])[path]


def test_a_raw_keeps_its_rating_when_a_jpeg_comes_to_lie_beside_it(
    qtbot, raw_rated, make_window, shoot
):
    """As when it is exported: the pair shows what the RAW has, here and at the next start."""
    assert raw_rated.model.record(shoot / "p02.jpg").stars == 5
    raw_rated.close()
    again = make_window()
    with qtbot.waitSignal(again.library.loaded, timeout=WAIT_MS):
        again.open_folder(shoot)
    assert again.model.record(shoot / "p02.jpg").stars == 5
    assert again.model.record(shoot / "p02.jpg").file.companion == shoot / "p02.cr2"


def test_what_is_decided_about_the_pair_adds_to_what_its_raw_had(qtbot, raw_rated, shoot):
    """Both halves have all that is seen from then on; undo and redo show it too."""
    window, record = raw_rated, raw_rated.model.record(shoot / "p02.jpg")
    window.photo_cursor.go_to(record)
    press(qtbot, window, "X")
    settle(qtbot, window)
    for path in (shoot / "p02.jpg", shoot / "p02.cr2"):
        assert (decided(window, path).stars, decided(window, path).flag) == (5, Flag.REJECT)
    assert (record.stars, record.decision.flag) == (5, Flag.REJECT)
    undo(qtbot, window)
    assert decided(window, shoot / "p02.jpg") == UNDECIDED
    assert (record.stars, record.decision.flag) == (5, Flag.NONE)
    undo(qtbot, window)  # the stars that the RAW was given when it was alone
    assert record.decision == UNDECIDED
    press(qtbot, window, "Z", CONTROL_SHIFT)
    qtbot.waitUntil(lambda: record.stars == 5, timeout=WAIT_MS)
    press(qtbot, window, "Z", CONTROL_SHIFT)
    qtbot.waitUntil(lambda: record.decision.flag is Flag.REJECT, timeout=WAIT_MS)
    assert record.stars == 5


def test_no_stars_given_to_the_pair_stay_no_stars(qtbot, raw_rated, shoot):
    """The RAW's do not come back at the next reading."""
    window, record = raw_rated, raw_rated.model.record(shoot / "p02.jpg")
    window.photo_cursor.go_to(record)
    press(qtbot, window, "0")
    settle(qtbot, window)
    assert decided(window, shoot / "p02.cr2").stars == 0
    press(qtbot, window, "F5")
    settle(qtbot, window)
    assert record.decision.stars == 0
    undo(qtbot, window)
    assert record.stars == 5


def test_of_three_files_of_a_name_each_shows_its_own_decision(qtbot, raw_rated, shoot):
    """They are no pair, so none stands for another."""
    (shoot / "p02.dng").write_bytes((shoot / "p02.cr2").read_bytes() + b"another")
    press(qtbot, raw_rated, "F5")
    qtbot.waitUntil(lambda: len(raw_rated.model.records) == 14, timeout=WAIT_MS)
    settle(qtbot, raw_rated)
    stars = {name: raw_rated.model.record(shoot / name).stars for name in ("p02.jpg", "p02.cr2")}
    assert stars == {"p02.jpg": 0, "p02.cr2": 5}
    assert raw_rated.model.record(shoot / "p02.dng").decision == UNDECIDED


@pytest.fixture
def held_reading(opened):
    """The next reading knows what was decided so far, and then waits for `gate.set()`."""
    gate, is_held, real = threading.Event(), threading.Event(), opened.desk.decisions_below

    def late(folder):
        found = real(folder)
        is_held.set()
        gate.wait(20)
        return found

    opened.desk.decisions_below = late
    yield gate, is_held
    gate.set()


@pytest.mark.parametrize("choice", [RAW, JPEG])
def test_a_rating_made_while_the_folder_is_read_anew_is_shown(
    qtbot, opened, shoot, held_reading, choice
):
    """After one half went: the reading knows the older rating, and the pair still."""
    gate, is_held = held_reading
    opened.photo_cursor.go_to_row(2)
    press(qtbot, opened, "4")
    settle(qtbot, opened)
    record, old = opened.photo_cursor.record, opened.photo_cursor.record.file
    dialog = open_list(qtbot, opened)
    choose(qtbot, dialog, choice)
    with qtbot.waitSignal(opened.desk.executed, timeout=WAIT_MS):
        qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: is_held.is_set() and opened.files.dialog is None, timeout=WAIT_MS)
    qtbot.waitUntil(opened.isActiveWindow, timeout=WAIT_MS)
    opened.views.focus_photos()
    press(qtbot, opened, "2")
    with qtbot.waitSignal(opened.desk.kept, timeout=WAIT_MS):
        press(qtbot, opened, "P")
    assert record.file is old
    gate.set()
    settle(qtbot, opened)
    left = shoot / ("p02.jpg" if choice is RAW else "p02.cr2")
    assert (record.path, record.file.companion) == (left, None)
    assert (record.stars, record.decision.flag) == (2, Flag.PICK)
    undo(qtbot, opened)
    assert (record.stars, record.decision.flag) == (2, Flag.NONE)


def test_a_rating_taken_back_while_the_folder_is_read_is_not_shown(
    qtbot, opened, shoot, held_reading
):
    """The photo is not on screen yet when undo says that it has no stars."""
    gate, is_held = held_reading
    opened.photo_cursor.go_to_row(3)
    press(qtbot, opened, "4")
    settle(qtbot, opened)
    opened.open_folder(shoot)
    qtbot.waitUntil(is_held.is_set, timeout=WAIT_MS)
    with qtbot.waitSignal(opened.desk.stepped, timeout=WAIT_MS):
        press(qtbot, opened, "Z", Qt.KeyboardModifier.ControlModifier)
    gate.set()
    settle(qtbot, opened)
    assert opened.model.record(shoot / "p03.jpg").decision == UNDECIDED


def test_what_was_decided_about_the_raw_alone_is_shown_for_the_pair(qtbot, make_window, shoot):
    """As when another program rated the RAW; the JPEG alone has it too, undo makes it a pair."""
    (shoot / "p02.cr2.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    window = make_window()
    open_and_score(qtbot, window, shoot)
    record = window.model.record(shoot / "p02.jpg")
    assert record.stars == 5
    window.photo_cursor.go_to(record)
    dialog = open_list(qtbot, window)
    choose(qtbot, dialog, RAW)
    confirm(qtbot, window)
    qtbot.waitUntil(lambda: record.file.companion is None, timeout=WAIT_MS)
    settle(qtbot, window)
    assert record.stars == decided(window, record.path).stars == 5
    window.views.focus_photos()
    undo(qtbot, window)
    qtbot.waitUntil(lambda: record.file.companion is not None, timeout=WAIT_MS)
    settle(qtbot, window)
    assert (record.stars, decided(window, record.path)) == (5, UNDECIDED)
    undo(qtbot, window)  # what was read from XMP
    assert record.decision == UNDECIDED


def test_a_half_comes_back_after_a_restart(qtbot, make_window, opened, shoot, paths):
    """The pair with its decision, framed."""
    before = files(shoot)
    reject(qtbot, opened, 2)
    dialog = open_list(qtbot, opened)
    choose(qtbot, dialog, JPEG)
    confirm(qtbot, opened)
    qtbot.waitUntil(lambda: opened.model.record(shoot / "p02.cr2") is not None, timeout=WAIT_MS)
    settle(qtbot, opened)
    opened.close()
    session = load_session(paths.session)
    assert session.current[str(shoot)] == str(shoot / "p02.cr2")
    again = make_window(load_gui_settings(paths.settings), session)
    open_and_score(qtbot, again, shoot)
    assert again.photo_cursor.record.path == shoot / "p02.cr2"
    assert again.photo_cursor.record.decision.flag is Flag.REJECT
    undo(qtbot, again)
    assert files(shoot) == before
    qtbot.waitUntil(lambda: again.model.record(shoot / "p02.jpg") is not None, timeout=WAIT_MS)
    assert again.photo_cursor.record is again.model.record(shoot / "p02.jpg")
    assert again.photo_cursor.record.decision.flag is Flag.REJECT
    QTest.keyClick(again.parts.grid, Qt.Key.Key_Z, CONTROL_SHIFT)
    qtbot.waitUntil(lambda: names(shoot) == {*RAW_FILES, "p02.xmp"}, timeout=WAIT_MS)
    settle(qtbot, again)


def test_what_was_looked_up_before_a_rating_does_not_hide_it(qtbot, opened):
    """The older answer comes while the rating is on its way to the disk."""
    record = opened.photo_cursor.record
    shown: list[int] = []
    opened.model.dataChanged.connect(lambda *_: shown.append(record.stars))
    gate = threading.Event()

    def pairs():
        gate.wait(20)
        return [(record.path, None)]

    opened.desk.look_up(pairs)
    press(qtbot, opened, "3")
    gate.set()
    settle(qtbot, opened)
    assert set(shown) == {3}
