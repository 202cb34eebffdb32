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
    """One child process at a time. Messages in both directions are plain picklable values.

    The child is started by `spawn`, so it shares no Qt, no threads and no CUDA state with the
    window, and sees its pipe close when the window's process dies.
    """

    message = Signal(object)
    """Something that the child sent; arrives in the GUI thread."""
    ended = Signal(str)
    """The child went away without being asked; carries the reason. In the GUI thread."""
    _received = Signal(object, object)
    _lost = Signal(object, str)

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
        self._child = self._make_child()
        self._former: list[_Child] = []
        self._received.connect(self._pass_on)
        self._lost.connect(self._report_end)

    @property
    def is_running(self) -> bool:
        """Whether the child was started and not closed."""
        return self._child.pid is not None

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return self._child.pid

    def start(self) -> None:
        """Start the child; returns at once, the start itself happens in a thread."""
        self._child.start()

    def renew(self) -> None:
        """Let go of the child, dead or not; messages from now on are for the next `start`."""
        self._child.let_go()
        self._former = [child for child in self._former if child.is_busy]
        self._former.append(self._child)
        self._child = self._make_child()

    def send(self, message: object) -> None:
        """Queue a message for the child; never blocks."""
        self._child.send(message)

    def close(self) -> None:
        """Ask the child to end and kill it if it does not; takes less than two seconds."""
        children = [self._child, *self._former]
        for child in children:
            child.let_go()
        for child in children:
            child.join()

    def _make_child(self) -> "_Child":
        return _Child(
            self._target, self._arguments, self._name, self._received.emit, self._lost.emit
        )

    # -- GUI thread ------------------------------------------------------------------------

    def _pass_on(self, child: "_Child", message: object) -> None:
        if self._speaks(child):
            self.message.emit(message)

    def _report_end(self, child: "_Child", reason: str) -> None:
        if self._speaks(child):
            self.ended.emit(reason)

    def _speaks(self, child: "_Child") -> bool:
        """Whether a child is the present one; what one that was let go still says is dropped."""
        return child is self._child and not child.is_let_go


class _Child:
    """One process with its pipe and the two threads that wait for it."""

    def __init__(
        self,
        target: Callable[..., None],
        arguments: tuple[Any, ...],
        name: str,
        received: Callable[["_Child", Any], None],
        lost: Callable[["_Child", str], None],
    ) -> None:
        """Make it; `received` and `lost` are called in its threads."""
        self._target = target
        self._arguments = arguments
        self._name = name
        self._on_received = received
        self._on_lost = lost
        self._process: multiprocessing.process.BaseProcess | None = None
        self._reader: threading.Thread | None = None
        self._writer: threading.Thread | None = None
        self._outbox: deque[Any] = deque()
        self._outgoing = threading.Condition()
        self._is_lost = False
        self.is_let_go = False
        """Whether it is to end; set from the GUI thread."""

    @property
    def pid(self) -> int | None:
        """Its process id, once started."""
        return None if self._process is None else self._process.pid

    @property
    def is_busy(self) -> bool:
        """Whether a thread still waits for it."""
        return any(one is not None and one.is_alive() for one in (self._writer, self._reader))

    def start(self) -> None:
        """Start it in a thread, once."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._run, name=f"{self._name}-out", daemon=True)
            self._writer.start()

    def send(self, message: object) -> None:
        """Queue a message; for one that died it is dropped."""
        with self._outgoing:
            if not self._is_lost:
                self._outbox.append(message)
                self._outgoing.notify()

    def let_go(self) -> None:
        """Have it end; returns at once."""
        with self._outgoing:
            self.is_let_go = True
            self._outgoing.notify()

    def join(self) -> None:
        """Wait until it has ended, or was killed."""
        if self._writer is not None:
            self._writer.join(timeout=1.5)
        if self._reader is not None:
            self._reader.join(timeout=0.3)

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
            self._lose(str(error))
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
                while not (self._outbox or self.is_let_go or self._is_lost):
                    self._outgoing.wait()
                if self.is_let_go or self._is_lost:
                    return
                message = self._outbox.popleft()
            try:
                pipe.send(message)
            except OSError:
                return

    def _end(self, process: multiprocessing.process.BaseProcess, pipe: Connection) -> None:
        """Let the child end by itself, or make it."""
        if not self.is_let_go:
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
        while not self.is_let_go:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                if not self.is_let_go:
                    self._lose("its process ended unexpectedly")
                return
            self._tell(self._on_received, message)

    def _lose(self, reason: str) -> None:
        """The child is gone: nothing can be sent any more."""
        with self._outgoing:
            self._is_lost = True
            self._outbox.clear()
            self._outgoing.notify()
        self._tell(self._on_lost, reason)

    def _tell(self, listener: Callable[["_Child", Any], None], value: object) -> None:
        """Tell the window, unless it went away."""
        if not self.is_let_go:
            with contextlib.suppress(RuntimeError):
                listener(self, value)
