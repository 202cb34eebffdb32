"""The child process of a decode pool: takes jobs from a pipe until the pipe closes.

It may be killed at any moment, and it may die at any moment: nothing here outlives it.
"""

import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from qpt_app.core.decode_jobs import DecodeJob, DecodeOutcome
from qpt_app.core.decode_limits import DecodeLimits
from qpt_app.core.status import PhotoStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """What a worker has to know before its first job."""

    limits: DecodeLimits
    memory_limit: int | None
    """Bytes of address space that decoding may add; None for no limit."""
    cpu_seconds: int
    """Processor time for one job, after which the system ends a worker that nobody watches."""
    noise_path: str
    """File that takes what C libraries print."""


class Reply(NamedTuple):
    """One answer over the pipe."""

    outcome: DecodeOutcome
    resident: int
    """Bytes of memory that the worker holds now; 0 where the system does not tell."""


READY = "ready"
"""First message of a worker that has started."""


def worker_main(connection: Connection, settings: WorkerSettings) -> None:
    """Answer jobs until the other end of the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    _capture_noise(settings.noise_path)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_memory(settings.memory_limit)
    connection.send(READY)
    while True:
        try:
            job: DecodeJob = connection.recv()
        except (EOFError, OSError):
            return
        _limit_processor_time(settings.cpu_seconds)
        reply = Reply(_answer(job, settings.limits), resident_bytes())
        try:
            connection.send(reply)
        except (BrokenPipeError, ConnectionError):
            return


def _answer(job: DecodeJob, limits: DecodeLimits) -> DecodeOutcome:
    """Do a job. This is the edge of the process: whatever is raised becomes a status."""
    try:
        return job.run(limits)
    except MemoryError:
        return DecodeOutcome(
            status=PhotoStatus.TOO_LARGE, reason="more memory needed than a worker may take"
        )
    except Exception as error:  # noqa: BLE001 (the process' edge; traced into the noise file)
        traceback.print_exc()
        return DecodeOutcome(
            status=PhotoStatus.UNREADABLE,
            reason=f"the decoder failed: {type(error).__name__}",
            may_pass=True,
        )


def _capture_noise(path: str) -> None:
    """Send descriptors 1 and 2 to a file: C libraries print to them past Python's back."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    descriptor = os.open(path, flags, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False, errors="replace")


def _end_with_parent() -> None:
    """End this process when its parent has died, whatever the decoder is doing."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def limit_memory(extra: int | None) -> None:
    """Allow this process `extra` bytes of address space on top of what it has (Linux).

    Elsewhere only the byte budget of `DecodeLimits` holds. No core files anywhere.
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if extra is None or not sys.platform.startswith("linux"):
        return
    wanted = _memory_pages(0) + extra
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _limit_processor_time(seconds: int) -> None:
    """Let the system end this process after `seconds` more of processor time.

    The parent's clock comes first by far; this holds when the parent is gone and the decoder
    keeps the interpreter's lock, so that no thread here can notice.
    """
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(usage.ru_utime + usage.ru_stime) + seconds
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def resident_bytes() -> int:
    """Return the memory that this process holds now, in bytes; 0 where it is not known."""
    return _memory_pages(1) if sys.platform.startswith("linux") else 0


def _memory_pages(field: int) -> int:
    """Return a field of /proc/self/statm in bytes: 0 is the address space, 1 the resident set."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 (no Path needed)
        return int(statm.read().split()[field]) * os.sysconf("SC_PAGE_SIZE")
