"""Signals: the first raises, never inside a row; a second one ends at once."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from qpt_app.cli.interrupts import Interrupts

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_raises_in_the_main_thread(number):
    """SIGTERM ends a run as Ctrl-C does; the handlers are restored afterwards."""
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), Interrupts(exit_code=130):
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_row_is_finished_first():
    """Inside `held` the interrupt waits for the end of the block."""
    done = []

    def write_a_row():
        with Interrupts(exit_code=130) as interrupts, interrupts.held():
            signal.raise_signal(signal.SIGINT)
            done.append("row")
        done.append("never")

    with pytest.raises(KeyboardInterrupt):
        write_a_row()
    assert done == ["row"]


def test_one_ctrl_c_that_arrives_twice_is_one():
    """A process group and its leader may both be signalled."""
    with Interrupts(exit_code=130):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_second_ctrl_c_ends_at_once():
    """Even while the first one is still being dealt with."""
    program = (
        "import signal\n"
        "from qpt_app.cli import interrupts\n"
        "interrupts.SAME_INTERRUPT_S = -1.0\n"
        "with interrupts.Interrupts(exit_code=130):\n"
        "    try: signal.raise_signal(signal.SIGINT)\n"
        "    except KeyboardInterrupt: signal.raise_signal(signal.SIGINT)\n"
        "print('never')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (130, b"")


def test_an_ignored_signal_stays_ignored():
    """`nohup` is respected."""
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts(exit_code=130):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, old)


def test_outside_the_main_thread_nothing_is_installed():
    """Signals can only be handled in the main thread."""
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def inside():
        with Interrupts(exit_code=130):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [before]
