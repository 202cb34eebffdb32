"""Notes and progress: stderr only, on terminals only, never in the way."""

import io
import logging
import sys

import pytest

from qpt_app.cli.console import Console, say, wants_color, wants_progress


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def use_terminal(monkeypatch):
    """Put a terminal in place of stderr (in the test: pytest restores after fixtures)."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    return stream


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"CI": "true"}, False),
        ({"CI": "1"}, False),
        ({"CI": "false"}, True),
        ({"CI": ""}, True),
        ({}, True),
    ],
)
def test_progress_only_where_a_cursor_can_move(environment, wanted):
    """TERM=dumb and CI get none, a pipe never does."""
    assert wants_progress(Terminal(), environment) == wanted
    assert not wants_progress(io.StringIO(), environment)


@pytest.mark.parametrize(
    ("environment", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_colour(environment, on_terminal, in_pipe):
    """NO_COLOR wins over FORCE_COLOR, which wins over what the stream is."""
    assert wants_color(Terminal(), environment) == on_terminal
    assert wants_color(io.StringIO(), environment) == in_pipe


def test_a_note_is_one_escaped_line(capsys):
    """A file's name in a message cannot steer the terminal."""
    say("bad\nname\x1b[2J")
    assert capsys.readouterr().err == "qpt: bad\\x0aname\\x1b[2J\n"


def test_quiet_keeps_warnings(capsys):
    """Notes go, warnings stay, details come only with -v."""
    for quiet, verbose, expected in [
        (False, False, "note warn"),
        (True, False, "warn"),
        (False, True, "note warn detail"),
    ]:
        with Console(quiet=quiet, verbose=verbose) as console:
            console.note("note")
            console.warn("warn")
            console.detail("detail")
        assert capsys.readouterr().err.replace("qpt: ", "").split() == expected.split()


def test_the_library_s_log_becomes_notes(capsys):
    """A warning of a module is a line; afterwards the log is as it was."""
    logger = logging.getLogger("qpt_app")
    before = (logger.level, logger.propagate, list(logger.handlers))
    with Console():
        logging.getLogger("qpt_app.core.somewhere").warning("memory %s", "exhausted")
        logging.getLogger("qpt_app.core.somewhere").info("not shown")
    assert capsys.readouterr().err == "qpt: memory exhausted\n"
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_progress_shows_rate_and_time_left(monkeypatch):
    """And it is gone when the run is over."""
    terminal = use_terminal(monkeypatch)
    with Console() as console:
        assert console.shows_progress
        console.open_progress(10)
        for _ in range(5):
            console.advance()
        console.line("a note in between")
    text = terminal.getvalue()
    assert "photos/s" in text
    assert "<" in text
    assert "a note in between\n" in text
    assert text.rstrip(" ").endswith("\r")


def test_no_progress_under_quiet(monkeypatch):
    """-q is silent."""
    use_terminal(monkeypatch)
    with Console(quiet=True) as console:
        assert not console.shows_progress


def test_a_closed_stderr_is_survived(monkeypatch):
    """There is nobody left to tell."""
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    say("anything")
