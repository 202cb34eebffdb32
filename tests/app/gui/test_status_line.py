"""The line below the photos: how long it says what happened."""

from qpt_app.gui import status_line
from qpt_app.gui.status_line import StatusLine


def test_what_is_announced_goes_after_its_time(qtbot, monkeypatch):
    """The time begins again with every announcement."""
    monkeypatch.setattr(status_line, "MESSAGE_MS", 1)
    line = StatusLine()
    qtbot.addWidget(line)
    line.announce("first")
    line.announce("second")
    assert line.message == "second"
    qtbot.waitUntil(lambda: line.message == "")


def test_what_lasts_stays_until_something_else_is_announced(qtbot):
    """The time of an earlier announcement does not take it away."""
    line = StatusLine()
    qtbot.addWidget(line)
    line.announce("first")
    line.announce("lasts", lasting=True)
    assert not line._timer.isActive()
    assert line.message == "lasts"
    line.announce("second")
    assert line._timer.isActive()
