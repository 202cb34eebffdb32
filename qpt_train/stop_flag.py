"""Stops a training loop at its next step when the system asks for it."""

import signal
from types import FrameType

SIGTERM_EXIT_CODE = 143
"""128 + 15: what a shell reports of a program that SIGTERM ended."""


class StopFlag:
    """True once SIGTERM came; the loop saves and stops at its next step."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._asked

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True
