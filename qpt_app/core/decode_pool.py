"""Decodes photos in worker processes that can be killed, so that no file can hurt the program.

Each of N threads owns one process and talks to it over a pipe. A file that takes too long gets
its process killed (`timeout`); a process that dies gets the file tried once more in a new one
while no other decodes (`crashed` if that dies too). Processes are replaced after some hundred
files or when they have grown. Closing the pool kills whatever runs.
"""

import heapq
import itertools
import logging
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from concurrent.futures import CancelledError, Future
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from qpt_app.core.decode_jobs import (
    DecodeJob,
    DecodeOutcome,
    ImageJob,
    ViewsJob,
)
from qpt_app.core.decode_limits import DecodeLimits
from qpt_app.core.decode_lock import SharedLock
from qpt_app.core.decode_worker import Reply, WorkerSettings, worker_main
from qpt_app.core.status import PhotoStatus
from qpt_app.errors import QptError

__all__ = ["DecodeJob", "DecodeOutcome", "DecodePool", "ImageJob", "ViewsJob"]

_LOG = logging.getLogger(__name__)

START_TIMEOUT_S = 120.0
"""How long a worker may take to start; a virus scanner can make the first start slow."""

MAX_RESIDENT_BYTES = 800 << 20
"""A worker that holds more memory than this after a file is replaced."""

_NOISE_BYTES = 2000


class _Queued(NamedTuple):
    """A job that waits for its turn; sorts by what goes first."""

    priority: int
    number: int
    """Differs for every job, so that what follows is never compared."""
    job: DecodeJob
    future: "Future[DecodeOutcome]"
    lane: str | None


