"""Every action does what it says, and undo takes it back."""

import csv
import json
import multiprocessing
import os
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import gui_fakes
import pytest
from conftest import open_and_score
from conftest_helpers import confirm, press, select, settle, undo
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from qpt_app.decisions.decision import Decision, Flag, Label
from qpt_app.decisions.session import DecisionSession
from qpt_app.errors import StorageError
from qpt_app.gui.dialogs.plan_dialog import PlanDialog
from qpt_app.gui.export_file import ranks, write_export
from qpt_app.gui.photo_filter import SortKey, StatusTest
from qpt_app.gui.view_controller import View
from qpt_app.photos.ranking import TIE_PROBABILITY, with_ranks

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
WAIT_MS = 20000


def decisions(window):
    return {record.path: record.decision for record in window.model.records}


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def redo(qtbot, window):
    with qtbot.waitSignal(window.desk.stepped, timeout=WAIT_MS):
        press(qtbot, window, "Z", CONTROL | SHIFT)
    settle(qtbot, window)


def test_every_decision_key_is_undone_and_redone(qtbot, opened):
    """Each key, its undo, its redo."""
    keys = [("5", None), ("P", None), ("X", None), ("U", None), ("0", None), ("6", None),
            ("9", None), ("3", None)]  # fmt: skip
    press(qtbot, opened, "Right")
    for key, _ in keys:
        before = decisions(opened)
        press(qtbot, opened, key)
        after = decisions(opened)
        assert after != before, key
        undo(qtbot, opened)
        assert decisions(opened) == before, key
        redo(qtbot, opened)
        assert decisions(opened) == after, key
        assert len(set(after.items()) ^ set(before.items())) == 2  # one photo, no other


def test_a_decision_that_could_not_be_kept_does_not_stay_on_screen(qtbot, opened, monkeypatch):
    """The screen shows what is kept, the status line says why, and later undo shows that too."""
    opened.photo_cursor.go_to_row(2)
    record = opened.photo_cursor.record
    press(qtbot, opened, "2")
    settle(qtbot, opened)

    def full(self, changes, *, title=None):
        raise StorageError("no space left on the disk")

    qtbot.mouseClick(opened.parts.bar._flags[Flag.NONE], Qt.MouseButton.LeftButton)
    opened.views.focus_photos()
    with monkeypatch.context() as patch:
        patch.setattr(DecisionSession, "decide_each", full)
        with qtbot.waitSignal(opened.desk.failed, timeout=WAIT_MS):
            for key in ("5", "X"):
                press(qtbot, opened, key)
        settle(qtbot, opened)
    assert record.decision == Decision(stars=2)
    assert opened.model.row_of(record) == 2
    assert "no space left" in opened.parts.status.message
    opened.photo_cursor.go_to(record)
    press(qtbot, opened, "4")
    assert record.stars == 4
    undo(qtbot, opened)
    assert record.stars == 2


def test_a_label_key_pressed_twice_clears_the_label(qtbot, opened):
    """Again to clear."""
    press(qtbot, opened, "7")
    assert opened.photo_cursor.record.decision.label.value == "yellow"
    press(qtbot, opened, "7")
    assert opened.photo_cursor.record.decision.label is None
    settle(qtbot, opened)


def test_undo_brings_a_hidden_photo_back_and_frames_it(qtbot, opened):
    """It was rejected, the filter hid it; undo shows where it happened."""
    bar = opened.parts.bar
    bar._flags[Flag.NONE].click()
    opened.views.focus_photos()
    opened.photo_cursor.go_to_row(3)
    record = opened.photo_cursor.record
    press(qtbot, opened, "X")
    assert opened.model.row_of(record) == -1
    assert opened.photo_cursor.row == 3
    undo(qtbot, opened)
    assert opened.photo_cursor.record is record


