"""What is still to be scored, and in which order: what the user looks at first. No Qt."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from qpt_app.photos.results import PhotoFile


class ScoringQueue:
    """Waiting photos of one generation (one opened folder). Any thread may use it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, PhotoFile] = {}
        self._first: list[str] = []
        self._taken: dict[str, PhotoFile] = {}
        self._retried: set[str] = set()
        self._generation = 0
        self._paused = False
        self._stopped = False

    @property
    def generation(self) -> int:
        """Number of the opened folder; results of an older one are dropped."""
        return self._generation

    @property
    def is_stopped(self) -> bool:
        """Whether the worker is to end."""
        return self._stopped

    def open(self, generation: int) -> None:
        """Start a new folder: forget what waits."""
        with self._changed:
            self._generation = generation
            self._waiting, self._first, self._taken, self._retried = {}, [], {}, set()
            self._paused = False
            self._changed.notify_all()

    def add(self, generation: int, files: Iterable[PhotoFile]) -> None:
        """Add photos at the end; those of an older folder are ignored."""
        with self._changed:
            if generation == self._generation:
                self._waiting.update((file.location, file) for file in files)
                self._changed.notify_all()

    def retry(self, generation: int, files: Iterable[PhotoFile]) -> None:
        """Add photos that failed before; the cache's word does not count for them."""
        with self._changed:
            if generation == self._generation:
                self._retried.update(file.location for file in files)
        self.add(generation, files)

    def is_retried(self, location: str) -> bool:
        """Whether a photo is to be tried again although the cache knows that it failed."""
        return location in self._retried

    def look_at(self, paths: Sequence[Path]) -> None:
        """Take these photos next, in this order."""
        with self._changed:
            self._first = [os.fspath(path) for path in paths]

    def set_paused(self, paused: bool) -> None:
        """Rest, or go on."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def cancel(self) -> None:
        """Forget what waits; photos added later are scored again."""
        with self._changed:
            self._waiting, self._first = {}, []
            self._changed.notify_all()

    def stop(self) -> None:
        """End the worker."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait(self) -> bool:
        """Block until there is something to do; False when the worker is to end."""
        with self._changed:
            while not self._stopped and (self._paused or not self._waiting):
                self._changed.wait()
            return not self._stopped

    def interrupted(self, generation: int) -> Callable[[], bool]:
        """Return a test whether work on a generation is to stop now."""
        return lambda: self._stopped or self._paused or generation != self._generation

    @property
    def has_retries(self) -> bool:
        """Whether failed photos are to be tried again."""
        return bool(self._retried)

    def snapshot(self) -> list[PhotoFile]:
        """Return what waits, without taking it."""
        with self._changed:
            return list(self._waiting.values())

    def take(self, generation: int) -> Iterator[PhotoFile]:
        """Give out photos one at a time, each as it is asked for; ends when none waits."""
        while (file := self._take_one(generation)) is not None:
            yield file

    def done(self, location: str) -> None:
        """Note that a photo has its result."""
        with self._changed:
            self._retried.discard(location)
            self._taken.pop(location, None)
            self._waiting.pop(location, None)

    def give_back(self) -> None:
        """Put photos that were taken but not finished in front of the others again."""
        with self._changed:
            self._waiting = {**self._taken, **self._waiting}
            self._taken = {}

    def _take_one(self, generation: int) -> PhotoFile | None:
        with self._changed:
            if self._stopped or self._paused or generation != self._generation:
                return None
            while self._first:
                file = self._waiting.pop(self._first.pop(0), None)
                if file is not None:
                    self._taken[file.location] = file
                    return file
            if not self._waiting:
                return None
            location = next(iter(self._waiting))
            file = self._waiting.pop(location)
            self._taken[location] = file
            return file
