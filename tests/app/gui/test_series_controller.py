"""Series as the window finds them while pictures are looked at."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import gui_fakes
import pytest
from conftest import START, open_and_score
from conftest_helpers import press, settle
from PySide6.QtCore import Qt

from qpt_app.core.decode_jobs import ImageJob
from qpt_app.decisions.decision import Flag
from qpt_app.gui.info_text import info_lines
from qpt_app.gui.series_controller import SIGNATURE_SIDE
from qpt_app.photos.series import SeriesKind


class Unreadable:
    """A job that cannot look at its picture."""

    def run(self, limits):
        return SimpleNamespace(pixels=None)


@pytest.fixture
def unseen(qtbot, make_window, shoot, paths, trash):
    """A window that cannot look at pictures; p04 to p06 are alike by their features."""
    for number in (5, 6):
        gui_fakes.write_photo(
            shoot / f"p{number:02d}.jpg", seed=4, brightness=96,
            taken=START + timedelta(seconds=240 + 0.5 * (number - 4)),
        )  # fmt: skip

    def make_job(path, side):
        return Unreadable() if side == SIGNATURE_SIDE else ImageJob(path, side)

    window = make_window(services=replace(gui_fakes.make_services(paths, trash), make_job=make_job))
    open_and_score(qtbot, window, shoot)
    return window


def test_a_series_that_nobody_could_look_at_is_kept_whole(qtbot, unseen, shoot):
    """It could be a bracket: Shift+P says why it does nothing, *Reject below* passes it by."""
    record = unseen.model.record(shoot / "p04.jpg")
    assert record.series.kind is SeriesKind.UNDECIDED
    assert "not looked at" in dict(info_lines(record, None))["Series"]
    unseen.photo_cursor.go_to(record)
    press(qtbot, unseen, "P", Qt.KeyboardModifier.ShiftModifier)
    settle(qtbot, unseen)
    assert all(one.decision.flag is Flag.NONE for one in unseen.model.records)
    assert "could be a bracket" in unseen.parts.status.message
    unseen.parts.histogram.set_threshold(60)
    unseen.parts.threshold.reject_below.emit()
    unseen.actions_.dialog.accept()
    settle(qtbot, unseen)
    assert unseen.model.record(shoot / "p00.jpg").decision.is_rejected
    assert record.decision.flag is Flag.NONE
