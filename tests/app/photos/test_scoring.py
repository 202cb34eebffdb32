"""One result per file, whatever happens; known photos cost neither pixels nor a model."""

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qpt_app.core import decode_file
from qpt_app.core.scorer import PhotoScore
from qpt_app.core.status import PhotoStatus
from qpt_app.errors import ModelError
from qpt_app.photos import scoring_run
from qpt_app.photos.results import PhotoResult
from qpt_app.photos.scan import ScanOptions, scan_paths
from qpt_app.photos.score_cache import ScoreCache
from qpt_app.photos.scoring import ScoringOptions, score_photos
from qpt_app.photos.scoring_options import WINDOW

LATER = 10.0
"""Seconds by which the cache's clock is ahead, so that fresh files count as settled."""


class Bench:
    """A model, a pool and a cache that count how often they are needed."""

    def __init__(self, identity, pool, scorer, cache=None) -> None:
        self.identity, self.pool, self.scorer, self.cache = identity, pool, scorer, cache
        self.made: list[str] = []

    def _make(self, name: str, thing):
        self.made.append(name)
        return thing

    def start(self, files, cancelled=lambda: False, **options):
        return score_photos(
            files,
            identity=self.identity,
            make_scorer=lambda: self._make("scorer", self.scorer),
            make_pool=lambda: self._make("pool", self.pool),
            cache=self.cache,
            options=ScoringOptions(**options),
            cancelled=cancelled,
        )

    def run(self, folder: Path, **options) -> list[PhotoResult]:
        return list(self.start(scan_paths([folder], ScanOptions(recursive=True)), **options))


@pytest.fixture
def bench(identity, fake_pool, fake_scorer):
    """A run without a cache."""
    return Bench(identity, fake_pool(), fake_scorer(identity))


@pytest.fixture
def cache(tmp_path):
    """A cache in a temporary folder."""
    with ScoreCache.open(tmp_path / "cache") as opened:
        yield opened


@pytest.fixture
def settled(monkeypatch):
    """Files just written count as settled, as if the run came later."""
    real = scoring_run.take_fingerprint

    def take(path, *, stopped):
        stat = path.stat()
        return real(path, now=lambda: stat.st_mtime + LATER, stopped=stopped)

    monkeypatch.setattr(scoring_run, "take_fingerprint", take)


@pytest.fixture
def cached_bench(bench, cache, settled):
    """A run with a cache that trusts fresh files."""
    bench.cache = cache
    return bench


def again(bench: Bench, fake_pool, fake_scorer) -> Bench:
    """A later run over the same cache."""
    return Bench(bench.identity, fake_pool(), fake_scorer(bench.identity), bench.cache)


def test_one_result_per_file_in_order(bench, photo_folder):
    """Every photo has its score, in the order of the scan."""
    rows = bench.run(photo_folder)
    assert [row.path.name for row in rows] == [f"{n}.jpg" for n in range(8)]
    assert all(row.status is PhotoStatus.OK and 0 <= row.score <= 100 for row in rows)
    assert len({row.score for row in rows}) == 8
    first = rows[0]
    assert (first.width, first.height, first.format) == (96, 64, "JPEG")
    assert (first.model, first.cached, first.uncertainty) == ("fake@abababab", False, 5.0)
    assert first.feature.shape == (3,)
    assert bench.made == ["pool", "scorer"]


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
@pytest.mark.parametrize("in_order", [True, False])
def test_batches_and_order_change_no_score(bench, photo_folder, batch_size, in_order):
    """The same score for any batch size and order of work."""
    wanted = {row.path: row.score for row in bench.run(photo_folder)}
    bench.scorer.batches.clear()
    rows = bench.run(photo_folder, batch_size=batch_size, in_order=in_order)
    assert {row.path: row.score for row in rows} == wanted
    assert len(rows) == 8
    assert max(bench.scorer.batches) <= batch_size
    assert sum(bench.scorer.batches) == 8


def test_results_wait_for_those_before_them(bench, photo_folder, fake_pool):
    """Photos decoded backwards still come out in order, or as they come where that is wanted."""
    for in_order in (True, False):
        pool = bench.pool = fake_pool(hold=True)
        bench.scorer.before = None

        def release(pool=pool):
            pool.release(backwards=True)
            return False

        files = scan_paths([photo_folder])
        rows = list(bench.start(files, cancelled=release, in_order=in_order, batch_size=1))
        found = [int(row.path.stem) for row in rows]
        assert sorted(found) == list(range(8))
        assert (found == list(range(8))) is in_order


