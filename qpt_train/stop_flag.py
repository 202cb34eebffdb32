"""Stops a training loop at its next step when the system asks for it."""

import os
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


class _SurviveOnce:
    """Lets the first signal pass and ends the process at the second."""

    def __init__(self) -> None:
        self._seen = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        if self._seen:
            os._exit(SIGTERM_EXIT_CODE)
        self._seen = True


def survive_first_sigterm(_worker: int) -> None:
    """Keep a data-loading process alive when SIGTERM goes to all of a job, as schedulers send it.

    The training process needs it until its step is done and saved, and ends it then; were it gone
    before, the step would break off with an error and what came after the last checkpoint be
    lost. For `DataLoader(worker_init_fn=...)`, which calls it after torch set its own handlers.
    """
    signal.signal(signal.SIGTERM, _SurviveOnce())
