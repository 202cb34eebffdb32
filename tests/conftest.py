"""What every test rests on."""

import signal


def pytest_configure():
    """Take Ctrl-C as usual, also where the suite was started in the background.

    A shell that starts a job with `&` has it ignore SIGINT, and every child inherits that; the
    tests of interrupts would then wait for a signal that never comes.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
