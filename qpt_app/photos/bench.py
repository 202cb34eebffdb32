"""Measures how fast photos are scored, stage by stage and end to end: what `qpt bench` prints.

Every stage is measured with everything that it may use: decoding and preparing with all workers,
the model with all threads or the GPU. On a CPU the stages share the cores, so that no pipeline can
be faster than 1 / (1/decode + 1/preprocess + 1/forward); a GPU works beside the cores, and there
the limit is the slower of the model and what the cores do before it.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qpt_app.core.idle_threads import let_idle_threads_sleep
from qpt_app.core.scorer import ModelIdentity, Scorer
from qpt_app.errors import UsageError
from qpt_app.photos.memory_peak import own_peak_mb, peak_mb
from qpt_app.photos.results import PhotoFile
from qpt_app.photos.scan import ScanOptions, scan_paths
from qpt_app.photos.scoring import ScoringOptions, score_photos
from qpt_app.photos.scoring_options import CPU_BATCH, GPU_BATCH, PhotoPool

if TYPE_CHECKING:
    from qpt_app.core.decode_pool import DecodeOutcome
    from qpt_app.core.preprocess import Views

_KEPT_VIEWS = 64
"""Prepared photos kept for measuring the model alone (about a megabyte each)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchReport:
    """Rates are photos a second; higher is better."""

    model: str
    """`ModelIdentity.label`."""
    device: str
    workers: int
    """Decode processes."""
    photos: int
    """Different photos that could be decoded."""
    passes: int
    """How often each was scored in the run from end to end."""
    skipped: int
    """Files that could not be decoded."""
    megapixels: float
    """Mean size of a photo."""
    start_s: float
    """Seconds until the model and the workers were ready; in no rate."""
    decode_per_s: float
    preprocess_per_s: float
    forward_per_s: float
    end_to_end_per_s: float
    bound_per_s: float
    """The most that these stages allow on this machine."""
    share_of_bound: float
    """What was reached of it."""
    memory_peak_mb: float | None
    """Most resident memory of this process; None where the system does not tell."""
    workers_memory_peak_mb: float | None
    """The same for the decode processes together, shared pages counted in each."""

    def to_dict(self) -> dict[str, object]:
        """Return the fields for JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stages:
    """What the pass through the decode processes found."""

    files: list[PhotoFile]
    """Those that can be decoded."""
    views: "list[Views]"
    skipped: int
    megapixels: float
    decode_s: float
    """Mean seconds of one worker for one photo."""
    preprocess_s: float


def run_bench(
    folder: Path,
    *,
    make_scorer: Callable[[], Scorer],
    make_pool: Callable[[], PhotoPool],
    identity: ModelIdentity,
    workers: int,
    batch_size: int | None = None,
    recursive: bool = False,
    min_photos: int = 64,
    clock: Callable[[], float] = time.perf_counter,
) -> BenchReport:
    """Measure scoring on the photos of a folder. The cache is neither read nor written.

    Args:
        folder: where the photos are; read once before anything is timed.
        make_scorer: brings the scorer, as in `score_photos`.
        make_pool: brings the decode pool; whoever makes it closes it.
        identity: the model that `make_scorer` brings.
        workers: decode processes of the pool.
        batch_size: as in `ScoringOptions`.
        recursive: whether subfolders count.
        min_photos: a smaller folder is scored several times over in the run from end to end.
        clock: seconds, for measuring.

    Raises:
        UsageError: if the folder holds no photo that can be decoded.
    """
    started = clock()
    let_idle_threads_sleep()
    pool, scorer = make_pool(), make_scorer()
    files = _photos(folder, recursive)
    for _ in _outcomes(pool, files[:1] * workers, identity, workers):
        pass  # the first photo of a worker pays for its imports
    start_s = clock() - started
    stages = _measure_stages(pool, files, identity, workers)
    size = batch_size or (CPU_BATCH if scorer.device_name == "cpu" else GPU_BATCH)
    forward = _forward_rate(scorer, stages.views, size, clock)
    passes = -(-min_photos // len(stages.files))
    options = ScoringOptions(batch_size=batch_size, workers=workers, with_features=False)
    reached = _end_to_end_rate(stages.files * passes, pool, scorer, options, clock)
    decode, preprocess = workers / stages.decode_s, workers / stages.preprocess_s
    bound = bound_rate(decode, preprocess, forward, shares_cores=scorer.device_name == "cpu")
    return BenchReport(
        model=identity.label,
        device=scorer.device_name,
        workers=workers,
        photos=len(stages.files),
        passes=passes,
        skipped=stages.skipped,
        megapixels=stages.megapixels,
        start_s=start_s,
        decode_per_s=decode,
        preprocess_per_s=preprocess,
        forward_per_s=forward,
        end_to_end_per_s=reached,
        bound_per_s=bound,
        share_of_bound=reached / bound,
        memory_peak_mb=own_peak_mb(),
        workers_memory_peak_mb=_workers_peak_mb(),
    )


def bound_rate(decode: float, preprocess: float, forward: float, *, shares_cores: bool) -> float:
    """Return the most photos a second that stages of these rates allow together."""
    before = 1 / (1 / decode + 1 / preprocess)
    return 1 / (1 / before + 1 / forward) if shares_cores else min(before, forward)


def _photos(folder: Path, recursive: bool) -> list[PhotoFile]:
    found = scan_paths([folder], ScanOptions(recursive=recursive))
    files = [item for item in found if isinstance(item, PhotoFile)]
    if not files:
        raise UsageError(f"no photos in {folder} to measure with")
    return files


def _outcomes(
    pool: PhotoPool, files: Sequence[PhotoFile], identity: ModelIdentity, workers: int
) -> "Iterator[tuple[PhotoFile, DecodeOutcome]]":
    """Yield what the pool makes of the files, with every worker busy and few results waiting."""
    from qpt_app.core.decode_pool import ViewsJob

    waiting: list[tuple[PhotoFile, Future[DecodeOutcome]]] = []
    for file in files:
        job = ViewsJob(path=file.path, config=identity.preprocess)
        waiting.append((file, pool.submit(job)))
        if len(waiting) > 2 * workers:
            first, future = waiting.pop(0)
            yield first, future.result()
    for first, future in waiting:
        yield first, future.result()


def _measure_stages(
    pool: PhotoPool, files: Sequence[PhotoFile], identity: ModelIdentity, workers: int
) -> _Stages:
    """Decode and prepare every file once, noting the seconds that the workers spent."""
    good: list[PhotoFile] = []
    views: list[Views] = []
    decode_s = preprocess_s = pixels = 0.0
    for file, outcome in _outcomes(pool, files, identity, workers):
        if outcome.views is None:
            continue
        good.append(file)
        decode_s += outcome.seconds - outcome.preparing_s
        preprocess_s += outcome.preparing_s
        pixels += (outcome.width or 0) * (outcome.height or 0)
        if len(views) < _KEPT_VIEWS:
            views.append(outcome.views)
    if not good:
        raise UsageError("none of the photos can be decoded; `qpt score` says why")
    return _Stages(
        files=good,
        views=views,
        skipped=len(files) - len(good),
        megapixels=pixels / len(good) / 1e6,
        decode_s=decode_s / len(good),
        preprocess_s=preprocess_s / len(good),
    )


def _forward_rate(
    scorer: Scorer, views: "Sequence[Views]", batch_size: int, clock: Callable[[], float]
) -> float:
    """Return how many prepared photos a second the scorer takes, in batches as in a run."""
    batches = [views[at : at + batch_size] for at in range(0, len(views), batch_size)]
    for batch in batches:  # the first pass pays for kernels chosen by shape
        scorer.score(batch)
    begin = clock()
    for batch in batches:
        scorer.score(batch)
    return len(views) / (clock() - begin)


def _end_to_end_rate(
    files: Sequence[PhotoFile],
    pool: PhotoPool,
    scorer: Scorer,
    options: ScoringOptions,
    clock: Callable[[], float],
) -> float:
    """Return how many photos a second come out of `score_photos` without a cache."""
    begin = clock()
    results = score_photos(
        files,
        identity=scorer.identity,
        make_scorer=lambda: scorer,
        make_pool=lambda: pool,
        options=options,
    )
    count = sum(1 for _ in results)
    return count / (clock() - begin)


def _workers_peak_mb() -> float | None:
    """Return the peak resident memory of the processes that this one has started, together."""
    peaks = [peak_mb(child.pid) for child in multiprocessing.active_children() if child.pid]
    known = [peak for peak in peaks if peak is not None]
    return sum(known) if known else None