def test_failed_rows_of_the_scan_pass_through(bench, photo_folder):
    """A path that never became a photo keeps its row, in its place."""
    (photo_folder / "3b.jpg").mkdir()
    rows = bench.run(photo_folder)
    assert [row.path.name for row in rows][3:5] == ["3.jpg", "3b.jpg"]
    assert rows[4].status is PhotoStatus.UNREADABLE


def test_nothing_to_do_makes_nothing(bench, tmp_path):
    """An empty folder needs neither model nor processes."""
    assert bench.run(tmp_path) == []
    assert bench.made == []


def test_bad_photos_are_rows(bench, tmp_path, tiny_photo):
    """No bytes, text, a photo cut short: a status and a reason each, and the rest is scored."""
    tiny_photo(tmp_path / "good.jpg")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a photo")
    whole = tiny_photo(tmp_path / "cut.jpg", seed=1, width=600, height=400).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[:-40])
    rows = {row.path.name: row for row in bench.run(tmp_path)}
    assert rows["good.jpg"].score is not None
    assert rows["cut.jpg"].status is PhotoStatus.DAMAGED
    assert rows["cut.jpg"].score is not None
    assert rows["empty.jpg"].status is PhotoStatus.UNREADABLE
    assert rows["text.jpg"].status is PhotoStatus.UNSUPPORTED
    for name in ("empty.jpg", "text.jpg"):
        assert rows[name].score is None
        assert rows[name].model is None
        assert rows[name].reason


@pytest.mark.parametrize(("side", "reason"), [(63, "small"), (64, None)])
def test_small_photos_are_scored_and_say_so(bench, tmp_path, tiny_photo, side, reason):
    """Below 64 pixels on the shorter side the reason is `small`; the status stays `ok`."""
    tiny_photo(tmp_path / "a.png", width=200, height=side)
    (row,) = bench.run(tmp_path)
    assert (row.status, row.reason) == (PhotoStatus.OK, reason)
    assert row.score is not None