def test_keep_this_picks_one_of_a_burst_and_one_undo_takes_it_back(qtbot, opened, shoot):
    """Shift+P, then go on to the next series."""
    burst = opened.model.record(shoot / "p05.jpg")
    assert [path.name for path in burst.series.members] == ["p04.jpg", "p05.jpg", "p06.jpg"]
    assert burst.series.best.name == "p06.jpg"
    before = decisions(opened)
    opened.photo_cursor.go_to(burst)
    press(qtbot, opened, "P", SHIFT)
    flags = [opened.model.record(path).decision.flag for path in burst.series.members]
    assert flags == [Flag.REJECT, Flag.PICK, Flag.REJECT]
    assert opened.photo_cursor.record.name == "p07.jpg"
    undo(qtbot, opened)
    assert decisions(opened) == before


def test_a_bracket_is_never_reduced_to_one_winner(qtbot, make_window, tmp_path):
    """Shift+P refuses, and rejecting below a threshold passes it by."""
    folder = tmp_path / "bracket"
    for number, bias in enumerate((0.0, -2.0, 2.0)):
        gui_fakes.write_photo(
            folder / f"b{number}.jpg", seed=1, brightness=int(110 + 30 * bias),
            taken=datetime(2026, 1, 1) + timedelta(seconds=number), bias=bias, bracket=True,
        )  # fmt: skip
    window = make_window()
    open_and_score(qtbot, window, folder)
    assert window.photo_cursor.record.series.is_protected
    press(qtbot, window, "P", SHIFT)
    assert "kept whole" in window.parts.status.message
    window.parts.histogram.set_threshold(100)
    qtbot.mouseClick(window.parts.threshold.reject, Qt.MouseButton.LeftButton)
    assert window.actions_.dialog is None
    assert window.parts.status.message.startswith("Nothing to reject. 3 more belong to series")
    assert all(record.decision.flag is Flag.NONE for record in window.model.records)
    single = gui_fakes.write_photo(folder / "single.jpg", seed=7, brightness=90)
    press(qtbot, window, "F5")
    qtbot.waitUntil(lambda: window.library.summary.count == 4, timeout=WAIT_MS)
    qtbot.mouseClick(window.parts.threshold.reject, Qt.MouseButton.LeftButton)
    dialog = window.actions_.dialog
    assert dialog.windowTitle() == "Reject 1 photo scored below 100?"
    assert any("3 more belong" in label.text() for label in dialog.findChildren(QLabel))
    qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
    assert [one.name for one in window.model.records if one.decision.is_rejected] == [single.name]
    settle(qtbot, window)


