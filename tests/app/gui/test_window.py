"""The window: states, closing, keys, accessibility, what is dropped and what is kept."""

import random
import threading
import time

import gui_fakes
import pytest
from conftest import open_and_score
from conftest_helpers import assert_on_screen, press, settle, stretch
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QSlider,
    QWidget,
)

from qpt_app.decisions import xmp_exchange
from qpt_app.decisions.decision import Flag, Label
from qpt_app.decisions.session import DecisionSession
from qpt_app.gui.action_table import ACTIONS
from qpt_app.gui.dialogs.question_dialog import QuestionDialog
from qpt_app.gui.dialogs.xmp_dialog import XmpDialog
from qpt_app.gui.gui_settings import GuiSettings, SessionState
from qpt_app.gui.key_bindings import conflicts
from qpt_app.gui.view_controller import View

FOREIGN_LABEL = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Label="Client"/></rdf:RDF></x:xmpmeta>"""

FOREIGN_RATING = FOREIGN_LABEL.replace('Label="Client"', 'Rating="2"')

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_states_before_during_and_after(qtbot, make_window, shoot, tmp_path):
    """Welcome, no photos, everything hidden, photos: each says what it is."""
    window = make_window()
    assert "Open a folder" in window.parts.state.title
    (tmp_path / "empty").mkdir()
    with qtbot.waitSignal(window.library.loaded, timeout=30000):
        window.open_folder(tmp_path / "empty")
    assert window.parts.state.title == "No photos in empty"
    with qtbot.waitSignal(window.library.loaded, timeout=30000):
        window.open_folder(shoot)
    assert not window.views.is_covered
    window.parts.bar.text.setText("nothing is called like this")
    assert window.views.is_covered
    assert "No photo matches" in window.parts.state.title
    window.keys["clear_filter"].trigger()
    assert window.model.rowCount() == 12


def test_a_folder_that_vanished_is_an_error_state(qtbot, make_window, tmp_path):
    """A reason and a way on, not an empty grid."""
    window = make_window()
    with qtbot.waitSignal(window.library.loaded, timeout=30000):
        window.open_folder(tmp_path / "gone")
    assert window.views.is_covered
    assert "cannot be read" in window.parts.state.title


def test_without_a_model_everything_else_works(qtbot, make_window, shoot):
    """Scoring says why it is not possible; photos can still be seen and rated."""
    window = make_window(fail="no model")
    with qtbot.waitSignal(window.library.loaded, timeout=30000):
        window.open_folder(shoot)
    qtbot.waitUntil(lambda: window.scoring.state.value == "failed", timeout=30000)
    assert "no model" in window.parts.status.message
    window.views.focus_photos()
    press(qtbot, window, "4")
    assert window.photo_cursor.record.stars == 4
    settle(qtbot, window)


@pytest.mark.parametrize("stage", ["at once", "scanning", "scoring", "done", "dialog"])
def test_closing_takes_less_than_two_seconds_at_every_stage(
    qtbot, make_window, shoot, tmp_path, stage
):
    """And leaves nothing behind (the fixture looks)."""
    gate = tmp_path / "gate"
    if stage == "scoring":
        gate.touch()
    window = make_window(gate=gate)
    if stage != "at once":
        window.open_folder(shoot)
    if stage not in ("at once", "scanning"):
        qtbot.waitUntil(lambda: window.model.rowCount() == 12, timeout=20000)
    if stage == "scoring":
        qtbot.waitUntil(lambda: window.scoring.state.value == "running", timeout=30000)
    if stage in ("done", "dialog"):
        qtbot.waitUntil(lambda: window.scoring.state.value == "done", timeout=30000)
    if stage == "dialog":
        window.views.focus_photos()
        press(qtbot, window, "Delete")
        qtbot.waitUntil(lambda: window.files.dialog is not None, timeout=20000)
    before = stretch()
    start = time.monotonic()
    window.close()
    seconds = time.monotonic() - start
    assert seconds < 2 * max(before, stretch())


def test_scoring_and_exif_wait_for_the_first_screen_of_pictures(qtbot, make_window, shoot):
    """All processors are there for what the user sees first."""
    window = make_window()
    window.pool.is_open.clear()
    window.open_folder(shoot)
    qtbot.waitUntil(lambda: not window.library.is_reading, timeout=20000)
    assert window.model.rowCount() == 12
    assert window.library.is_holding
    assert window.scoring.progress == (0, 0)
    with qtbot.waitSignal(window.library.settled, timeout=20000):
        window.pool.is_open.set()
    assert window.loaders.is_screen_full()
    assert window.scoring.progress[1] == 12


def test_pictures_that_do_not_come_hold_scoring_up_for_a_moment_only(qtbot, make_window, shoot):
    """A slow drive must not keep scores away."""
    window = make_window()
    window.pool.is_open.clear()
    window.open_folder(shoot)
    with qtbot.waitSignal(window.library.settled, timeout=20000):
        window.library._patience.setInterval(10)
    assert not window.loaders.is_screen_full()
    assert window.scoring.progress[1] == 12


def test_closing_does_not_wait_until_all_ratings_of_others_were_read(
    qtbot, make_window, shoot, monkeypatch
):
    """Reading every photo of a large folder stops when the window closes."""
    reading, closing = threading.Event(), threading.Event()
    portions = []

    def weigh(self, portion, known, names, embedded):
        portions.append(portion)
        reading.set()
        assert closing.wait(20)
        return []

    monkeypatch.setattr(xmp_exchange, "PORTION", 1)
    monkeypatch.setattr(xmp_exchange.XmpExchange, "_weigh", weigh)
    window = make_window()
    window.open_folder(shoot)
    qtbot.waitUntil(reading.is_set, timeout=20000)
    window.desk._stop.set()
    closing.set()
    window.close()
    assert len(portions) == 1


def test_scoring_pauses_resumes_stops_and_starts_again(qtbot, make_window, shoot, tmp_path):
    """Nothing is scored while paused; what was stopped is taken up where it was."""
    gate = tmp_path / "gate"
    gate.touch()
    window = make_window(gate=gate)
    window.open_folder(shoot)
    qtbot.waitUntil(lambda: window.scoring.state.value == "running", timeout=30000)
    window.keys["pause"].trigger()
    assert window.scoring.state.value == "paused"
    window.keys["pause"].trigger()
    window.keys["cancel_scoring"].trigger()
    assert window.scoring.state.value == "cancelled"
    gate.unlink()
    window.keys["pause"].trigger()
    qtbot.waitUntil(lambda: window.scoring.state.value == "done", timeout=30000)
    assert window.scoring.progress == (12, 12)


def test_results_of_the_folder_left_behind_are_dropped(qtbot, make_window, shoot, tmp_path):
    """Late scores do not show up among other photos."""
    gate = tmp_path / "gate"
    gate.touch()
    window = make_window(gate=gate)
    window.open_folder(shoot)
    qtbot.waitUntil(lambda: window.scoring.state.value == "running", timeout=30000)
    other = tmp_path / "other"
    gui_fakes.write_photo(other / "p00.jpg", seed=1, brightness=200)
    window.open_folder(other)
    gate.unlink()
    qtbot.waitUntil(lambda: window.scoring.state.value == "done", timeout=30000)
    assert [record.path.parent for record in window.model.records] == [other]
    assert window.model.records[0].score > 60
    assert window.scoring.progress == (1, 1)


def test_scores_of_the_window_are_those_of_the_cache(qtbot, opened, shoot, make_window):
    """A second window answers from the cache the first one filled, with equal scores."""
    before = {record.path: record.score for record in opened.model.records}
    opened.close()
    again = make_window()
    open_and_score(qtbot, again, shoot)
    assert {record.path: record.score for record in again.model.records} == before
    scored = [record.result for record in again.model.records if record.score is not None]
    assert all(result.cached for result in scored)


def test_a_dropped_folder_is_opened(qtbot, make_window, shoot):
    """Drag and drop, of a photo too: its folder opens."""
    window = make_window()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(shoot / "p03.jpg"))])
    event = QDropEvent(
        QPointF(10, 10), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    with qtbot.waitSignal(window.library.loaded, timeout=30000):
        window.dropEvent(event)
    assert window.library.folder == shoot


def dropped(*urls: str) -> QMimeData:
    """What is dragged, several things at once."""
    mime = QMimeData()
    mime.setUrls([QUrl(url) for url in urls])
    return mime


def test_of_what_is_dropped_the_first_that_lies_here_is_opened(qtbot, make_window, shoot):
    """A link from a browser comes first: it is passed by."""
    window = make_window()
    mime = dropped("https://example.org/a.jpg", "", QUrl.fromLocalFile(str(shoot)).toString())
    drag = QDragEnterEvent(
        QPoint(10, 10), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    drag.ignore()
    QCoreApplication.sendEvent(window, drag)
    assert drag.isAccepted()
    drop = QDropEvent(
        QPointF(10, 10), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    with qtbot.waitSignal(window.library.loaded, timeout=30000):
        QCoreApplication.sendEvent(window, drop)
    assert window.library.folder == shoot


def test_a_dropped_link_opens_nothing(qtbot, make_window):
    """Neither a page nor the folder that the program was started in."""
    window = make_window()
    mime = dropped("https://example.org/a.jpg", "file:")
    for event in (
        QDragEnterEvent(
            QPoint(10, 10), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        ),
        QDropEvent(
            QPointF(10, 10), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        ),
    ):  # fmt: skip
        event.ignore()
        QCoreApplication.sendEvent(window, event)
        assert not event.isAccepted()
    assert window.library.folder is None


@pytest.mark.parametrize("key", ["?", "A", "Esc", "Return", "Space", "Tab", "F5", "P"])
def test_any_key_closes_the_sheet_of_keys(qtbot, opened, key):
    """It says so itself; the key does nothing else, and Shift alone is none."""
    press(qtbot, opened, "?")
    sheet = opened.actions_.dialog
    qtbot.waitUntil(sheet.isActiveWindow, timeout=20000)
    assert any("Any key closes" in label.text() for label in sheet.findChildren(QLabel))
    press(qtbot, sheet, "Shift", SHIFT)
    assert sheet.isVisible()
    press(qtbot, sheet, key)
    assert opened.actions_.dialog is None
    assert not sheet.isVisible()
    assert opened.photo_cursor.row == 0
    assert opened.photo_cursor.record.decision.flag is Flag.NONE


def test_every_control_has_an_accessible_name(opened):
    """Buttons, fields, lists, sliders and the views themselves."""
    kinds = (QAbstractButton, QComboBox, QLineEdit, QSlider)
    nameless = [
        f"{type(widget).__name__} {widget.objectName()}"
        for widget in opened.findChildren(QWidget)
        if isinstance(widget, kinds)
        and not widget.objectName().startswith("qt_")
        and not (widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()))
    ]
    assert not nameless
    assert opened.parts.grid.accessibleName()
    assert "p00.jpg" in opened.model.describe(opened.model.records[0])


def test_every_visible_control_is_reached_by_tab(qtbot, opened):
    """Starting at the first field of the bar, Tab comes by all of them."""
    opened.parts.bar.sort_key.setFocus()
    reached = set()
    for _ in range(60):
        focus = opened.focusWidget()
        reached.add(focus)
        if focus is opened.parts.grid:
            break
        press(qtbot, opened, "Tab")
    wanted = [opened.parts.bar.stars, opened.parts.bar.text, opened.parts.bar.scores,
              opened.parts.bar.size_slider]  # fmt: skip
    assert all(widget in reached for widget in wanted)


def test_f6_goes_round_the_regions(qtbot, opened):
    """Photos, bar, panels, and back to the photos."""
    seen = []
    for _ in range(6):
        press(qtbot, opened, "F6")
        seen.append(opened.focusWidget())
    assert opened.parts.grid in seen
    assert any(opened.parts.side.isAncestorOf(widget) for widget in seen)
    assert any(opened.parts.folders.isAncestorOf(widget) for widget in seen)


def test_default_keys_do_not_collide_and_every_action_has_a_slot(opened):
    """The table is the truth."""
    assert conflicts({}) == []
    assert set(opened.actions_.slots()) == {spec.id for spec in ACTIONS}


def test_keys_can_be_bound_anew(qtbot, opened):
    """The new key works, the old one no longer does."""
    settings = GuiSettings(xmp_profile="off", keys={"pick": ("K",)})
    opened.keeper.change_settings(settings)
    press(qtbot, opened, "P")
    assert opened.photo_cursor.record.decision.flag is Flag.NONE
    press(qtbot, opened, "K")
    assert opened.photo_cursor.record.decision.flag is Flag.PICK
    settle(qtbot, opened)


def test_letters_typed_into_the_name_filter_decide_nothing(qtbot, opened):
    """Keys belong to the field while it has the focus."""
    press(qtbot, opened, "F", CONTROL)
    assert opened.focusWidget() is opened.parts.bar.text
    qtbot.keyClicks(opened.parts.bar.text, "p01x")
    assert opened.parts.bar.text.text() == "p01x"
    assert all(record.decision.flag is Flag.NONE for record in opened.model.records)


def test_the_question_about_other_programs_comes_once(qtbot, make_window, shoot):
    """At the first decision; the answer is kept."""
    window = make_window(GuiSettings())
    open_and_score(qtbot, window, shoot)
    press(qtbot, window, "3")
    dialog = window.actions_.dialog
    assert dialog is not None
    assert window.photo_cursor.record.stars == 3
    dialog.group.buttons()[2].setChecked(True)
    dialog.accept()
    assert window.keeper.settings.xmp_profile == "darktable"
    sidecar = shoot / "p00.jpg.xmp"
    qtbot.waitUntil(sidecar.exists, timeout=20000)
    assert b"Rating" in sidecar.read_bytes()
    qtbot.waitUntil(window.isActiveWindow, timeout=20000)
    press(qtbot, window, "Right")
    press(qtbot, window, "2")
    assert window.actions_.dialog is None
    assert window.model.record(shoot / "p01.jpg").stars == 2
    qtbot.waitUntil((shoot / "p01.jpg.xmp").exists, timeout=20000)
    settle(qtbot, window)


def test_the_question_comes_after_a_first_decision_about_many_too(qtbot, make_window, shoot):
    """Rejecting below the threshold is a decision; the answer is about all of it."""
    window = make_window(GuiSettings())
    open_and_score(qtbot, window, shoot)
    window.parts.histogram.set_threshold(50)
    count = window.parts.histogram.would_go
    assert count > 1
    qtbot.mouseClick(window.parts.threshold.reject, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(window.actions_.dialog.answer, Qt.MouseButton.LeftButton)
    dialog = window.actions_.dialog
    assert isinstance(dialog, XmpDialog)
    dialog.group.buttons()[2].setChecked(True)
    dialog.accept()
    qtbot.waitUntil(lambda: len(list(shoot.glob("*.xmp"))) == count, timeout=20000)
    settle(qtbot, window)
    assert window.actions_.dialog is None


@pytest.fixture
def switched(qtbot, opened, shoot):
    """Three photos were rated for qpt alone, then the settings chose darktable; the question."""
    (shoot / "p02.jpg.xmp").write_text(FOREIGN_RATING, encoding="utf-8")
    for row, key in ((0, "1"), (1, "3"), (2, "5")):
        opened.photo_cursor.go_to_row(row)
        press(qtbot, opened, key)
    settle(qtbot, opened)
    press(qtbot, opened, ",", CONTROL)
    dialog = opened.actions_.dialog
    dialog.profile.setCurrentIndex(dialog.profile.findData("darktable"))
    ok = dialog._buttons.button(QDialogButtonBox.StandardButton.Ok)
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: isinstance(opened.actions_.dialog, QuestionDialog), timeout=20000)
    return opened


def test_ratings_from_before_are_written_when_that_is_wanted(qtbot, switched, shoot):
    """The question says how many; what another program wrote stays, and the line says so."""
    dialog = switched.actions_.dialog
    assert dialog.answer.text() == "Write 3"
    with qtbot.waitSignal(switched.desk.noticed, timeout=20000) as noticed:
        qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
    settle(qtbot, switched)
    assert {path.name for path in shoot.glob("*.xmp")} == {f"p0{n}.jpg.xmp" for n in range(3)}
    assert b"Rating" in (shoot / "p01.jpg.xmp").read_bytes()
    assert (shoot / "p02.jpg.xmp").read_text(encoding="utf-8") == FOREIGN_RATING
    assert noticed.args[0].startswith("p02.jpg.xmp: the rating 2 was set elsewhere and was kept")


def test_what_was_kept_of_several_photos_is_told_in_one_line(qtbot, switched, shoot):
    """A line for each would show the last alone."""
    (shoot / "p01.jpg.xmp").write_text(FOREIGN_RATING, encoding="utf-8")
    told = []
    switched.desk.noticed.connect(told.append)
    qtbot.mouseClick(switched.actions_.dialog.answer, Qt.MouseButton.LeftButton)
    settle(qtbot, switched)
    (line,) = told
    assert line.startswith("p01.jpg.xmp: the rating 2 was set elsewhere and was kept")
    assert line.endswith("(and 1 more)")
    assert switched.parts.status.message == line


def test_ratings_from_before_stay_here_when_only_new_ones_are_wanted(
    qtbot, switched, make_window, shoot
):
    """Neither now nor at the next start, which must not write one of them by itself."""
    qtbot.mouseClick(switched.actions_.dialog.cancel, Qt.MouseButton.LeftButton)
    settle(qtbot, switched)
    switched.close()
    window = make_window(GuiSettings(xmp_profile="darktable"))
    open_and_score(qtbot, window, shoot)
    assert {path.name for path in shoot.glob("*.xmp")} == {"p02.jpg.xmp"}
    window.photo_cursor.go_to_row(4)
    press(qtbot, window, "4")
    settle(qtbot, window)
    assert {path.name for path in shoot.glob("*.xmp")} == {"p02.jpg.xmp", "p04.jpg.xmp"}


def test_ratings_of_a_window_closed_at_once_reach_xmp_at_the_next_start(qtbot, make_window, shoot):
    """Closing does not wait for the sidecars, so the next start writes them by itself."""
    window = make_window(GuiSettings(xmp_profile="darktable"))
    open_and_score(qtbot, window, shoot)
    window.desk._stop.set()  # as if closing came before the first sidecar
    for _ in range(9):
        press(qtbot, window, "5")
        press(qtbot, window, "Right")
    settle(qtbot, window)
    window.close()
    assert not list(shoot.glob("*.xmp"))
    (shoot / "p08.jpg").unlink()
    again = make_window(GuiSettings(xmp_profile="darktable"))
    told = []
    again.desk.noticed.connect(told.append)
    qtbot.waitUntil(lambda: len(list(shoot.glob("*.xmp"))) == 8, timeout=20000)
    settle(qtbot, again)
    assert again.desk._session.result().pending_xmp_count == 1
    assert not told  # a photo that is gone is no news at every start


def test_what_xmp_kept_of_another_program_is_told(qtbot, make_window, shoot):
    """A label that is none of the five stays in the sidecar, and the status line says so."""
    sidecar = shoot / "p00.jpg.xmp"
    sidecar.write_text(FOREIGN_LABEL, encoding="utf-8")
    window = make_window(GuiSettings(xmp_profile="darktable"))
    open_and_score(qtbot, window, shoot)
    window.photo_cursor.go_to_row(0)
    with qtbot.waitSignal(window.desk.noticed, timeout=20000) as noticed:
        press(qtbot, window, "6")
    settle(qtbot, window)
    assert window.model.record(shoot / "p00.jpg").decision.label is Label.RED
    assert noticed.args[0].startswith("p00.jpg.xmp: the label 'Client' is none of the five")
    assert b'Label="Client"' in sidecar.read_bytes()


def test_panels_full_screen_and_escape_are_layers(qtbot, opened):
    """Tab hides the panels, Escape goes one layer back."""
    press(qtbot, opened, "Tab")
    assert not opened.parts.side.isVisible()
    press(qtbot, opened, "Tab")
    assert opened.parts.side.isVisible()
    press(qtbot, opened, "E")
    press(qtbot, opened, "Z")
    assert not opened.loupe.state.is_fit
    press(qtbot, opened, "Esc")
    assert opened.loupe.state.is_fit
    press(qtbot, opened, "Esc")
    assert opened.views.view is View.GRID


def test_escape_in_a_survey_takes_the_zoom_back_first(qtbot, opened):
    """As in the loupe and the comparison: a layer at a time."""
    opened.photo_cursor.go_to_row(1)
    press(qtbot, opened, "A", CONTROL)
    press(qtbot, opened, "N")
    press(qtbot, opened, "Z")
    assert not opened.survey.state.is_fit
    press(qtbot, opened, "Esc")
    assert opened.views.view is View.SURVEY
    assert opened.survey.state.is_fit
    press(qtbot, opened, "Esc")
    assert opened.views.view is View.GRID


def test_zoom_and_place_stay_from_photo_to_photo(qtbot, opened):
    """What was looked at in one photo is looked at in the next."""
    press(qtbot, opened, "E")
    opened.loupe.state.toggle((0.25, 0.75))
    press(qtbot, opened, "Right")
    assert opened.loupe.state.place.centre == (0.25, 0.75)
    assert opened.loupe.state.place.scale == 1.0


def test_clicks_and_drags_in_the_grid_select(qtbot, opened):
    """A click frames, Shift extends, a double click opens the loupe."""
    grid = opened.parts.grid

    def centre(row: int) -> QPoint:
        return grid.visualRect(opened.model.index(row, 0)).center()

    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=centre(1))
    assert opened.photo_cursor.row == 1
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, SHIFT, centre(3))
    assert len(opened.photo_cursor.selected()) == 3
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=centre(2))
    qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=centre(2))
    assert opened.views.view is View.LOUPE


def test_five_hundred_random_keys_end_in_a_consistent_state(
    qtbot, make_window, shoot, paths, trash
):
    """Every file exactly once, the database says what the window shows, no key acts unseen."""
    window = make_window()
    open_and_score(qtbot, window, shoot)
    before = {path.name: path.read_bytes() for path in shoot.iterdir()}
    keys = ["P", "X", "U", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "Left", "Right", "Up",
            "Down", "Space", "Home", "End", "G", "E", "C", "N", "B", "Z", "I", "K", "S", "Esc", "R",
            "Tab", "Return", "Delete", "F5"]  # fmt: skip
    chosen = random.Random(20261121)
    for _ in range(500):
        key = chosen.choice(keys)
        modifiers = chosen.choice([Qt.KeyboardModifier.NoModifier] * 6 + [CONTROL, SHIFT])
        if modifiers == CONTROL and key not in "ZX":
            modifiers = Qt.KeyboardModifier.NoModifier
        dialog = window.files.dialog or window.actions_.dialog
        if dialog is not None:
            dialog.reject()
        press(qtbot, window, "Z" if modifiers == CONTROL else key, modifiers)
        assert_on_screen(window)
    settle(qtbot, window)
    qtbot.waitUntil(lambda: window.desk.is_idle, timeout=20000)
    if window.files.dialog is not None:
        window.files.dialog.reject()
    assert {path.name: path.read_bytes() for path in shoot.iterdir()} == before
    shown = {record.path: record.decision for record in window.model.records}
    assert set(shown) == {shoot / name for name in before}
    window.close()
    with DecisionSession.open(paths.data, gui_fakes.Clock(), trash=trash) as session:
        assert session.decisions_for(shown) == shown


def test_memory_of_pictures_stays_within_the_setting(qtbot, make_window, shoot):
    """Scrolling through everything does not go over the bound."""
    window = make_window()
    open_and_score(qtbot, window, shoot)
    one = window.loaders.thumbnails
    qtbot.waitUntil(lambda: one.is_idle, timeout=20000)
    held = one.bytes_held
    assert held > 0
    one.set_budget(held // 2)
    assert one.bytes_held <= held // 2
    window.parts.grid.verticalScrollBar().setValue(10_000)
    window.loaders.want_visible()
    qtbot.waitUntil(lambda: one.is_idle, timeout=20000)
    assert one.bytes_held <= max(held // 2, 200_000)


def test_the_session_survives_a_damaged_file(paths, make_window, caplog):
    """A broken session is reported and forgotten; the window opens."""
    from qpt_app.gui.gui_settings import load_session

    paths.session.parent.mkdir(parents=True)
    paths.session.write_text("{broken")
    assert load_session(paths.session) == SessionState()
    assert "session" in caplog.text
