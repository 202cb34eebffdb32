"""On a real (pseudo) terminal: the table, colours and progress as a person sees them."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a Linux pty")

PROGRAM = """
import contextlib, sys
from pathlib import Path
from qpt_app.cli import wiring
from qpt_app.cli.main import run
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.results import PhotoResult

def score(files):
    for number, photo in enumerate(files):
        yield PhotoResult(path=photo.path, status=PhotoStatus.OK, score=float(number))

@contextlib.contextmanager
def open_scoring(settings, *, say):
    yield wiring.OpenScoring(
        model="fake@0", score=score, better=lambda one, other: 1 / (1 + 10 ** ((other - one) / 50))
    )

wiring.open_scoring = open_scoring
run(sys.argv[1:])
"""


def on_terminal(*arguments, **environment):
    """Run `qpt` with a fake engine on a terminal of 80 columns; return (code, what it shows)."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    return process.wait(timeout=20), shown.decode()


def test_a_person_sees_progress_and_then_a_table(shoot):
    """The bar is wiped before the table comes."""
    code, shown = on_terminal("score", "--sort", shoot)
    assert code == 0
    assert "0/3" in shown
    bar, table = shown.index("0/3"), shown.index("\x1b[1m")
    assert bar < table
    assert shown[bar:table].rstrip(" \r").count("\n") == 0
    assert shown[table:].splitlines()[1].split()[:2] == ["1=", "2.0"]
    assert "3 of 3 photos scored" in shown


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"CI": "1"}])
def test_no_progress_where_it_would_spoil_the_log(shoot, environment):
    """A dumb terminal and CI get the table alone."""
    _, shown = on_terminal("score", shoot, **environment)
    assert "0/3" not in shown
    assert "a.jpg" in shown


def test_streamed_rows_on_a_terminal_are_not_mixed_with_a_bar(shoot):
    """jsonl asked for on a terminal streams; there is no bar then."""
    _, shown = on_terminal("score", "--format", "jsonl", "-q", shoot)
    assert [line[:12] for line in shown.splitlines()] == ['{"schema": 1'] * 3
