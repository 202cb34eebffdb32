"""Loads pictures through the decode pool into a cache whose memory is bounded."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage

from qpt_app.gui.value_texts import status_text


class ImageKey(NamedTuple):
    """A picture at a size: the same photo may be held small and large."""

    path: Path
    max_side: int | None
    """Longest side in pixels; None for the photo's own pixels."""


class ImagePool(Protocol):
    """What the loader needs of a decode pool."""

    def submit(self, job: Any, *, priority: int = 0, lane: str | None = None) -> "Future[Any]":
        """Queue a job; lower numbers first, one at a time of those of a lane."""
        ...


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """What became of a request."""

    key: ImageKey
    image: QImage | None
    reason: str | None
    """Why there is no picture."""
    full_size: tuple[int, int] | None
    """(width, height) of the whole photo, upright."""


class ImageLoader(QObject):
    """Keeps the pictures used last, up to a number of bytes, and fetches what is wanted."""

    loaded = Signal(object)
    """A `LoadedImage`, in the GUI thread."""
    forgotten = Signal(object)
    """A set of paths: whoever shows one of these photos has to ask for it again."""
    _arrived = Signal(object, object)

    def __init__(
        self,
        pool: ImagePool,
        make_job: Callable[[Path, int | None], Any],
        *,
        budget_bytes: int,
        in_flight: int,
        priority: int = 0,
        lane: str | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._pool = pool
        self._make_job = make_job
        self._budget = budget_bytes
        self._in_flight = in_flight
        self._priority = priority
        self._lane = lane
        self._cache: OrderedDict[ImageKey, QImage] = OrderedDict()
        self._bytes = 0
        self._sizes: dict[Path, tuple[int, int]] = {}
        self._last_size: tuple[int, int] | None = None
        """Most photos of a folder are of one size: the best guess for the next one."""
        self._failed: dict[ImageKey, str] = {}
        self._wanted: list[ImageKey] = []
        self._rank: dict[ImageKey, int] = {}
        """All that is wanted, there or not; the lower the more urgent."""
        self._running: dict[ImageKey, Future[Any]] = {}
        self._gate = threading.Lock()
        self._closed = False
        # queued even when a job is done at once, so that `_pump` never meets itself
        self._arrived.connect(self._take, Qt.ConnectionType.QueuedConnection)

    # -- asking ----------------------------------------------------------------------------

    def image(self, path: Path, max_side: int | None) -> QImage | None:
        """Return a picture if it is in memory, and mark it as used."""
        key = ImageKey(path, max_side)
        image = self._cache.get(key)
        if image is not None:
            self._cache.move_to_end(key)
        return image

    def any_image(self, path: Path) -> QImage | None:
        """Return the largest picture of a photo that is in memory."""
        held = [image for key, image in self._cache.items() if key.path == path]
        return max(held, key=lambda image: image.width(), default=None)

    def holds(self, key: ImageKey) -> bool:
        """Whether a picture is in memory, is on its way, or cannot be had."""
        return key in self._cache or key in self._running or key in self._failed

    def full_size(self, path: Path) -> tuple[int, int] | None:
        """Return (width, height) of a photo of which any picture was loaded."""
        return self._sizes.get(path)

    def failure(self, path: Path, max_side: int | None) -> str | None:
        """Return why a picture could not be loaded, or None."""
        return self._failed.get(ImageKey(path, max_side))

    def bytes_of(self, key: ImageKey) -> int:
        """Return what a picture takes in memory; a guess, until the photo's size is known."""
        held = self._cache.get(key)
        if held is not None:
            return held.sizeInBytes()
        if key in self._failed:
            return 0
        width, height = self._sizes.get(key.path, self._last_size) or (key.max_side or 0,) * 2
        scale = 1.0 if key.max_side is None else min(1.0, key.max_side / max(width, height, 1))
        return self._bytes_at(round(width * scale), round(height * scale))

    def want(self, keys: Sequence[ImageKey], *, shown: ImageKey | None = None) -> None:
        """State all that is wanted now, the most urgent first; older wishes are dropped.

        What there is no memory for, beside what is more urgent, is not fetched: it would only
        push something out that is wanted as well.

        Args:
            keys: what is wanted.
            shown: the one among them that has its place in memory before all others, whatever
                its size.
        """
        wanted = self._with_room(dict.fromkeys(keys), shown)
        self._rank = {key: at for at, key in enumerate(wanted)}
        if shown is not None:
            self._rank[shown] = -1
        for key, future in list(self._running.items()):
            if key not in wanted and future.cancel():
                self._running.pop(key, None)
        self._make_way_for(shown)
        self._wanted = [key for key in wanted if key not in self._cache]
        self._pump()

    def forget(self, paths: Iterable[Path]) -> None:
        """Drop what is held of photos: they changed, or are to be tried again."""
        gone = set(paths)
        for key in [key for key in self._cache if key.path in gone]:
            self._bytes -= self._cache.pop(key).sizeInBytes()
        for key in [key for key in self._running if key.path in gone]:
            self._running.pop(key).cancel()  # what it still answers is of the old file: dropped
        for path in gone:
            self._sizes.pop(path, None)
        self._failed = {key: why for key, why in self._failed.items() if key.path not in gone}
        self.forgotten.emit(gone)

    @property
    def failed_paths(self) -> set[Path]:
        """Photos of which a picture could not be loaded."""
        return {key.path for key in self._failed}

    def clear(self) -> None:
        """Drop everything, as when another folder is opened."""
        self.want([])
        self._cache.clear()
        self._failed.clear()
        self._sizes.clear()
        self._bytes = 0

    @property
    def budget(self) -> int:
        """The bound on memory, in bytes."""
        return self._budget

    @property
    def bytes_held(self) -> int:
        """Bytes of the pictures in memory; at most the budget, or one picture."""
        return self._bytes

    def set_budget(self, budget_bytes: int) -> None:
        """Change the bound on memory."""
        self._budget = budget_bytes
        self._evict()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is running or waiting."""
        return not self._running and not self._wanted

    def close(self) -> None:
        """Cancel what waits; answers that arrive later are dropped."""
        with self._gate:
            self._closed = True
        self._wanted = []
        for future in self._running.values():
            future.cancel()
        self._running.clear()

    # -- what is loaded --------------------------------------------------------------------

    def _bytes_at(self, width: int, height: int) -> int:
        """Return what a picture of so many pixels takes in memory."""
        return 4 * width * height

    def _read(self, key: ImageKey, outcome: Any) -> LoadedImage:
        """Turn a `DecodeOutcome` into a picture that paints fast. Runs in a thread of the pool."""
        size = (outcome.width, outcome.height) if outcome.width and outcome.height else None
        if outcome.pixels is None:
            return LoadedImage(key, None, outcome.reason or status_text(outcome.status), size)
        return LoadedImage(key, to_image(outcome.pixels), None, size)

    # -- loading ---------------------------------------------------------------------------

    def _with_room(
        self, keys: dict[ImageKey, None], shown: ImageKey | None
    ) -> dict[ImageKey, None]:
        """Leave out what does not fit into memory beside what comes before it."""
        room = self._budget - (0 if shown is None else self.bytes_of(shown))
        fitting: dict[ImageKey, None] = {}
        for key in keys:
            if key == shown:
                fitting[key] = None
                continue
            size = self.bytes_of(key)
            if size <= room or (shown is None and not fitting):
                fitting[key] = None
                room -= size
        return fitting

    def _make_way_for(self, shown: ImageKey | None) -> None:
        """Take back what has not begun, if what is on screen would have to wait for it."""
        if shown is None or self.holds(shown) or len(self._running) < self._in_flight:
            return
        for key, future in list(self._running.items()):
            if future.cancel():
                del self._running[key]

    def _pump(self) -> None:
        """Hand over as many wishes as the pool can start soon, so that order can still change."""
        while self._wanted and len(self._running) < self._in_flight and not self._closed:
            key = self._wanted.pop(0)
            if key in self._cache or key in self._running or key in self._failed:
                continue
            future = self._pool.submit(
                self._make_job(key.path, key.max_side), priority=self._priority, lane=self._lane
            )
            self._running[key] = future
            future.add_done_callback(partial(self._finished, key))

    def _finished(self, key: ImageKey, future: "Future[Any]") -> None:
        """In a thread of the pool: turn the answer into a picture and pass it on."""
        try:
            outcome = future.result()
        except CancelledError:
            return
        except Exception as error:  # noqa: BLE001 (the pool's edge: the error becomes a reason)
            answer = LoadedImage(key, None, str(error) or type(error).__name__, None)
        else:
            answer = self._read(key, outcome)
        with self._gate:
            if not self._closed:
                with contextlib.suppress(RuntimeError):  # the window went away meanwhile
                    self._arrived.emit(answer, future)

    def _take(self, answer: LoadedImage, future: "Future[Any]") -> None:
        """In the GUI thread: keep the picture and tell who waits for it."""
        if self._closed or self._running.get(answer.key) is not future:
            return
        del self._running[answer.key]
        if answer.full_size is not None:
            self._sizes[answer.key.path] = self._last_size = answer.full_size
        if answer.image is not None:
            old = self._cache.pop(answer.key, None)
            self._bytes += answer.image.sizeInBytes() - (old.sizeInBytes() if old else 0)
            self._cache[answer.key] = answer.image
            self._evict()
        else:
            self._failed[answer.key] = answer.reason or ""
        self.loaded.emit(answer)
        self._pump()

    def _evict(self) -> None:
        """Drop pictures until the rest fits; always keep one.

        First what is not wanted, the longest unused before the others, then what is least urgent.
        """
        while self._bytes > self._budget and len(self._cache) > 1:
            victim = next((key for key in self._cache if key not in self._rank), None)
            if victim is None:
                victim = max(self._cache, key=self._rank.__getitem__)
            self._bytes -= self._cache.pop(victim).sizeInBytes()


def to_image(pixels: np.ndarray) -> QImage:
    """Copy (H, W, 3) uint8 sRGB pixels into a picture in the format that paints fastest."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    view = QImage(pixels.data, width, height, width * 3, QImage.Format.Format_RGB888)
    return view.convertToFormat(QImage.Format.Format_RGB32)
