"""Thousands of photos: the second run opens none of them, and memory does not grow with them."""

import os
import sys
import tracemalloc

import numpy as np
import pytest

from qpt_app.core.preprocess import Views
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.results import PhotoFile
from qpt_app.photos.scan import scan_paths
from qpt_app.photos.score_cache import ScoreCache
from qpt_app.photos.scoring import ScoringOptions, score_photos

MANY = 3000
_OPENED: list[str] | None = None


def _note_opening(event: str, arguments: tuple) -> None:
    """Note what Python opens, while a test wants to know."""
    if event == "open" and _OPENED is not None:
        _OPENED.append(os.fspath(arguments[0]) if not isinstance(arguments[0], int) else "")


sys.addaudithook(_note_opening)


@pytest.fixture
def decode(fake_outcome):
    """Decoding that takes no time and looks at nothing."""
    views = Views(np.zeros((32, 32, 3), np.uint8), np.zeros((1, 32, 32, 3), np.uint8))
    return lambda job: fake_outcome(PhotoStatus.OK, None, 4000, 3000, "JPEG", views)


def refuse():
    """Stand in for what a second run must not need."""
    raise AssertionError("made for a photo that is known")


@pytest.mark.timeout(120)
def test_a_second_run_opens_no_photo(
    tmp_path, identity, fake_pool, fake_scorer, decode, monkeypatch
):
    """Unchanged photos are answered from their stamps alone, all of them, in order."""
    global _OPENED
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(MANY):
        path = folder / f"{number:05}.jpg"
        path.write_bytes(b"photo %d" % number)
        os.utime(path, (1_600_000_000, 1_600_000_000 + number))
    with ScoreCache.open(tmp_path / "cache") as cache:
        first = list(
            score_photos(
                scan_paths([folder]),
                identity=identity,
                make_scorer=lambda: fake_scorer(identity),
                make_pool=lambda: fake_pool(decode=decode),
                cache=cache,
            )
        )
    assert len(first) == MANY
    with ScoreCache.open(tmp_path / "cache") as cache:
        _OPENED = []
        try:
            second = list(
                score_photos(
                    scan_paths([folder]),
                    identity=identity,
                    make_scorer=refuse,
                    make_pool=refuse,
                    cache=cache,
                )
            )
        finally:
            opened, _OPENED = _OPENED, None
    assert [row.path for row in second] == [row.path for row in first]
    assert all(row.cached and row.score is not None for row in second)
    assert [name for name in opened if str(folder) in str(name)] == []


@pytest.mark.parametrize("in_order", [True, False])
def test_memory_does_not_grow_with_the_photos(
    tmp_path, identity, fake_pool, fake_scorer, decode, in_order
):
    """Thirty times the photos, the same peak."""
    path = tmp_path / "a.jpg"
    path.touch()
    file = PhotoFile.of(os.fspath(path), path.stat())

    class ForgetfulPool(fake_pool):
        def submit(self, job, *, priority=0):
            future = super().submit(job, priority=priority)
            self.jobs.clear()
            return future

    def peak(count: int) -> int:
        scorer = fake_scorer(identity)
        tracemalloc.start()
        try:
            results = score_photos(
                (file for _ in range(count)),
                identity=identity,
                make_scorer=lambda: scorer,
                make_pool=lambda: ForgetfulPool(decode=decode),
                options=ScoringOptions(in_order=in_order, lookahead=64),
            )
            assert sum(row.score is not None for row in results) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is made once
    assert peak(3000) < peak(100) + 200_000
