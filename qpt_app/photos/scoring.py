"""Photo files in, one result each out: cache first, then decode processes and the scorer.

A photo that is not in the cache passes three stages that run at the same time: its bytes are
hashed in a thread (which also warms the disk cache), it is decoded in a worker process, and it is
scored in the thread of the caller, in batches. At most `2 * workers + 2 * batch_size` photos are
between the first stage and the last (besides the batch being scored), and about `WINDOW` results
at most wait for their turn, so memory does not grow with the number of photos.
"""

from collections.abc import Callable, Iterable, Iterator

from qpt_app.core.scorer import ModelIdentity, Scorer
from qpt_app.photos.results import PhotoFile, PhotoResult
from qpt_app.photos.score_cache import ScoreCache
from qpt_app.photos.scoring_options import PhotoPool, ScoringOptions
from qpt_app.photos.scoring_run import ScoringRun

__all__ = ["PhotoPool", "ScoringOptions", "score_photos"]


def score_photos(
    files: Iterable[PhotoFile | PhotoResult],
    *,
    identity: ModelIdentity,
    make_scorer: Callable[[], Scorer],
    make_pool: Callable[[], PhotoPool],
    cache: ScoreCache | None = None,
    options: ScoringOptions | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[PhotoResult]:
    """Score photos; yield exactly one result for every file given.

    The scorer and the pool are made when the first photo is not in the cache, in the thread that
    iterates; whoever makes them closes them. Closing the iterator, or `cancelled` returning true
    (asked several times a second), withdraws the photos that wait and ends the run; what was
    scored until then is in the cache.

    Args:
        files: photo files; a result among them (a failed row of the scan) is passed through.
        identity: the model that `make_scorer` will bring.
        make_scorer: brings the scorer.
        make_pool: brings the decode pool.
        cache: where known scores are looked up and new ones kept; None for neither.
        options: how to go about it.
        cancelled: whether to stop.

    Raises:
        ModelError: if the scorer is not the model that `identity` names.
        QptError: whatever `make_scorer` and `make_pool` raise.
    """
    run = ScoringRun(
        files,
        identity=identity,
        make_scorer=make_scorer,
        make_pool=make_pool,
        cache=cache,
        options=options or ScoringOptions(),
    )
    return run.results(cancelled)