@pytest.mark.parametrize("bad", ["score", "raw_score", "uncertainty"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_is_an_error_row(cached_bench, photo_folder, bad, value):
    """Never a NaN in a row, and never in the cache."""
    real = cached_bench.scorer._score

    def score(photos):
        return [real(views)._replace(**{bad: value}) for views in photos]

    cached_bench.scorer.score = score
    rows = cached_bench.run(photo_folder)
    assert {row.status for row in rows} == {PhotoStatus.ERROR}
    assert all(row.score is None and row.uncertainty is None for row in rows)
    assert cached_bench.cache.info().scores == 0


def test_a_feature_that_overflows_is_left_out(bench, photo_folder):
    """The score stands; a vector with an infinity would poison every comparison."""
    bench.scorer.score = lambda photos: [
        PhotoScore(50.0, None, 0.0, np.array([np.inf, 1], np.float16)) for _ in photos
    ]
    row = bench.run(photo_folder)[0]
    assert (row.score, row.uncertainty, row.feature) == (50.0, None, None)


def test_a_second_run_reads_nothing(
    cached_bench, photo_folder, fake_pool, fake_scorer, monkeypatch
):
    """Unchanged photos are answered without opening them, without a pool and without a model."""
    wanted = cached_bench.run(photo_folder)
    second = again(cached_bench, fake_pool, fake_scorer)
    monkeypatch.setattr(scoring_run, "take_fingerprint", None)
    rows = second.run(photo_folder)
    assert second.made == []
    assert all(row.cached for row in rows)
    assert [replace(row, cached=False) for row in rows] == wanted
    for row, first in zip(rows, wanted, strict=True):
        assert np.array_equal(row.feature, first.feature)


def test_features_are_left_out_when_not_wanted(cached_bench, photo_folder):
    """Rows for a table do not carry kilobytes; the cache keeps them all the same."""
    assert all(row.feature is None for row in cached_bench.run(photo_folder, with_features=False))
    assert all(row.feature is None for row in cached_bench.run(photo_folder, with_features=False))
    rows = cached_bench.run(photo_folder)
    assert all(row.cached and row.feature is not None for row in rows)


def test_a_renamed_and_a_copied_photo_are_known_by_content(
    cached_bench, photo_folder, fake_pool, fake_scorer
):
    """Other name, same bytes: hashed but not decoded, and next time not even hashed."""
    score = {row.path.name: row.score for row in cached_bench.run(photo_folder)}
    (photo_folder / "0.jpg").rename(photo_folder / "zero.jpg")
    (photo_folder / "copy.jpg").write_bytes((photo_folder / "1.jpg").read_bytes())
    second = again(cached_bench, fake_pool, fake_scorer)
    rows = {row.path.name: row for row in second.run(photo_folder)}
    assert second.made == []
    assert rows["zero.jpg"].score == score["0.jpg"]
    assert rows["copy.jpg"].score == score["1.jpg"]
    assert all(row.cached for row in rows.values())


def test_changed_content_is_scored_anew(cached_bench, photo_folder, tiny_photo):
    """An edited photo gets its new score, and only that one is decoded."""
    before = {row.path.name: row.score for row in cached_bench.run(photo_folder)}
    cached_bench.pool.jobs.clear()
    tiny_photo(photo_folder / "2.jpg", seed=99)
    rows = {row.path.name: row for row in cached_bench.run(photo_folder)}
    assert [job.path.name for job in cached_bench.pool.jobs] == ["2.jpg"]
    assert rows["2.jpg"].score != before["2.jpg"]
    assert not rows["2.jpg"].cached


def test_an_edit_in_the_same_tick_of_the_clock_is_noticed(bench, cache, tmp_path, tiny_photo):
    """A fresh file's stamp is not trusted: same size and time, other bytes, other score."""
    bench.cache = cache
    path = tmp_path / "in" / "a.bmp"
    tiny_photo(path, seed=1)
    (first,) = bench.run(path.parent)
    stat = path.stat()
    other = tiny_photo(tmp_path / "b.bmp", seed=2).read_bytes()
    with path.open("r+b") as stream:
        stream.write(other)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    (second,) = bench.run(path.parent)
    assert second.score != first.score


def test_each_model_has_its_own_scores(cached_bench, photo_folder, other_identity, fake_scorer):
    """Another model is not answered with this one's scores."""
    cached_bench.run(photo_folder)
    scorer = fake_scorer(other_identity)
    other = Bench(other_identity, cached_bench.pool, scorer, cached_bench.cache)
    rows = other.run(photo_folder)
    assert not any(row.cached for row in rows)
    assert {row.model for row in rows} == {"other@cdcdcdcd"}
    assert all(row.cached for row in cached_bench.run(photo_folder))
    assert cached_bench.cache.info().by_model == {"fake@abababab": 8, "other@cdcdcdcd": 8}


def test_lasting_failures_are_remembered_until_the_decoders_change(
    cached_bench, tmp_path, fake_pool, fake_scorer, monkeypatch
):
    """A text file is not decoded twice, unless asked for or unless another decoder is there."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "text.jpg").write_text("not a photo")
    (first,) = cached_bench.run(tmp_path / "in")
    second = again(cached_bench, fake_pool, fake_scorer)
    (row,) = second.run(tmp_path / "in")
    assert second.made == []
    assert replace(row, cached=False) == first
    second.run(tmp_path / "in", retry_failed=True)
    assert len(second.pool.jobs) == 1
    monkeypatch.setattr(scoring_run, "decoder_tag", lambda: "one more decoder")
    second.run(tmp_path / "in")
    assert len(second.pool.jobs) == 2


@pytest.mark.parametrize(
    "status",
    [
        PhotoStatus.TIMEOUT,
        PhotoStatus.CRASHED,
        PhotoStatus.VANISHED,
        PhotoStatus.CHANGED,
        PhotoStatus.TOO_LARGE,
    ],
)
def test_failures_that_may_heal_are_not_remembered(
    cached_bench, photo_folder, fake_pool, fake_outcome, status
):
    """The next run tries again."""
    cached_bench.pool = fake_pool(decode=lambda job: fake_outcome(status, "why"))
    rows = cached_bench.run(photo_folder)
    assert {(row.status, row.reason) for row in rows} == {(status, "why")}
    assert cached_bench.cache.info().scores == 0
    cached_bench.pool = fake_pool()
    assert all(row.score is not None for row in cached_bench.run(photo_folder))


@pytest.mark.parametrize("name", ["ENOTCONN", "ETIMEDOUT", "EMFILE", "ENOMEM", "EACCES"])
def test_no_error_of_the_disk_or_the_computer_is_remembered(
    cached_bench, photo_folder, fake_pool, monkeypatch, name
):
    """The drive went away, or handles ran out, after the hash: the next run tries again."""
    code = getattr(errno, name)

    def decode(job):
        with monkeypatch.context() as patch:
            patch.setattr(decode_file.os, "open", fail)
            return fake_pool.decode(job)

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    cached_bench.pool = fake_pool(decode=decode)
    rows = cached_bench.run(photo_folder)
    assert {row.status for row in rows} <= {PhotoStatus.VANISHED, PhotoStatus.UNREADABLE}
    assert cached_bench.cache.info().scores == 0
    cached_bench.pool = fake_pool()
    assert all(row.score is not None for row in cached_bench.run(photo_folder))


def test_a_photo_that_vanishes_is_a_row(bench, cache, photo_folder):
    """Gone between the scan and the reading: `vanished`, with and without a cache."""
    for bench.cache in (None, cache):
        files = list(scan_paths([photo_folder]))
        path = photo_folder / "3.jpg"
        kept = path.read_bytes()
        path.unlink()
        rows = list(bench.start(files))
        path.write_bytes(kept)
        assert [row.status for row in rows].count(PhotoStatus.VANISHED) == 1
        assert rows[3].status is PhotoStatus.VANISHED


@pytest.mark.parametrize("with_cache", [True, False])
@pytest.mark.parametrize(("changes", "status"), [(1, PhotoStatus.OK), (2, PhotoStatus.CHANGED)])
def test_a_photo_that_changes_while_it_is_read(
    cached_bench, tmp_path, tiny_photo, fake_pool, with_cache, changes, status
):
    """Changed once: read again, and the score is that of the new content. Twice: `changed`."""
    path = tiny_photo(tmp_path / "in" / "a.png", seed=1)
    wanted = tiny_photo(tmp_path / "wanted.png", seed=10 + changes)
    times = iter(range(1, changes + 1))

    def decode(job):
        outcome = fake_pool.decode(job)
        if (time := next(times, None)) is not None:
            tiny_photo(path, seed=10 + time, width=96 + time)
        return outcome

    if not with_cache:
        cached_bench.cache.close()
        cached_bench.cache = None
    cached_bench.pool = fake_pool(decode=decode)
    (row,) = cached_bench.run(path.parent)
    assert row.status is status
    if status is PhotoStatus.OK:
        cached_bench.pool = fake_pool()
        tiny_photo(wanted, seed=11, width=97)
        (only,) = list(cached_bench.start(scan_paths([wanted])))
        assert row.score == only.score
    else:
        assert row.score is None
        assert row.reason == "it changed while it was read, twice"
        if with_cache:
            assert cached_bench.cache.info().scores == 0


def test_cancelling_ends_the_run_and_withdraws_what_waits(cached_bench, photo_folder, fake_pool):
    """Nothing is left running, and what was scored is kept."""
    pool = cached_bench.pool = fake_pool(hold=True)

    def cancelled():
        if len(pool.held) == 8:
            waiting, pool.held = pool.held[2:], pool.held[:2]
            pool.release()
            pool.held = waiting
        # in one batch, or in two where the second photo comes late
        return sum(cached_bench.scorer.batches) == 2

    files = scan_paths([photo_folder])
    # Hashed by two threads, the first two that are decoded need not be the first two of the folder.
    options = {"batch_size": 2, "workers": 2, "in_order": False}
    rows = list(cached_bench.start(files, cancelled=cancelled, **options))
    assert len(rows) == 2
    pool.release()
    assert pool.cancelled == 6
    assert not any(t.name.startswith("qpt-hash") for t in threading.enumerate())
    assert cached_bench.cache.info().scores == 2


def test_closing_the_iterator_early_keeps_what_was_scored(cached_bench, photo_folder):
    """As after Ctrl-C: threads end and the scores are on the disk."""
    results = cached_bench.start(scan_paths([photo_folder]), batch_size=4)
    next(results)
    results.close()
    assert not any(t.name.startswith("qpt-hash") for t in threading.enumerate())
    with ScoreCache.open(cached_bench.cache.info().path.parent) as other:
        assert other.info().scores >= 4


def test_an_interrupt_in_the_scorer_goes_through_and_keeps_the_rest(cached_bench, photo_folder):
    """KeyboardInterrupt reaches the command line; earlier batches are kept."""

    def before(_):
        if cached_bench.scorer.batches:
            raise KeyboardInterrupt

    cached_bench.scorer.before = before
    results = cached_bench.start(scan_paths([photo_folder]), batch_size=4)
    with pytest.raises(KeyboardInterrupt):
        list(results)
    assert cached_bench.cache.info().scores == 4


def test_another_model_than_promised_is_refused(bench, photo_folder, other_identity, fake_scorer):
    """Scores would be kept under the wrong name."""
    bench.scorer = fake_scorer(other_identity)
    with pytest.raises(ModelError, match=r"fake@abababab was expected, other@cdcdcdcd came"):
        bench.run(photo_folder)


def test_memory_is_bounded(bench, tmp_path, tiny_photo):
    """However many photos there are, only a few are on their way."""
    photo = tiny_photo(tmp_path / "a.jpg")
    (file,) = scan_paths([photo])
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield file

    results = bench.start(endless(), lookahead=16, workers=2, batch_size=4)
    for given in range(1, 200):
        next(results)
        assert len(bench.pool.jobs) - given <= 2 * 2 + 3 * 4
        assert taken - given <= 2 * 2 + 3 * 4 + 2 * 16
    results.close()


def test_a_slow_photo_holds_the_others_back_only_so_far(
    cached_bench, photo_folder, fake_pool, tiny_photo
):
    """Results that wait for the first one are bounded: reading on stops."""
    cached_bench.run(photo_folder)
    tiny_photo(photo_folder / "0.jpg", seed=99)
    slow, known, *_ = scan_paths([photo_folder])
    cached_bench.pool = fake_pool(hold=True)
    taken = 0
    seen = [-1, -2]

    def files():
        nonlocal taken
        yield slow
        while True:
            taken += 1
            yield known

    def stands_still():
        seen.append(taken)
        return seen[-1] == seen[-2] == seen[-3]

    assert list(cached_bench.start(files(), cancelled=stands_still, lookahead=512)) == []
    assert WINDOW <= taken < WINDOW + 2 * 512


def test_decoding_goes_on_while_the_scorer_works(bench, photo_folder, fake_pool):
    """When a batch is being scored, the next photos are already with the decoders."""
    seen = []
    bench.scorer.before = lambda views: seen.append(len(bench.pool.jobs))
    bench.run(photo_folder, batch_size=2, workers=1)
    assert seen[0] == 2 * 1 + 2 * 2 + 2
    assert bench.scorer.batches == [2, 2, 2, 2]


def test_the_first_batches_on_a_cpu_are_small(bench, photo_folder, fake_pool):
    """The first rows of a run do not wait for a whole batch; a GPU's batches are whole."""
    bench.run(photo_folder)
    assert bench.scorer.batches[0] == 2
    assert max(bench.scorer.batches) <= 4
    assert sum(bench.scorer.batches) == 8
    bench.scorer.batches.clear()
    bench.scorer.device_name = "cuda"
    bench.run(photo_folder)
    assert bench.scorer.batches == [8]


def test_the_model_is_loaded_while_photos_are_decoded(bench, photo_folder, fake_pool):
    """Loading begins when the decoders have work, not when the first photo is ready."""
    bench.pool = fake_pool(hold=True)
    made_with = []
    make = bench._make

    def observe(name, thing):
        if name == "scorer":
            made_with.append(len(bench.pool.held))
            bench.pool.release()
            bench.pool._hold = False
        return make(name, thing)

    bench._make = observe
    assert len(bench.run(photo_folder)) == 8
    assert made_with == [8]


def test_the_models_threads_are_told_to_sleep_before_it_is_loaded(bench, photo_folder, monkeypatch):
    """OpenMP reads its settings when torch is imported, so not a moment later."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    seen = []
    make = bench._make

    def observe(name, thing):
        seen.append((name, os.environ.get("OMP_WAIT_POLICY")))
        return make(name, thing)

    bench._make = observe
    bench.run(photo_folder)
    assert ("scorer", "PASSIVE") in seen


def test_companions_travel(bench, photo_folder):
    """The RAW of a pair is named in its row."""
    (photo, *_) = scan_paths([photo_folder])
    (row,) = bench.start([photo._replace(companion=Path("0.nef"))])
    assert row.companion == Path("0.nef")
