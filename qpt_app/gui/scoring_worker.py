"""The scoring process: the same scorer and cache as the command line, fed over a pipe. No Qt."""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Protocol

from qpt_app.core.calibration import Calibration
from qpt_app.core.scorer import ModelIdentity, Scorer
from qpt_app.errors import QptError
from qpt_app.gui.scoring_queue import ScoringQueue
from qpt_app.photos.results import PhotoFile, PhotoResult
from qpt_app.photos.score_cache import ScoreCache
from qpt_app.photos.scoring import score_photos
from qpt_app.photos.series_features import compact_feature

SEND_S = 0.15
"""Results are sent a few times a second, not one by one."""
CACHE_CHUNK = 1000
"""Photos looked up in the cache at a time when a folder is opened."""


class Ready(NamedTuple):
    """The worker knows its model; scoring can begin."""

    model: str
    calibration: Calibration | None
    """How its scores compare."""


class Loaded(NamedTuple):
    """The model is in memory: scores will come."""


class Scored(NamedTuple):
    """Results of one generation; their features are compact."""

    generation: int
    results: list[PhotoResult]


class Idle(NamedTuple):
    """Nothing of this generation waits any more."""

    generation: int


class Trouble(NamedTuple):
    """Scoring cannot go on, or goes on without something; one line for the user."""

    text: str
    is_fatal: bool


class Command(NamedTuple):
    """What the window asks for: the name of a `ScoringQueue` method and its arguments."""

    name: str
    arguments: tuple[Any, ...] = ()


COMMANDS = frozenset({"open", "add", "retry", "look_at", "set_paused", "cancel"})


class Engine(Protocol):
    """Everything that scoring needs and that is slow to make."""

    @property
    def identity(self) -> ModelIdentity:
        """The model in use; known without loading it."""
        ...

    @property
    def calibration(self) -> Calibration | None:
        """How its scores compare; known without loading it. None where nobody fitted it."""
        ...

    @property
    def cache(self) -> ScoreCache | None:
        """Where scores are kept."""
        ...

    def make_scorer(self) -> Scorer:
        """Load the model, once."""
        ...

    def make_pool(self) -> Any:
        """Start the decode processes, once."""
        ...

    def options(self) -> Any:
        """`ScoringOptions` for a run."""
        ...

    def close(self) -> None:
        """End the decode processes and close the cache."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineSettings:
    """What `TorchEngine` is made from; travels to the worker by pickle."""

    model: str | None = None
    device: str = "auto"
    batch_size: int | None = None
    workers: int = 1
    cache_folder: str | None = None
    """None scores without a cache."""
    decode_timeout_s: float = 20.0
    byte_budget_mb: int = 1024


def scoring_main(pipe: Connection, make_engine: Callable[[Any], Engine], settings: Any) -> None:
    """Run until the window says so or goes away. The entry point of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is the window's to handle
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)  # the window's own work goes first
    queue = ScoringQueue()
    outbox = _Outbox(pipe)
    listener = threading.Thread(target=_listen, args=(pipe, queue), daemon=True)
    listener.start()
    try:
        engine = make_engine(settings)
    except QptError as error:
        outbox.send(Trouble(str(error), is_fatal=True))
        _wait_for_stop(queue)
        return
    try:
        outbox.send(Ready(engine.identity.label, engine.calibration))
        _serve(queue, engine, outbox)
    except QptError as error:
        outbox.send(Trouble(str(error), is_fatal=True))
        _wait_for_stop(queue)
    except Exception as error:  # the process' edge: the window shows it, then the log has it
        logging.getLogger(__name__).exception("scoring stopped")
        outbox.send(Trouble(f"{type(error).__name__}: {error}", is_fatal=True))
        _wait_for_stop(queue)
    finally:
        engine.close()


