"""The pipeline behind `score_photos`: what waits where, and who moves it on."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from qpt_app.core.file_errors import status_of
from qpt_app.core.idle_threads import let_idle_threads_sleep
from qpt_app.core.scorer import ModelIdentity, Scorer
from qpt_app.core.status import PhotoStatus
from qpt_app.errors import ModelError
from qpt_app.photos.fingerprint import FileStamp, Fingerprint, take_fingerprint
from qpt_app.photos.photo_outcome import decoder_tag, failure, judgement, to_result
from qpt_app.photos.result_order import ResultOrder
from qpt_app.photos.results import PhotoFile, PhotoResult
from qpt_app.photos.score_cache import CachedScore, ScoreCache
from qpt_app.photos.scoring_options import (
    CPU_BATCH,
    FIRST_CPU_BATCH,
    GPU_BATCH,
    WINDOW,
    PhotoPool,
    ScoringOptions,
)

if TYPE_CHECKING:
    from qpt_app.core.decode_pool import DecodeOutcome

_POLL_S = 0.2
"""How often a waiting run asks whether it is cancelled, and scores a part of a batch."""
_FIRST_LOOKUP = 32
"""Files in the first look-up; each next one is twice as large, so the first rows come at once."""
_HASHERS = 2
"""Threads that hash: one reads while the other waits for the disk."""
_LASTING = frozenset({PhotoStatus.UNSUPPORTED, PhotoStatus.UNREADABLE})
"""Failures that the same decoders would meet again, if their cause lies in the content."""


@dataclass(slots=True)
class _Task:
    """A photo that is not in the cache, on its way through the stages."""

    position: int
    photo: PhotoFile
    stamp: FileStamp | None = None
    """The file before its content was first read in this attempt."""
    fingerprint: Fingerprint | None = None
    retried: bool = False
    """Whether it changed while it was read once already."""


class ScoringRun:
    """One run of `score_photos`. Everything but hashing and decoding is in the caller's thread."""

    def __init__(
        self,
        files: Iterable[PhotoFile | PhotoResult],
        *,
        identity: ModelIdentity,
        make_scorer: Callable[[], Scorer],
        make_pool: Callable[[], PhotoPool],
        cache: ScoreCache | None,
        options: ScoringOptions,
    ) -> None:
        self._input = iter(files)
        self._identity = identity
        self._make_scorer = make_scorer
        self._make_pool = make_pool
        self._cache = cache
        self._options = options
        self._scorer: Scorer | None = None
        self._pool: PhotoPool | None = None
        self._hashers: ThreadPoolExecutor | None = None
        self._hashing = 0
        self._decoding = 0
        self._stopped = threading.Event()
        self._order = ResultOrder(in_order=options.in_order)
        self._exhausted = False
        self._lookup = min(_FIRST_LOOKUP, options.lookahead)
        self._backlog: deque[_Task] = deque()
        self._busy: dict[Future[Any], Callable[[Future[Any]], None]] = {}
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._ready: list[tuple[_Task, DecodeOutcome]] = []
        self._first_batch = FIRST_CPU_BATCH

    def results(self, cancelled: Callable[[], bool]) -> Iterator[PhotoResult]:
        """Yield one result per file; see `score_photos`."""
        try:
            while not cancelled():
                self._read()
                self._submit()
                yield from self._order.take()
                if self._is_finished():
                    return
                self._warm_up()
                quiet = self._collect()
                if len(self._ready) >= self._next_batch or (quiet and self._ready):
                    self._score_batch()
            yield from self._order.take()
        finally:
            self._stop()

    def _is_finished(self) -> bool:
        return self._exhausted and not (self._backlog or self._busy or self._ready)

    def _can_read(self) -> bool:
        return not (self._exhausted or self._backlog) and self._order.waiting < WINDOW

    @property
    def _batch_size(self) -> int:
        if self._options.batch_size is not None:
            return self._options.batch_size
        on_gpu = self._scorer is not None and self._scorer.device_name != "cpu"
        return GPU_BATCH if on_gpu else CPU_BATCH

    @property
    def _next_batch(self) -> int:
        """Photos of the next batch: the first few on a CPU are small, so that rows come soon."""
        size = self._batch_size
        if self._options.batch_size is None and size == CPU_BATCH:
            return min(size, self._first_batch)
        return size

    @property
    def _keeps(self) -> bool:
        """Whether there is a cache to ask and to fill."""
        return self._cache is not None and self._cache.usable

    def _read(self) -> None:
        """Take the next files and answer those that the cache knows."""
        if not self._can_read():
            return
        portion = list(islice(self._input, self._lookup))
        self._exhausted = len(portion) < self._lookup
        self._lookup = min(2 * self._lookup, self._options.lookahead)
        photos: list[tuple[int, PhotoFile]] = []
        for item in portion:
            position = self._order.next_position()
            if isinstance(item, PhotoResult):
                self._order.put(position, item)
            else:
                photos.append((position, item))
        known = self._look_up([photo for _, photo in photos])
        for (position, photo), hit in zip(photos, known, strict=True):
            if hit is None:
                self._backlog.append(_Task(position, photo))
            else:
                self._order.put(position, self._result(photo, hit, cached=True))

    def _look_up(self, photos: list[PhotoFile]) -> list[CachedScore | None]:
        """Return what the cache knows of each file, but for failures that may be over now."""
        if self._cache is None or not photos:
            return [None] * len(photos)
        known = self._cache.get_many(
            photos, self._identity, with_features=self._options.with_features
        )
        return [hit if hit is not None and self._holds(hit) else None for hit in known]

    def _holds(self, hit: CachedScore) -> bool:
        """Whether a cached row still tells what scoring would give."""
        if hit.score is not None:
            return True
        return not self._options.retry_failed and hit.decoder == decoder_tag()

    def _submit(self) -> None:
        """Start waiting photos as long as there is room for them."""
        room = 2 * self._options.workers + 2 * self._batch_size
        while self._backlog and len(self._busy) + len(self._ready) < room:
            self._start(self._backlog.popleft())

    def _start(self, task: _Task) -> None:
        """Take the first step with a photo: hash it, or only stamp it where nothing is kept."""
        if self._keeps:
            if self._hashers is None:
                self._hashers = ThreadPoolExecutor(_HASHERS, thread_name_prefix="qpt-hash")
            self._hashing += 1
            future = self._hashers.submit(
                take_fingerprint, task.photo.path, stopped=self._stopped.is_set
            )
            self._watch(future, partial(self._hashed, task))
            return
        try:
            task.stamp = FileStamp.of(task.photo.path.stat())
        except OSError as error:
            self._fail(task, *status_of(error))
        else:
            self._decode(task)

    def _watch(self, future: Future[Any], then: Callable[[Future[Any]], None]) -> None:
        """Have `then` called with the future, in this thread, once it is done."""
        self._busy[future] = then
        future.add_done_callback(self._done.put)

    def _hashed(self, task: _Task, future: Future[Fingerprint]) -> None:
        """Go on with a photo whose bytes were read: known content, or off to be decoded."""
        self._hashing -= 1
        try:
            task.fingerprint = future.result()
        except OSError as error:
            self._fail(task, *status_of(error))
            return
        task.stamp = task.fingerprint.stamp
        content = task.fingerprint.content_hash
        if self._cache is not None and content is not None:
            hit = self._cache.get_content(
                content, self._identity, with_features=self._options.with_features
            )
            if hit is not None and self._holds(hit) and not self._has_changed(task):
                self._cache.note_file(task.photo.path, task.fingerprint)
                self._order.put(task.position, self._result(task.photo, hit, cached=True))
                return
        self._decode(task)

    def _decode(self, task: _Task) -> None:
        """Send a photo to a decode process."""
        from qpt_app.core.decode_pool import ViewsJob

        if self._pool is None:
            self._pool = self._make_pool()
        self._decoding += 1
        job = ViewsJob(path=task.photo.path, config=self._identity.preprocess)
        self._watch(self._pool.submit(job), partial(self._decoded, task))

    def _decoded(self, task: _Task, future: "Future[DecodeOutcome]") -> None:
        """Go on with a photo that came back: to the scorer, or to its end."""
        outcome = future.result()
        if self._has_changed(task):
            self._try_again(task)
        elif outcome.views is not None:
            self._ready.append((task, outcome))
        else:
            lasts = outcome.status in _LASTING and not outcome.may_pass
            self._finish(task, failure(outcome, decoder_tag()), keep=lasts)

    def _has_changed(self, task: _Task) -> bool:
        """Whether the file is not what it was before it was read; gone does not count."""
        try:
            return FileStamp.of(task.photo.path.stat()) != task.stamp
        except OSError:
            return False

    def _try_again(self, task: _Task) -> None:
        """Read a photo that changed in between once more; the second time it is `changed`."""
        if task.retried:
            self._fail(task, PhotoStatus.CHANGED, "it changed while it was read, twice")
            return
        task.retried = True
        task.fingerprint = None
        self._start(task)

    def _warm_up(self) -> None:
        """Load the model as soon as the decode processes have something to do meanwhile."""
        if self._scorer is None and self._decoding and not self._hashing:
            self._load_scorer()

    def _load_scorer(self) -> Scorer:
        let_idle_threads_sleep()
        scorer = self._make_scorer()
        if scorer.identity != self._identity:
            raise ModelError(
                f"the model changed while it was loaded: {self._identity.label} was expected, "
                f"{scorer.identity.label} came; run it again"
            )
        self._scorer = scorer
        return scorer

    def _collect(self) -> bool:
        """Move on the photos whose step is done; return whether none will be soon."""
        if not self._busy:
            return not self._can_read()
        has_work = len(self._ready) >= self._next_batch or self._can_read()
        try:
            future = self._done.get(block=not has_work, timeout=None if has_work else _POLL_S)
        except queue.Empty:
            return not has_work
        while True:
            self._busy.pop(future)(future)
            try:
                future = self._done.get_nowait()
            except queue.Empty:
                return False

    def _score_batch(self) -> None:
        """Score what is ready, a batch at most; the decoders go on with others meanwhile."""
        size = self._next_batch
        self._first_batch = min(2 * self._first_batch, CPU_BATCH)
        batch, self._ready = self._ready[:size], self._ready[size:]
        self._submit()
        scorer = self._scorer or self._load_scorer()
        views = [outcome.views for _, outcome in batch if outcome.views is not None]
        for (task, outcome), given in zip(batch, scorer.score(views), strict=True):
            known = judgement(outcome, given)
            self._finish(task, known, keep=known.score is not None)

    def _finish(self, task: _Task, known: CachedScore, *, keep: bool) -> None:
        """Give out what became of a photo, and remember it if it will stay true."""
        if keep and self._cache is not None and task.fingerprint is not None:
            self._cache.put(task.photo.path, task.fingerprint, self._identity, known)
        self._order.put(task.position, self._result(task.photo, known, cached=False))

    def _fail(self, task: _Task, status: PhotoStatus, reason: str) -> None:
        self._finish(task, CachedScore(status=status, reason=reason), keep=False)

    def _result(self, photo: PhotoFile, known: CachedScore, *, cached: bool) -> PhotoResult:
        features = self._options.with_features
        return to_result(photo, known, self._identity, cached=cached, with_feature=features)

    def _stop(self) -> None:
        """Withdraw what has not begun, end the threads and commit what was scored."""
        self._stopped.set()
        for future in self._busy:
            future.cancel()
        if self._hashers is not None:
            self._hashers.shutdown(wait=True, cancel_futures=True)
        if self._cache is not None:
            self._cache.flush()