class DecodePool:
    """Worker processes for decoding. Use as a context manager, or call `close`.

    `submit` may be called from any thread. Threads and processes are started when jobs come.
    """

    def __init__(
        self,
        *,
        workers: int,
        limits: DecodeLimits | None = None,
        timeout_s: float = 20.0,
        recycle_after: int = 500,
        memory_limit: int | None = None,
    ) -> None:
        """Prepare a pool of at most `workers` processes.

        Args:
            workers: processes at most; at least 1.
            limits: what a photo may cost.
            timeout_s: seconds that one file may take, start of the process not counted.
            recycle_after: files after which a process is replaced.
            memory_limit: bytes of address space that decoding may add to a process (enforced on
                Linux); None for three times the byte budget.

        Raises:
            ValueError: if there is not at least one worker.
        """
        if workers < 1:
            raise ValueError(f"a decode pool needs at least one worker, not {workers}")
        self._limits = limits or DecodeLimits()
        self._timeout_s = timeout_s
        self._recycle_after = recycle_after
        self._memory_limit = memory_limit or 3 * self._limits.byte_budget
        self._max_workers = workers
        self._condition = threading.Condition()
        self._queue: list[_Queued] = []
        self._busy_lanes: set[str] = set()
        self._held: dict[str, list[_Queued]] = {}
        """What has come to the front of the queue while its lane was busy."""
        self._numbers = itertools.count()
        self._idle = 0
        self._closed = False
        self._turns = SharedLock()
        self._threads: list[threading.Thread] = []
        self._workers: list[_Worker] = []
        self._noise = tempfile.TemporaryDirectory(prefix="qpt-decode-", ignore_cleanup_errors=True)

    def submit(
        self, job: DecodeJob, *, priority: int = 0, lane: str | None = None
    ) -> "Future[DecodeOutcome]":
        """Queue a job; those with the lowest number go first, equals in the order submitted.

        Of the jobs of one lane no two are ever worked at together, however many are queued: the
        other workers stay free for the rest. A job that is not waited for any more keeps its lane
        until it ends.

        The future gives the outcome; `cancel()` works while the job is queued. It gives
        `CancelledError` if the pool is closed first, and `QptError` if no worker can be started.

        Raises:
            RuntimeError: if the pool is closed.
        """
        future: Future[DecodeOutcome] = Future()
        with self._condition:
            if self._closed:
                raise RuntimeError("the decode pool is closed")
            heapq.heappush(self._queue, _Queued(priority, next(self._numbers), job, future, lane))
            if self._idle < len(self._queue) and len(self._threads) < self._max_workers:
                self._add_thread()
            self._condition.notify()
        return future

    def close(self) -> None:
        """Kill what runs and cancel what waits. May be called twice, from any thread."""
        with self._condition:
            self._closed = True
            waiting = [*self._queue, *itertools.chain.from_iterable(self._held.values())]
            self._queue, self._held = [], {}
            self._condition.notify_all()
        for queued in waiting:
            queued.future.cancel()
            queued.future.set_running_or_notify_cancel()
        for worker in self._workers:
            worker.stop()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=1.0)
        self._noise.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _add_thread(self) -> None:
        """Start one more thread with its own worker; the condition is held."""
        number = len(self._threads)
        settings = WorkerSettings(
            limits=self._limits,
            memory_limit=self._memory_limit,
            cpu_seconds=(int(self._timeout_s) + 10) * (os.cpu_count() or 1),
            noise_path=str(Path(self._noise.name) / f"worker-{number}.txt"),
        )
        worker = _Worker(settings, timeout_s=self._timeout_s, recycle_after=self._recycle_after)
        thread = threading.Thread(
            target=self._serve, args=(worker,), name=f"qpt-decode-{number}", daemon=True
        )
        self._workers.append(worker)
        self._threads.append(thread)
        thread.start()

    def _serve(self, worker: "_Worker") -> None:
        """Feed one worker until the pool is closed. Runs in its own thread."""
        _keep_ctrl_c_away()
        while (queued := self._next()) is not None:
            try:
                self._answer(worker, queued)
            finally:
                self._leave(queued.lane)
        worker.stop()

    def _answer(self, worker: "_Worker", queued: _Queued) -> None:
        """Do a job, unless it was cancelled, and pass on what comes of it."""
        future = queued.future
        if not future.set_running_or_notify_cancel():
            return
        try:
            outcome = self._decode(worker, queued.job)
        except (QptError, CancelledError) as error:
            future.set_exception(error)
        except Exception as error:  # noqa: BLE001 (the thread's edge: handed to the caller)
            future.set_exception(error)
        else:
            future.set_result(outcome)

    def _next(self) -> _Queued | None:
        """Wait for the next job and take its lane; None when the pool is closed."""
        with self._condition:
            self._idle += 1
            self._condition.wait_for(lambda: self._closed or self._can_begin())
            self._idle -= 1
            if self._closed:
                return None
            queued = heapq.heappop(self._queue)
            if queued.lane is not None:
                self._busy_lanes.add(queued.lane)
            return queued

    def _can_begin(self) -> bool:
        """Put aside what has to wait for its lane; return whether a job is left to begin with."""
        while self._queue and self._queue[0].lane in self._busy_lanes:
            queued = heapq.heappop(self._queue)
            self._held.setdefault(str(queued.lane), []).append(queued)
        return bool(self._queue)

    def _leave(self, lane: str | None) -> None:
        """Let the next job of a lane begin."""
        if lane is None:
            return
        with self._condition:
            self._busy_lanes.discard(lane)
            for queued in self._held.pop(lane, []):
                heapq.heappush(self._queue, queued)
            self._condition.notify_all()

    def _decode(self, worker: "_Worker", job: DecodeJob) -> DecodeOutcome:
        """Decode a file, a second time alone if its process dies."""
        try:
            with self._turns.shared():
                return worker.run(job)
        except _WorkerDiedError as first:
            _LOG.debug("worker died on %r: %s", os.fspath(job.path), first)
        with self._turns.exclusive():
            try:
                return worker.run(job)
            except _WorkerDiedError as death:
                return DecodeOutcome(status=PhotoStatus.CRASHED, reason=str(death))


class _WorkerDiedError(Exception):
    """A worker process ended in the middle of a job; the text says how. Stays in this module."""


_START_LOCK = threading.Lock()
"""Starting and closing processes touches a list that multiprocessing keeps of all its children."""


