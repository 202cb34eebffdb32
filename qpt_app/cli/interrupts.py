"""Ctrl-C and SIGTERM: the first ends the run in order, the second at once."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self

SAME_INTERRUPT_S = 0.25
"""Signals this close together, in seconds, are one Ctrl-C that reached us twice."""

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupts:
    """Raises KeyboardInterrupt in the main thread, but never in the middle of a row."""

    def __init__(self, *, exit_code: int) -> None:
        self._exit_code = exit_code
        self._held = False
        self._first_at: float | None = None
        self._old: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Install the handlers; outside the main thread there is nothing to install."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
                    self._old[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the handlers."""
        for number, handler in self._old.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Finish this block first; an interrupt that came meanwhile is raised at its end."""
        self._held, before = True, self._first_at
        try:
            yield
        finally:
            self._held = False
        if self._first_at != before:
            raise KeyboardInterrupt

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
            if not self._held:
                raise KeyboardInterrupt
        elif now - self._first_at > SAME_INTERRUPT_S:
            os._exit(self._exit_code)
