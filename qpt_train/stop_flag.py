"""Stops a training loop at its next step when the system asks for it."""

import signal
from types import FrameType


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