class _Worker:
    """One process at a time, replaced when it is used up, hung or dead."""

    def __init__(self, settings: WorkerSettings, *, timeout_s: float, recycle_after: int) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._recycle_after = recycle_after
        self._lock = threading.Lock()
        self._stopped = False
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._files = 0

    def run(self, job: DecodeJob) -> DecodeOutcome:
        """Have a job done.

        Raises:
            _WorkerDiedError: if the process ended instead of answering.
            CancelledError: if the pool is being closed.
            QptError: if no process can be started.
        """
        process, connection = self._ready()
        start = time.monotonic()
        try:
            connection.send(job)
            if not wait([connection, process.sentinel], timeout=self._timeout_s):
                return self._timed_out(time.monotonic() - start)
            reply: Reply = connection.recv()
        except (EOFError, OSError) as error:
            raise self._died() from error
        self._log_noise(job)
        self._files += 1
        if self._files >= self._recycle_after or reply.resident > MAX_RESIDENT_BYTES:
            self._discard()
        return reply.outcome

    def stop(self) -> None:
        """Kill the process, for good."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _ready(self) -> tuple[SpawnProcess, Connection]:
        """Return a started process and its pipe."""
        if self._process is None or self._connection is None or not self._process.is_alive():
            self._discard()
            self._start()
        if self._process is None or self._connection is None:
            raise CancelledError
        return self._process, self._connection

    def _start(self) -> None:
        """Start a process and wait until it is ready."""
        context = multiprocessing.get_context("spawn")
        connection, theirs = context.Pipe()
        process = context.Process(
            target=worker_main, args=(theirs, self._settings), daemon=True, name="qpt-decode"
        )
        with self._lock:
            if self._stopped:
                raise CancelledError
            with _START_LOCK:
                process.start()
            self._process, self._connection, self._files = process, connection, 0
        theirs.close()
        try:
            if not connection.poll(START_TIMEOUT_S):
                raise EOFError
            connection.recv()
        except (EOFError, OSError) as error:
            death = self._died()
            if self._stopped:
                raise CancelledError from error
            raise QptError(f"a decode process cannot be started: {death}") from error

    def _timed_out(self, seconds: float) -> DecodeOutcome:
        """Kill a hung process and say so."""
        self._discard()
        if self._stopped:
            raise CancelledError
        return DecodeOutcome(
            status=PhotoStatus.TIMEOUT,
            reason=f"not decoded within {self._timeout_s:g} s",
            seconds=seconds,
        )

    def _died(self) -> _WorkerDiedError | CancelledError:
        """Clear away a dead process and describe its end."""
        process = self._process
        if process is not None:
            process.join(timeout=1.0)
        code = process.exitcode if process is not None else None
        noise = self._read_noise()
        self._discard()
        if self._stopped:
            return CancelledError()
        last = noise.strip().splitlines()[-1:] or [""]
        words = f"the decoder process {_describe_exit(code)}"
        return _WorkerDiedError(f"{words}: {last[0][:120]}" if last[0] else words)

    def _discard(self) -> None:
        """Kill and forget the process."""
        with self._lock:
            process, self._process = self._process, None
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.join(timeout=5.0)
            with _START_LOCK:
                if process.exitcode is not None:
                    process.close()

    def _read_noise(self) -> str:
        """Return the end of what the process has printed."""
        try:
            with Path(self._settings.noise_path).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _NOISE_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def _log_noise(self, job: DecodeJob) -> None:
        """Pass what C libraries printed on to the log, and empty the file."""
        path = Path(self._settings.noise_path)
        try:
            if path.stat().st_size:
                _LOG.debug("while decoding %r: %s", os.fspath(job.path), self._read_noise())
                os.truncate(path, 0)
        except OSError as error:
            _LOG.debug("noise of a decode worker is lost: %s", error)


def _keep_ctrl_c_away() -> None:
    """Block SIGINT in this thread, so that processes started here are born with it blocked."""
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # unblocks SIGINT in the thread that starts it: before
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _describe_exit(code: int | None) -> str:
    """Say how a process ended: `was ended by SIGSEGV`, `ended with code 3`."""
    if code is None:
        return "ended"
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended with code {code}"
