"""Scoring that fails says so until it is tried again; a process that died is replaced."""

import os
import signal
from datetime import datetime

import gui_fakes
import pytest
from conftest_helpers import press
from PySide6.QtCore import Qt

from qpt_app.core.status import PhotoStatus
from qpt_app.gui.scoring_job import ScoringState
from qpt_app.gui.scoring_worker import Scored
from qpt_app.photos.results import PhotoResult

WAIT_MS = 30000
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def other(tmp_path):
    """A second folder of three photos."""
    folder = tmp_path / "other"
    for number in range(3):
        gui_fakes.write_photo(folder / f"o{number}.jpg", seed=number, brightness=100)
    return folder


@pytest.fixture
def crashed(qtbot, make_window, shoot, tmp_path):
    """A window whose scoring process was killed before the first score."""
    gate = tmp_path / "gate"
    gate.touch()
    window = make_window(gate=gate)
    window.open_folder(shoot)
    wait_for(qtbot, window, ScoringState.RUNNING)
    os.kill(window.scoring._link.pid, signal.SIGKILL)
    wait_for(qtbot, window, ScoringState.FAILED)
    gate.unlink()
    window.views.focus_photos()
    return window


def wait_for(qtbot, window, state):
    qtbot.waitUntil(lambda: window.scoring.state is state, timeout=WAIT_MS)


def tile_scores(window):
    """What the tiles say where a score stands."""
    tile = window.parts.grid.itemDelegate()
    return {tile.score_text(record) for record in window.model.records}


def test_without_a_model_the_second_folder_says_so_too(qtbot, make_window, shoot, other):
    """Nothing is being loaded for ever, and no tile promises a score."""
    window = make_window(fail="no model")
    window.open_folder(shoot)
    wait_for(qtbot, window, ScoringState.FAILED)
    with qtbot.waitSignal(window.library.settled, timeout=WAIT_MS):
        window.open_folder(other)
    wait_for(qtbot, window, ScoringState.FAILED)
    status = window.parts.status
    assert status._progress_text.text() == "Scoring is not possible"
    assert not status._bar.isVisible()
    assert "no model" in status.message
    assert tile_scores(window) == {"–"}


def test_a_model_that_comes_later_scores_after_a_click(qtbot, make_window, shoot):
    """The button starts the process anew; until scores come, the tiles await them."""
    window = make_window(fail="no model")
    window.open_folder(shoot)
    wait_for(qtbot, window, ScoringState.FAILED)
    button = window.parts.status._pause
    assert (button.text(), button.accessibleName()) == ("Try again", "Try to score again")
    window.scoring._link._arguments = (gui_fakes.FakeEngine, gui_fakes.FakeEngineSettings())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.scoring.state is ScoringState.STARTING
    assert window.parts.status.message == ""
    assert tile_scores(window) == {"···"}
    wait_for(qtbot, window, ScoringState.DONE)
    assert window.scoring.progress == (12, 12)


def test_after_a_crash_another_folder_is_scored(qtbot, crashed, other):
    """By a new process, from its first photo."""
    assert crashed.parts.status._progress_text.text() == "Scoring is not possible"
    assert tile_scores(crashed) == {"–"}
    crashed.open_folder(other)
    wait_for(qtbot, crashed, ScoringState.DONE)
    assert crashed.scoring.progress == (3, 3)
    assert all(record.score is not None for record in crashed.model.records)


@pytest.mark.parametrize("way", ["pause key", "read again", "retry"])
def test_after_a_crash_the_folder_is_scored_when_asked(qtbot, crashed, way):
    """By the key for going on, by reading the folder again, by the retry."""
    if way == "pause key":
        press(qtbot, crashed, "P", CONTROL)
    elif way == "read again":
        press(qtbot, crashed, "F5")
    else:
        crashed.keys["retry_failed"].trigger()
    wait_for(qtbot, crashed, ScoringState.DONE)
    assert crashed.scoring.progress == (12, 12)


def test_a_crash_after_the_last_score_is_got_over(qtbot, opened):
    """Nothing waits then: trying again is done at once, and later photos are scored."""
    os.kill(opened.scoring._link.pid, signal.SIGKILL)
    wait_for(qtbot, opened, ScoringState.FAILED)
    press(qtbot, opened, "P", CONTROL)
    assert opened.scoring.state is ScoringState.DONE
    late = gui_fakes.write_photo(opened.library.folder / "p99.jpg", seed=99, brightness=120)
    press(qtbot, opened, "F5")
    qtbot.waitUntil(lambda: opened.model.record(late) is not None, timeout=WAIT_MS)
    wait_for(qtbot, opened, ScoringState.DONE)
    assert opened.model.record(late).score is not None


def test_after_a_crash_of_the_exif_reader_another_folder_has_its_times(qtbot, opened, tmp_path):
    """A new process reads it."""
    os.kill(opened.metadata._link.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: opened.metadata._link.pid is None, timeout=WAIT_MS)
    taken = datetime(2026, 7, 1, 12)
    path = gui_fakes.write_photo(tmp_path / "july" / "j.jpg", seed=1, brightness=99, taken=taken)
    opened.open_folder(path.parent)
    qtbot.waitUntil(lambda: opened.model.record(path) is not None, timeout=WAIT_MS)
    record = opened.model.record(path)
    qtbot.waitUntil(lambda: record.essentials is not None, timeout=WAIT_MS)
    assert record.essentials.taken_at == taken
    assert opened.metadata.is_idle


@pytest.mark.parametrize("key", ["pause", "cancel_scoring"])
def test_a_pause_or_stop_that_comes_too_late_does_not_hold_the_end_up(
    qtbot, make_window, shoot, tmp_path, key
):
    """The last scores were on their way: going on ends at once, for nothing more will come."""
    gate = tmp_path / "gate"
    gate.touch()
    window = make_window(gate=gate)
    window.open_folder(shoot)
    wait_for(qtbot, window, ScoringState.RUNNING)
    window.views.focus_photos()
    window.keys[key].trigger()
    window.scoring._link.message.emit(
        Scored(
            window.library.generation,
            [
                PhotoResult(path=record.path, status=PhotoStatus.OK, score=50.0)
                for record in window.model.records
            ],
        )
    )
    press(qtbot, window, "P", CONTROL)
    assert window.scoring.state is ScoringState.DONE
