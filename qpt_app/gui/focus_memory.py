"""Remembers from start to start how sharp photos are, in the score cache. No Qt.

The scoring process and the command line have the same file open: each writes a few rows at a time
and waits for the other, so everything here happens in a thread that may wait.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

from qpt_app.errors import StorageError
from qpt_app.photos.fingerprint import take_fingerprint
from qpt_app.photos.results import PhotoFile
from qpt_app.photos.score_cache import CachedFocus, FocusMeasure, ScoreCache

CLOSING_S = 1.0
"""How long the window waits at most for the last numbers to be written."""

Answer = Callable[[list[CachedFocus | None]], None]
"""Takes what is known of each file; called in the thread."""

_log = logging.getLogger(__name__)


class FocusMemory:
    """Costs nothing until it is asked; a cache that cannot be used knows nothing."""

    def __init__(self, folder: Path | None, measure: FocusMeasure) -> None:
        """`folder` is that of the score cache; None remembers nothing."""
        self._folder = folder
        self._measure = measure
        self._tasks: SimpleQueue[Callable[[ScoreCache | None], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def ask(self, files: Sequence[PhotoFile], answer: Answer) -> None:
        """Look up what is known of files, without opening one."""

        def look_up(cache: ScoreCache | None) -> None:
            if self._is_closing:
                return
            if cache is None:
                answer([None] * len(files))
                return
            cache.flush()
            answer(cache.get_focus(files, self._measure))

        self._do(look_up)

    def keep(self, file: PhotoFile, focus: CachedFocus) -> None:
        """Keep what was measured of a file, unless it was changed meanwhile."""

        def write(cache: ScoreCache | None) -> None:
            if cache is None or not cache.usable:
                return
            try:
                fingerprint = take_fingerprint(file.path)
            except OSError:
                return  # it is gone, and so is what was to be remembered
            if fingerprint.settled and fingerprint.stamp == file.stamp:
                cache.put_focus(file.path, fingerprint, self._measure, focus)

        self._do(write)

    def close(self) -> None:
        """Have written what is on its way; called once."""
        self._is_closing = True
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join(CLOSING_S)

    def _do(self, task: Callable[[ScoreCache | None], None]) -> None:
        if self._is_closing:
            return
        self._tasks.put(task)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="qpt-focus-memory", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        cache = self._open()
        try:
            while (task := self._tasks.get()) is not None:
                task(cache)
        finally:
            if cache is not None:
                cache.close()
                self._report(cache)

    def _open(self) -> ScoreCache | None:
        if self._folder is None:
            return None
        try:
            cache = ScoreCache.open(self._folder)
        except StorageError as error:  # scoring has told the user
            _log.warning("how sharp photos are is not remembered: %s", error)
            return None
        self._report(cache)
        return cache

    def _report(self, cache: ScoreCache) -> None:
        while cache.notices:
            _log.warning("%s", cache.notices.pop(0))
