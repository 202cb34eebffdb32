"""A damaged database of ratings: photos can be looked at, and its backup is offered."""

import sqlite3

import gui_fakes
import pytest
from conftest import open_and_score
from conftest_helpers import press, settle
from PySide6.QtCore import Qt

from qpt_app.decisions.decision import DecisionChange, Flag
from qpt_app.decisions.decisions_database import DATABASE_NAME
from qpt_app.decisions.photo_unit import unit_of
from qpt_app.decisions.session import DecisionSession

WAIT_MS = 20000
DAMAGE = b"these are no decisions" * 300


@pytest.fixture
def damaged(paths, shoot, trash):
    """Yesterday's backup knows one rating; today's file is damaged."""
    clock = gui_fakes.Clock()
    with DecisionSession.open(paths.data, clock, trash=trash) as session:
        session.decide([unit_of(shoot / "p01.jpg")], DecisionChange(stars=4))
    clock.now += 2 * 86400
    DecisionSession.open(paths.data, clock, trash=trash).close()
    (paths.data / DATABASE_NAME).write_bytes(DAMAGE)


def test_the_backup_is_offered_and_restored_and_nothing_is_lost(
    qtbot, make_window, damaged, shoot, paths
):
    """The dialog says from when; the damaged file is kept; ratings are there and can be made."""
    window = make_window()
    qtbot.waitUntil(lambda: window.actions_.dialog is not None, timeout=WAIT_MS)
    dialog = window.actions_.dialog
    assert "decided: 1)" in dialog.body.text()
    assert "27" in dialog.body.text()
    assert ".corrupt-" in dialog.body.text()
    with qtbot.waitSignal(window.desk.restored, timeout=WAIT_MS):
        qtbot.mouseClick(dialog.answer, Qt.MouseButton.LeftButton)
    kept = [path for path in paths.data.iterdir() if ".corrupt-" in path.name]
    assert [path.read_bytes() for path in kept] == [DAMAGE]
    open_and_score(qtbot, window, shoot)
    assert window.model.record(shoot / "p01.jpg").stars == 4
    press(qtbot, window, "2")
    settle(qtbot, window)
    window.close()
    with DecisionSession.open(paths.data, gui_fakes.Clock()) as session:
        known = session.decisions_for([shoot / "p00.jpg", shoot / "p01.jpg"])
        assert [decision.stars for decision in known.values()] == [2, 4]


def test_photos_can_be_looked_at_without_and_no_decision_pretends_to_be_kept(
    qtbot, make_window, damaged, shoot, paths
):
    """Saying no changes nothing; a decision is refused, and the offer comes again."""
    window = make_window()
    qtbot.waitUntil(lambda: window.actions_.dialog is not None, timeout=WAIT_MS)
    window.actions_.dialog.reject()
    qtbot.waitUntil(lambda: window.actions_.dialog is None, timeout=WAIT_MS)
    open_and_score(qtbot, window, shoot)
    assert window.model.rowCount() == 12
    press(qtbot, window, "X")
    assert window.photo_cursor.record.decision.flag is Flag.NONE
    assert "damaged" in window.parts.status.message
    qtbot.waitUntil(lambda: window.actions_.dialog is not None, timeout=WAIT_MS)
    assert (paths.data / DATABASE_NAME).read_bytes() == DAMAGE


def test_without_a_backup_the_window_offers_to_begin_anew(qtbot, make_window, shoot, paths):
    """The damaged file is kept aside."""
    paths.data.mkdir(parents=True)
    (paths.data / DATABASE_NAME).write_bytes(DAMAGE)
    window = make_window()
    qtbot.waitUntil(lambda: window.actions_.dialog is not None, timeout=WAIT_MS)
    assert "no sound backup" in window.actions_.dialog.body.text()
    with qtbot.waitSignal(window.desk.restored, timeout=WAIT_MS):
        window.actions_.dialog.answer.click()
    with sqlite3.connect(paths.data / DATABASE_NAME) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    connection.close()
    assert any(".corrupt-" in path.name for path in paths.data.iterdir())
