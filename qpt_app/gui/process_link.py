"""Runs a function in a process of its own and talks with it over a pipe, without blocking."""

import contextlib
import multiprocessing
import threading
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from PySide6.QtCore import QObject, Signal

JOIN_S = 0.7
"""How long a process may take to end by itself before it is killed."""


class ProcessLink(QObject):
    """One child process. Messages in both directions are plain picklable values.

    The child is started by `spawn`, so it shares no Qt, no threads and no CUDA state with the
    window, and sees its pipe close when the window's process dies.
    """

    message = Signal(object)
    """Something that the child sent; arrives in the GUI thread."""
    ended = Signal(str)
    """The child went away without being asked; carries the reason. In the GUI thread."""
    _received = Signal(object)
    _lost = Signal(str)

    def __init__(
        self,
        target: Callable[..., None],
        arguments: tuple[Any, ...] = (),
        *,
        name: str,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._target = target
        self._arguments = arguments
        self._name = name
        self._process: multiprocessing.process.BaseProcess | None = None
        self._reader: threading.Thread | None = None
        self._writer: threading.Thread | None = None
        self._outbox: deque[Any] = deque()
        self._outgoing = threading.Condition()
        self._closing = False
        self._received.connect(self._pass_on)
        self._lost.connect(self._report_end)

    @property
    def is_running(self) -> bool:
        """Whether the child was started and not closed."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the child; returns at once, the start itself happens in a thread."""
        if self._writer is not None:
            return
        self._writer = threading.Thread(target=self._run, name=f"{self._name}-out", daemon=True)
        self._writer.start()

    def send(self, message: object) -> None:
        """Queue a message for the child; never blocks."""
        with self._outgoing:
            self._outbox.append(message)
            self._outgoing.notify()

    def close(self) -> None:
        """Ask the child to end and kill it if it does not; takes less than two seconds."""
        with self._outgoing:
            self._closing = True
            self._outgoing.notify()
        if self._writer is not None:
            self._writer.join(timeout=1.5)
        if self._reader is not None:
            self._reader.join(timeout=0.3)

    # -- threads ---------------------------------------------------------------------------

    def _run(self) -> None:
        """Start the child, send what is queued, and end it: all that could block."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        try:
            process = context.Process(
                target=self._target, args=(theirs, *self._arguments), name=self._name
            )
            process.start()
        except OSError as error:
            self._emit(self._lost, str(error))
            return
        finally:
            theirs.close()
        self._process = process
        self._reader = threading.Thread(
            target=self._read, args=(ours,), name=f"{self._name}-in", daemon=True
        )
        self._reader.start()
        self._write(ours)
        self._end(process, ours)

    def _write(self, pipe: Connection) -> None:
        while True:
            with self._outgoing:
                while not self._outbox and not self._closing:
                    self._outgoing.wait()
                if self._closing:
                    return
                message = self._outbox.popleft()
            try:
                pipe.send(message)
            except OSError:
                return

    def _end(self, process: multiprocessing.process.BaseProcess, pipe: Connection) -> None:
        """Let the child end by itself, or make it."""
        if not self._closing:
            process.join(timeout=JOIN_S)
        with contextlib.suppress(OSError):
            pipe.send(None)
        process.join(timeout=JOIN_S)
        if process.is_alive():
            process.kill()
            process.join(timeout=JOIN_S)
        if self._reader is not None:
            self._reader.join(timeout=0.2)
        pipe.close()

    def _read(self, pipe: Connection) -> None:
        while not self._closing:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                if not self._closing:
                    self._emit(self._lost, "its process ended unexpectedly")
                    with self._outgoing:
                        self._outgoing.notify()
                return
            self._emit(self._received, message)

    def _emit(self, signal: Any, value: object) -> None:
        """Emit from a thread, unless the window went away."""
        if not self._closing:
            with contextlib.suppress(RuntimeError):
                signal.emit(value)

    # -- GUI thread ------------------------------------------------------------------------

    def _pass_on(self, message: object) -> None:
        if not self._closing:
            self.message.emit(message)

    def _report_end(self, reason: str) -> None:
        if not self._closing:
            self.ended.emit(reason)