def test_the_threshold_is_dragged_counted_shown_and_rejected(qtbot, opened):
    """By mouse and by key; the question says how many; one undo."""
    histogram = opened.parts.histogram
    start = histogram.rect().center()
    qtbot.mousePress(histogram, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(histogram, start)
    qtbot.mouseRelease(histogram, Qt.MouseButton.LeftButton, pos=start)
    assert histogram.threshold == pytest.approx(50, abs=2)
    qtbot.keyClick(histogram, Qt.Key.Key_Right)
    scores = [record.score for record in opened.model.records if record.score is not None]
    expected = sum(score < histogram.threshold for score in scores)
    assert histogram.would_go == expected > 0
    opened.parts.threshold.look.click()
    assert opened.model.rowCount() == expected
    opened.keys["clear_filter"].trigger()
    before = decisions(opened)
    opened.parts.threshold.reject.click()
    assert f"{expected}" in opened.actions_.dialog.windowTitle()
    opened.actions_.dialog.accept()
    assert sum(record.decision.is_rejected for record in opened.model.records) == expected
    opened.views.focus_photos()
    undo(qtbot, opened)
    assert decisions(opened) == before


def test_several_are_rejected_only_after_a_question(qtbot, opened):
    """A key acts on the framed photo, however many are selected."""
    select(opened, 1, 4)
    press(qtbot, opened, "X")
    assert sum(record.decision.is_rejected for record in opened.model.records) == 1
    press(qtbot, opened, "X", CONTROL | SHIFT)
    opened.actions_.dialog.accept()
    assert sum(record.decision.is_rejected for record in opened.model.records) == 4
    settle(qtbot, opened)


def test_trash_takes_raw_and_sidecars_along_and_gives_them_back(qtbot, make_window, shoot):
    """The list counts every file; undo brings every byte back."""
    (shoot / "p02.cr2").write_bytes(b"II*\0\x10\0\0\0CR\x02\0 raw")
    (shoot / "p02.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    before = files(shoot)
    window = make_window()
    open_and_score(qtbot, window, shoot)
    assert len(window.model.records) == 12
    record = window.model.record(shoot / "p02.jpg")
    assert record.file.companion == shoot / "p02.cr2"
    window.photo_cursor.go_to(record)
    press(qtbot, window, "Delete")
    plan = confirm(qtbot, window)
    assert plan.photo_count == 1
    assert {file.source.name for file in plan.files} == {"p02.jpg", "p02.cr2", "p02.xmp"}
    qtbot.waitUntil(lambda: len(window.model.records) == 11, timeout=WAIT_MS)
    assert not (shoot / "p02.cr2").exists()
    window.views.focus_photos()
    undo(qtbot, window)
    assert files(shoot) == before
    qtbot.waitUntil(lambda: len(window.model.records) == 12, timeout=WAIT_MS)


def test_cancelling_the_list_does_nothing(qtbot, opened, shoot):
    """Escape is the default answer."""
    before = files(shoot)
    press(qtbot, opened, "Delete")
    qtbot.waitUntil(lambda: opened.files.dialog is not None, timeout=WAIT_MS)
    opened.files.dialog.reject()
    settle(qtbot, opened)
    assert files(shoot) == before


def test_delete_pressed_twice_opens_one_list_that_can_be_closed(qtbot, opened, shoot):
    """The second press comes while the first list is being made; the line below says that it is."""
    before = files(shoot)
    press(qtbot, opened, "Delete")
    assert opened.parts.status.message == "Listing the files …"
    press(qtbot, opened, "Delete")
    settle(qtbot, opened)
    qtbot.waitUntil(lambda: opened.files.dialog is not None, timeout=WAIT_MS)
    assert opened.parts.status.message == ""
    assert len([one for one in opened.findChildren(PlanDialog) if one.isVisible()]) == 1
    press(qtbot, opened.files.dialog, "Esc")
    assert not [one for one in opened.findChildren(PlanDialog) if one.isVisible()]
    assert opened.files.dialog is None
    assert files(shoot) == before
    qtbot.waitUntil(opened.isActiveWindow, timeout=WAIT_MS)
    opened.views.focus_photos()
    press(qtbot, opened, "Delete")
    confirm(qtbot, opened)
    assert len(files(shoot)) == len(before) - 1


def test_after_a_list_that_could_not_be_made_another_can_be_asked_for(qtbot, opened, tmp_path):
    """The folder to copy to is gone: that is said, and Delete works."""
    opened.files._ask_folder = lambda parent, title: tmp_path / "gone"
    opened.photo_cursor.go_to_row(1)
    press(qtbot, opened, "P")
    with qtbot.waitSignal(opened.desk.failed, timeout=WAIT_MS):
        opened.keys["copy_picks"].trigger()
    assert "gone is no folder" in opened.parts.status.message
    press(qtbot, opened, "Delete")
    qtbot.waitUntil(lambda: opened.files.dialog is not None, timeout=WAIT_MS)
    opened.files.dialog.reject()
    settle(qtbot, opened)


def test_picks_are_copied_and_the_copy_is_undone(qtbot, opened, shoot, tmp_path):
    """Originals stay; undo takes the copies away."""
    before = files(shoot)
    target = tmp_path / "picks"
    target.mkdir()
    opened.files._ask_folder = lambda parent, title: target
    opened.photo_cursor.go_to_row(1)
    press(qtbot, opened, "P")
    settle(qtbot, opened)
    opened.keys["copy_picks"].trigger()
    confirm(qtbot, opened)
    assert (target / "p01.jpg").read_bytes() == (shoot / "p01.jpg").read_bytes()
    assert files(shoot) == before
    opened.views.focus_photos()
    undo(qtbot, opened)
    assert list(target.iterdir()) == []


def test_picks_are_moved_with_raw_and_sidecar_and_undo_brings_them_back(
    qtbot, make_window, shoot, tmp_path
):
    """The list counts every file; decisions go with the photos; nothing is overwritten."""
    (shoot / "p02.cr2").write_bytes(b"II*\0\x10\0\0\0CR\x02\0 raw")
    (shoot / "p02.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    before = files(shoot)
    target = tmp_path / "picks"
    target.mkdir()
    (target / "p02.jpg").write_bytes(b"was here first")
    window = make_window()
    open_and_score(qtbot, window, shoot)
    window.files._ask_folder = lambda parent, title: target
    for row in (2, 7):
        window.photo_cursor.go_to_row(row)
        press(qtbot, window, "P")
    settle(qtbot, window)
    window.keys["move_picks"].trigger()
    plan = confirm(qtbot, window)
    assert (plan.photo_count, len(plan.files)) == (2, 4)
    qtbot.waitUntil(lambda: len(window.model.records) == 10, timeout=WAIT_MS)
    moved = files(target)
    assert moved.pop(Path("p02.jpg")) == b"was here first"
    assert sorted(moved.values()) == sorted(before[file.source.relative_to(shoot)]
                                            for file in plan.files)  # fmt: skip
    settle(qtbot, window)
    window.open_folder(target)
    qtbot.waitUntil(lambda: len(window.model.records) == 3, timeout=WAIT_MS)
    assert sum(one.decision.is_picked for one in window.model.records) == 2
    window.open_folder(shoot)
    qtbot.waitUntil(lambda: len(window.model.records) == 10, timeout=WAIT_MS)
    window.views.focus_photos()
    undo(qtbot, window)
    assert files(shoot) == before
    assert files(target) == {Path("p02.jpg"): b"was here first"}
    qtbot.waitUntil(lambda: len(window.model.records) == 12, timeout=WAIT_MS)
    assert window.model.record(shoot / "p02.jpg").decision.is_picked


def test_two_file_undos_in_a_row_bring_both_photos_back_on_screen(
    qtbot, make_window, paths, trash, shoot
):
    """The second photo comes back while the folder is read for the first: it is read again."""
    services = gui_fakes.make_services(paths, trash)
    is_open = threading.Event()
    is_open.set()

    def scan(folder, recursive):
        found = list(services.scan(folder, recursive))
        is_open.wait(20)
        yield from found

    window = make_window(services=replace(services, scan=scan))
    open_and_score(qtbot, window, shoot)
    for left in (11, 10):
        press(qtbot, window, "Delete")
        confirm(qtbot, window)
        qtbot.waitUntil(lambda left=left: len(window.model.records) == left, timeout=WAIT_MS)
        window.activateWindow()
        window.views.focus_photos()
    settle(qtbot, window)
    is_open.clear()
    for _ in range(2):
        with qtbot.waitSignal(window.desk.stepped, timeout=WAIT_MS):
            press(qtbot, window, "Z", CONTROL)
    assert window.library.is_reading
    is_open.set()
    qtbot.waitUntil(lambda: len(window.model.records) == 12, timeout=WAIT_MS)
    settle(qtbot, window)


def test_a_photo_renamed_by_another_program_keeps_its_decision(
    qtbot, make_window, opened, shoot, tmp_path
):
    """Known by its content, in another folder too."""
    opened.photo_cursor.go_to_row(3)
    press(qtbot, opened, "4")
    settle(qtbot, opened)
    opened.close()
    elsewhere = tmp_path / "sorted"
    elsewhere.mkdir()
    (shoot / "p03.jpg").rename(elsewhere / "2026-06-01 best.jpg")
    window = make_window()
    open_and_score(qtbot, window, elsewhere)
    qtbot.waitUntil(lambda: window.model.records[0].stars == 4, timeout=WAIT_MS)


def test_a_refused_trash_says_so_and_changes_nothing(qtbot, opened, shoot, trash):
    """Never a silent unlink."""
    trash.full = True
    before = files(shoot)
    press(qtbot, opened, "Delete")
    qtbot.waitUntil(lambda: opened.files.dialog is not None, timeout=WAIT_MS)
    with qtbot.waitSignal(opened.desk.failed, timeout=WAIT_MS):
        qtbot.mouseClick(opened.files.dialog.confirm, Qt.MouseButton.LeftButton)
    assert "_rejected" in opened.parts.status.message
    assert files(shoot) == before
    qtbot.waitUntil(lambda: opened.files.dialog is None, timeout=WAIT_MS)


def test_compare_links_zoom_pins_a_reference_and_slides(qtbot, opened):
    """The frame is where the keys act; beyond the last pane the challenger changes."""
    select(opened, 0, 1)
    press(qtbot, opened, "C")
    first, second = opened.compare.records
    assert [pane.is_current for pane in opened.compare.panes] == [True, False]
    press(qtbot, opened, "R")
    assert opened.compare.reference is first
    press(qtbot, opened, "Right")
    assert opened.photo_cursor.record is second
    press(qtbot, opened, "4")
    assert (first.stars, second.stars) == (0, 4)
    press(qtbot, opened, "Right")
    assert [record.name for record in opened.compare.records] == ["p00.jpg", "p02.jpg"]
    press(qtbot, opened, "Z")
    assert opened.compare.panes[0]._state is opened.compare.panes[1]._state
    assert not opened.compare.state.is_fit
    settle(qtbot, opened)


def test_survey_shows_the_selection_and_b_the_series(qtbot, opened, shoot):
    """N and B."""
    select(opened, 2, 6)
    press(qtbot, opened, "N")
    assert (opened.views.view, len(opened.survey.panes)) == (View.SURVEY, 5)
    press(qtbot, opened, "G")
    opened.photo_cursor.go_to(opened.model.record(shoot / "p04.jpg"))
    press(qtbot, opened, "B")
    assert opened.views.view is View.COMPARE
    assert opened.compare.records[0].name == "p06.jpg"


def test_stacking_shows_a_series_by_its_best(qtbot, opened):
    """S stacks, S again unfolds; Down goes from series to series in the loupe."""
    press(qtbot, opened, "S")
    names = [record.name for record in opened.model.visible_records()]
    assert "p06.jpg" in names
    assert "p04.jpg" not in names
    press(qtbot, opened, "S")
    assert opened.model.rowCount() == 12
    opened.photo_cursor.go_to_row(3)
    press(qtbot, opened, "E")
    press(qtbot, opened, "Down")
    assert opened.photo_cursor.record.name == "p06.jpg"
    press(qtbot, opened, "Down")
    assert opened.photo_cursor.record.name == "p07.jpg"


def test_down_comes_by_all_photos_when_sorted_by_score(qtbot, opened, shoot):
    """A photo between two frames of a burst is no place to turn round at."""
    between = opened.model.record(shoot / "p00.jpg")
    score = opened.model.record(shoot / "p05.jpg").score + 0.1
    opened.model.set_results([replace(between.result, score=score)])
    opened.parts.bar.sort_key.setCurrentIndex(opened.parts.bar.sort_key.findData(SortKey.SCORE))
    opened.parts.bar.sort_key.activated.emit(1)
    opened.views.focus_photos()
    press(qtbot, opened, "Home")
    press(qtbot, opened, "E")
    seen = [opened.photo_cursor.record.name[:3]]
    for key in ["Down"] * 9 + ["Up"] * 9:
        press(qtbot, opened, key)
        seen.append(opened.photo_cursor.record.name[:3])
    wanted = ["p11", "p10", "p08", "p07", "p06", "p00", "p03", "p02", "p01", "p09"]
    assert seen == wanted + wanted[-2::-1]


def test_a_failed_photo_that_was_mended_is_scored_by_a_retry(qtbot, opened, shoot):
    """The list says why; the button tries again."""
    gui_fakes.write_photo(shoot / "p09.jpg", seed=9, brightness=150)
    opened.library.rescan()
    qtbot.waitUntil(lambda: not opened.library.is_reading, timeout=WAIT_MS)
    qtbot.waitUntil(
        lambda: opened.model.record(shoot / "p09.jpg").score is not None, timeout=WAIT_MS
    )
    qtbot.waitUntil(lambda: not opened.parts.failed.isVisible(), timeout=WAIT_MS)


def test_a_failed_photo_that_is_hidden_says_so_when_it_is_clicked(qtbot, opened):
    """Shown, it is framed; hidden, the status line says why nothing moves."""
    view = opened.parts.failed.view
    at = view.visualRect(opened.parts.failed.model.index(0, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert opened.photo_cursor.record.name == "p09.jpg"
    opened.parts.bar.status.setCurrentIndex(opened.parts.bar.status.findData(StatusTest.SCORED))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert opened.photo_cursor.record.name != "p09.jpg"
    assert opened.parts.status.message == "p09.jpg is hidden by the filter or by its stack"


def test_the_retry_button_scores_a_photo_that_was_mended_meanwhile(qtbot, opened, shoot):
    """Also one whose file is another by now; its picture comes too."""
    path = gui_fakes.write_photo(shoot / "p09.jpg", seed=9, brightness=150)
    assert path in opened.loaders.thumbnails.failed_paths
    qtbot.mouseClick(opened.parts.failed._retry, Qt.MouseButton.LeftButton)
    record = opened.model.record(path)
    qtbot.waitUntil(lambda: record.score is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: opened.loaders.thumbnail(path) is not None, timeout=WAIT_MS)


def test_a_photo_edited_elsewhere_is_shown_as_it_is_now_after_f5(qtbot, opened, shoot):
    """Thumbnail, picture in the loupe, size and EXIF; other photos keep theirs."""
    path = shoot / "p00.jpg"
    opened.photo_cursor.go_to_row(0)
    press(qtbot, opened, "E")

    def brightness():
        images = [opened.loaders.thumbnail(path), opened.loaders.photos.any_image(path)]
        return [image.pixelColor(8, 8).lightness() for image in images if image is not None]

    qtbot.waitUntil(lambda: len(brightness()) == 2, timeout=WAIT_MS)
    assert max(brightness()) < 100
    kept = opened.loaders.thumbnail(shoot / "p01.jpg")
    taken = datetime(2026, 6, 2, 12)
    gui_fakes.write_photo(path, seed=0, brightness=250, size=(150, 100), taken=taken)
    press(qtbot, opened, "F5")
    qtbot.waitUntil(lambda: len(brightness()) == 2 and min(brightness()) > 150, timeout=WAIT_MS)
    assert opened.loaders.photos.full_size(path) == (150, 100)
    assert opened.loaders.thumbnail(shoot / "p01.jpg").cacheKey() == kept.cacheKey()
    record = opened.model.record(path)
    qtbot.waitUntil(lambda: record.essentials.taken_at == taken, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: record.score is not None and record.score > 60, timeout=WAIT_MS)


def test_every_filter_of_the_bar_shows_what_it_says(qtbot, opened):
    """By mouse and typing: stars at least and exactly, flags, labels, status, score, name."""
    bar = opened.parts.bar
    for row, keys in ((0, "1"), (1, "2"), (2, "P"), (3, "X"), (4, "6")):
        opened.photo_cursor.go_to_row(row)
        press(qtbot, opened, keys)
    settle(qtbot, opened)

    def shown():
        return [record.name[:3] for record in opened.model.visible_records()]

    def stars(row):
        bar.stars.setCurrentIndex(row)
        return shown()

    assert stars(1) == ["p00", "p01"]
    assert stars(2) == ["p01"]
    assert stars(7) == ["p00"]  # exactly one
    assert len(stars(6)) == 10  # unrated
    stars(0)
    for flag, names in ((Flag.PICK, ["p02"]), (Flag.REJECT, ["p03"])):
        qtbot.mouseClick(bar._flags[flag], Qt.MouseButton.LeftButton)
        assert shown() == names
        qtbot.mouseClick(bar._flags[flag], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(bar._labels[Label.RED], Qt.MouseButton.LeftButton)
    assert shown() == ["p04"]
    qtbot.mouseClick(bar._labels[Label.RED], Qt.MouseButton.LeftButton)
    bar.status.setCurrentIndex(bar.status.findData(StatusTest.FAILED))
    assert shown() == ["p09"]
    bar.status.setCurrentIndex(0)
    scores = sorted(one.score for one in opened.model.records if one.score is not None)
    bar.scores.set_range(scores[5] - 0.01, 100)
    bar.scores.changed.emit()
    assert len(shown()) == 6
    press(qtbot, opened, "F", CONTROL | SHIFT)
    qtbot.keyClicks(bar.text, "P1")
    assert shown() == ["p10", "p11"]
    press(qtbot, opened, "F", CONTROL | SHIFT)
    assert len(shown()) == 12


def test_with_auto_advance_each_decision_goes_on(qtbot, opened):
    """The setting, without Caps Lock; the decision is the framed photo's."""
    opened.keeper.change_settings(replace(opened.keeper.settings, auto_advance=True))
    opened.photo_cursor.go_to_row(0)
    for key in ("3", "X", "P"):
        press(qtbot, opened, key)
    first = opened.model.visible_records()[:4]
    assert [one.stars for one in first] == [3, 0, 0, 0]
    assert [one.decision.flag for one in first[1:3]] == [Flag.REJECT, Flag.PICK]
    assert opened.photo_cursor.row == 3
    settle(qtbot, opened)


def test_export_writes_scores_and_decisions_in_columns_of_their_own(qtbot, opened, tmp_path):
    """CSV and JSON of what is shown."""
    press(qtbot, opened, "4")
    records = opened.model.visible_records()
    places = ranks(opened.model.records, opened.scoring.better)
    write_export(tmp_path / "out.csv", records, opened.library.summary, places)
    write_export(tmp_path / "out.json", records, opened.library.summary, places)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    assert (rows[0]["stars"], rows[1]["stars"]) == ("4", "")
    assert float(rows[0]["score"]) == pytest.approx(records[0].score, abs=0.001)
    values = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert values[9]["score"] is None
    assert values[9]["rank"] is None
    best_first = sorted(values[:9] + values[10:], key=lambda row: -row["score"])
    numbers = [row["rank"] for row in best_first]
    assert numbers[0] == 1
    assert numbers == sorted(numbers)
    settle(qtbot, opened)


def test_ranks_in_the_window_are_those_of_the_command_line(qtbot, opened):
    """Near-ties share one, by the calibration that the scoring process told."""
    results = [one.result for one in opened.model.records if one.result is not None]
    wanted = with_ranks(results, gui_fakes.CALIBRATION.probability_better)
    assert ranks(opened.model.records, opened.scoring.better) == {
        os.fsencode(row.path): row.rank for row in wanted if row.rank is not None
    }
    assert opened.scoring.better(50.0, 48.0) < TIE_PROBABILITY < opened.scoring.better(50.0, 47.0)


def test_kill_during_a_move_then_restart_every_photo_exists_once(qtbot, make_window, shoot, paths):
    """The window settles what the killed program left, says so, and nothing is lost or doubled."""
    before = sorted(path.read_bytes() for path in shoot.glob("*.jpg"))
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=gui_fakes.move_and_die, args=(str(shoot), str(paths.data), 5))
    process.start()
    process.join(60)
    assert process.exitcode == -9
    window = make_window()
    with qtbot.waitSignal(window.library.loaded, timeout=30000):
        window.open_folder(shoot)
    qtbot.waitUntil(lambda: window.desk.is_idle, timeout=WAIT_MS)
    assert sorted(path.read_bytes() for path in shoot.rglob("*.jpg")) == before
    assert window.files.report is not None
    window.files.report.reject()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    window.views.focus_photos()
    undo(qtbot, window)
    assert sorted(path.read_bytes() for path in shoot.rglob("*.jpg")) == before
