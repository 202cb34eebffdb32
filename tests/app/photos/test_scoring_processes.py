"""Scoring with real decode processes: bad files end in rows, and nothing is left running."""

import multiprocessing
import os

import pytest

from qpt_app.core.decode_pool import DecodePool
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.scan import ScanOptions, scan_paths
from qpt_app.photos.score_cache import ScoreCache
from qpt_app.photos.scoring import ScoringOptions, score_photos


def assert_processes_end() -> None:
    """Closing a pool kills its processes; the system may need a moment to see them off."""
    for child in multiprocessing.active_children():
        child.join(timeout=30)
        assert child.exitcode is not None


@pytest.mark.timeout(120)
def test_a_folder_of_good_and_bad_files(tmp_path, identity, fake_scorer, fake_pool, photo_folder):
    """One row per file, the scores of a decode in this process, and no process afterwards."""
    (photo_folder / "empty.jpg").touch()
    (photo_folder / "text.jpg").write_text("not a photo")
    cut = (photo_folder / "0.jpg").read_bytes()
    (photo_folder / "cut.jpg").write_bytes(cut[: len(cut) // 2])
    (photo_folder / "folder.jpg").mkdir()
    if os.name == "posix":
        os.mkfifo(photo_folder / "fifo.jpg")

    def run(pool, cache):
        return list(
            score_photos(
                scan_paths([photo_folder], ScanOptions(recursive=True)),
                identity=identity,
                make_scorer=lambda: fake_scorer(identity),
                make_pool=lambda: pool,
                cache=cache,
                options=ScoringOptions(workers=2, batch_size=3),
            )
        )

    with DecodePool(workers=2) as pool, ScoreCache.open(tmp_path / "cache") as cache:
        rows = run(pool, cache)
    assert_processes_end()
    assert [row.path.name for row in rows] == sorted(path.name for path in photo_folder.iterdir())
    status = {row.path.name: row.status for row in rows}
    assert all(status[f"{number}.jpg"] is PhotoStatus.OK for number in range(8))
    assert status["empty.jpg"] is status["folder.jpg"] is PhotoStatus.UNREADABLE
    assert status["text.jpg"] is PhotoStatus.UNSUPPORTED
    assert status["cut.jpg"] in (PhotoStatus.DAMAGED, PhotoStatus.UNREADABLE)
    in_process = run(fake_pool(), None)
    assert [row.score for row in in_process] == [row.score for row in rows]
    with ScoreCache.open(tmp_path / "cache") as cache:
        untouched = fake_pool()
        assert [row.score for row in run(untouched, cache)] == [row.score for row in rows]
        assert untouched.jobs == []


@pytest.mark.timeout(120)
def test_leaving_early_ends_the_processes(identity, fake_scorer, photo_folder):
    """As after Ctrl-C: the iterator is closed in the middle, then the pool."""
    with DecodePool(workers=2) as pool:
        results = score_photos(
            scan_paths([photo_folder]),
            identity=identity,
            make_scorer=lambda: fake_scorer(identity),
            make_pool=lambda: pool,
            options=ScoringOptions(workers=2, batch_size=2),
        )
        assert next(results).score is not None
        results.close()
    assert_processes_end()
