"""The process that reads EXIF essentials: times for sorting and series, and details. No Qt."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple


class ReadRequest(NamedTuple):
    """Photos of one opened folder."""

    generation: int
    paths: list[Path]


class ReadAnswer(NamedTuple):
    """What was found in them."""

    generation: int
    essentials: list[tuple[Path, Any]]


def metadata_main(pipe: Connection, read: Callable[[Path], Any]) -> None:
    """Read what is asked for, the newest folder only. The entry point of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)
    requests: SimpleQueue[ReadRequest | None] = SimpleQueue()
    newest = [0]
    threading.Thread(target=_listen, args=(pipe, requests, newest), daemon=True).start()
    while (request := requests.get()) is not None:
        found = []
        for path in request.paths:
            if request.generation != newest[0]:
                break
            found.append((path, read(path)))
        if found and request.generation == newest[0]:
            with contextlib.suppress(OSError):
                pipe.send(ReadAnswer(request.generation, found))


def _listen(
    pipe: Connection, requests: "SimpleQueue[ReadRequest | None]", newest: list[int]
) -> None:
    """Take requests until the window goes away."""
    while True:
        try:
            request = pipe.recv()
        except (EOFError, OSError):
            request = None
        if request is not None:
            newest[0] = request.generation
        requests.put(request)
        if request is None:
            newest[0] = -1
            return