def _serve(queue: ScoringQueue, engine: Engine, outbox: "_Outbox") -> None:
    """Score what waits, folder after folder."""
    while queue.wait():
        generation = queue.generation
        _answer_from_cache(queue, engine, outbox, generation)
        results = score_photos(
            queue.take(generation),
            identity=engine.identity,
            make_scorer=lambda: _load(engine, outbox),
            make_pool=engine.make_pool,
            cache=engine.cache,
            options=replace(engine.options(), retry_failed=queue.has_retries),
            cancelled=queue.interrupted(generation),
        )
        try:
            for result in results:
                queue.done(os.fspath(result.path))
                outbox.add(generation, result)
        finally:
            queue.give_back()
        outbox.flush()
        if not queue.snapshot() and generation == queue.generation:
            outbox.send(Idle(generation))
        _report_notices(engine, outbox)


def _load(engine: Engine, outbox: "_Outbox") -> Scorer:
    """Load the model and say so."""
    scorer = engine.make_scorer()
    outbox.send(Loaded())
    return scorer


def _answer_from_cache(
    queue: ScoringQueue, engine: Engine, outbox: "_Outbox", generation: int
) -> None:
    """Send all that is known already, many at a time, before anything is decoded."""
    if engine.cache is None:
        return
    interrupted = queue.interrupted(generation)
    for chunk in _chunks(queue.snapshot(), CACHE_CHUNK):
        if interrupted():
            return
        known = engine.cache.get_many(chunk, engine.identity)
        for file, cached in zip(chunk, known, strict=True):
            if cached is not None and not queue.is_retried(file.location):
                queue.done(file.location)
                outbox.add(generation, _cached_result(file, cached, engine.identity.label))
        outbox.flush()


def _cached_result(file: PhotoFile, cached: Any, model: str) -> PhotoResult:
    """Return the row of a photo whose score is known."""
    return PhotoResult(
        path=file.path, status=cached.status, reason=cached.reason, score=cached.score,
        uncertainty=cached.uncertainty, width=cached.width, height=cached.height,
        format=cached.format, model=model, cached=True, companion=file.companion,
        feature=cached.feature,
    )  # fmt: skip


def _report_notices(engine: Engine, outbox: "_Outbox") -> None:
    """Pass on what the cache has to say."""
    if engine.cache is not None:
        while engine.cache.notices:
            outbox.send(Trouble(engine.cache.notices.pop(0), is_fatal=False))


def _listen(pipe: Connection, queue: ScoringQueue) -> None:
    """Carry out commands as they come; a closed pipe means that the window is gone."""
    while True:
        try:
            command = pipe.recv()
        except (EOFError, OSError):
            break
        if command is None:
            break
        if command.name in COMMANDS:
            getattr(queue, command.name)(*command.arguments)
    queue.stop()


def _wait_for_stop(queue: ScoringQueue) -> None:
    """Stay alive after a fatal error, so that the window's pipe does not break."""
    while queue.wait():
        queue.cancel()


def _chunks(files: Iterable[PhotoFile], size: int) -> Iterator[list[PhotoFile]]:
    waiting = iter(files)
    while chunk := list(islice(waiting, size)):
        yield chunk


class _Outbox:
    """Sends results in batches."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._results: list[PhotoResult] = []
        self._generation = 0
        self._sent_at = 0.0

    def add(self, generation: int, result: PhotoResult) -> None:
        """Queue a result; sends when the last batch is long enough ago."""
        if generation != self._generation:
            self.flush()
            self._generation = generation
        if result.feature is not None:
            result = replace(result, feature=compact_feature(result.feature))
        self._results.append(result)
        if time.monotonic() - self._sent_at >= SEND_S or len(self._results) >= CACHE_CHUNK:
            self.flush()

    def flush(self) -> None:
        """Send what is queued."""
        if self._results:
            self.send(Scored(self._generation, self._results))
            self._results = []
        self._sent_at = time.monotonic()

    def send(self, message: object) -> None:
        """Send one message; a window that is gone is noticed by the listener."""
        with contextlib.suppress(OSError):
            self._pipe.send(message)
