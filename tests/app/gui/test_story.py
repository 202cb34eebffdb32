"""The story of the issue: from opening a shoot to going on the next day."""

from pathlib import Path

from conftest_helpers import press, settle
from PySide6.QtCore import Qt

from qpt_app.decisions.decision import Flag, Label
from qpt_app.gui.gui_settings import load_gui_settings, load_session
from qpt_app.gui.photo_filter import PhotoOrder, SortKey


def test_a_shoot_is_culled_by_keys_and_taken_up_the_next_day(
    qtbot, make_window, opened, shoot, trash, paths
):
    """Open, see scores, sort, compare, rate, reject, undo, move rejects, close, go on."""
    window = opened
    assert window.model.rowCount() == 12
    scores = [record.score for record in window.model.visible_records()]
    assert scores[9] is None
    assert sum(score is not None for score in scores) == 11
    assert "p09.jpg" in window.parts.failed.model.index(0, 0).data()

    window.parts.bar.sort_key.setCurrentIndex(window.parts.bar.sort_key.findData(SortKey.SCORE))
    window.parts.bar.sort_key.activated.emit(1)
    assert window.model.order == PhotoOrder(key=SortKey.SCORE, descending=True)
    assert window.model.record_at(0).name == "p11.jpg"
    assert window.model.record_at(11).name == "p09.jpg"

    press(qtbot, window, "Home")
    press(qtbot, window, "5")
    press(qtbot, window, "P")
    first = window.photo_cursor.record
    assert (first.name, first.stars, first.decision.flag) == ("p11.jpg", 5, Flag.PICK)
    press(qtbot, window, "Right")
    press(qtbot, window, "6")
    assert window.photo_cursor.record.decision.label is Label.RED
    press(qtbot, window, "X")
    second = window.photo_cursor.record
    assert second.decision.flag is Flag.REJECT
    settle(qtbot, window)

    press(qtbot, window, "Z", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: second.decision.flag is Flag.NONE, timeout=20000)
    press(
        qtbot, window, "Z", Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    qtbot.waitUntil(lambda: second.decision.flag is Flag.REJECT, timeout=20000)

    press(qtbot, window, "E")
    assert window.views.view.value == "loupe"
    press(qtbot, window, "Left")
    assert window.loupe.pane.record is first
    press(qtbot, window, "C")
    assert [record.name for record in window.compare.records] == ["p11.jpg", "p10.jpg"]
    assert window.compare.current_pane().record is first
    press(qtbot, window, "G")

    press(
        qtbot, window, "M", Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    qtbot.waitUntil(lambda: window.files.dialog is not None, timeout=20000)
    dialog = window.files.dialog
    assert dialog.plan.photo_count == 1
    assert (shoot / "p10.jpg").exists()
    qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (shoot / "_rejected" / "p10.jpg").exists(), timeout=20000)
    qtbot.waitUntil(lambda: window.model.rowCount() == 11, timeout=20000)
    qtbot.waitUntil(lambda: window.files.dialog is None, timeout=20000)

    settle(qtbot, window)
    press(qtbot, window, "End")
    press(qtbot, window, "Left")
    place = window.photo_cursor.record.path
    window.close()
    assert load_session(paths.session).current[str(shoot)] == str(place)

    again = make_window(load_gui_settings(paths.settings), load_session(paths.session))
    with qtbot.waitSignal(again.library.loaded, timeout=30000):
        again.open_folder(Path(again.keeper.session.folder))
    assert again.photo_cursor.record.path == place
    assert again.model.record(first.path).stars == 5
    assert again.model.order.key is SortKey.SCORE
    press(qtbot, again, "Z", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: (shoot / "p10.jpg").exists(), timeout=20000)
    qtbot.waitUntil(lambda: again.model.rowCount() == 12, timeout=20000)
    assert again.model.record(shoot / "p10.jpg").decision.flag is Flag.REJECT
