"""The benchmark's figures follow from what the stages took, and its bound is the right one."""

import json
import math
from dataclasses import replace

import pytest

from qpt_app.errors import UsageError
from qpt_app.photos.bench import bound_rate, run_bench


class Clock:
    """Stands still but for what the fake stages take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    """Time that only the fakes spend."""
    return Clock()


@pytest.fixture
def bench(identity, fake_pool, fake_scorer, clock):
    """`bench(folder)`: decoding takes 0.2 s, preparing 0.05 s, the model 0.25 s a photo."""
    pool_class = fake_pool

    def decode(job):
        outcome = pool_class.decode(job)
        return replace(outcome, seconds=0.25, preparing_s=0.05)

    def spend(views):
        clock.seconds += 0.25 * len(views)

    def run(folder, device="cpu", **options):
        scorer = fake_scorer(identity, device_name=device, before=spend)
        return run_bench(
            folder,
            make_scorer=lambda: scorer,
            make_pool=lambda: pool_class(decode=decode),
            identity=identity,
            workers=2,
            clock=clock,
            **options,
        )

    return run


def test_rates_follow_from_the_seconds(bench, photo_folder):
    """Two workers at 0.2 s are 10 photos a second; the model at 0.25 s is 4."""
    (photo_folder / "text.jpg").write_text("not a photo")
    report = bench(photo_folder)
    assert math.isclose(report.decode_per_s, 10)
    assert math.isclose(report.preprocess_per_s, 40)
    assert math.isclose(report.forward_per_s, 4)
    assert math.isclose(report.end_to_end_per_s, 4)  # fake decoding spends no time of the clock
    assert math.isclose(report.bound_per_s, 1 / (0.1 + 0.025 + 0.25))
    assert math.isclose(report.share_of_bound, report.end_to_end_per_s / report.bound_per_s)
    assert (report.photos, report.skipped, report.passes) == (8, 1, 8)
    assert math.isclose(report.megapixels, 96 * 64 / 1e6)
    assert (report.device, report.workers, report.model) == ("cpu", 2, "fake@abababab")


def test_a_gpu_works_beside_the_cores(bench, photo_folder):
    """There the slower side is the limit."""
    report = bench(photo_folder, device="cuda")
    assert math.isclose(report.bound_per_s, 4)
    assert math.isclose(bound_rate(10, 40, 100, shares_cores=False), 8)
    assert bound_rate(10, 40, 100, shares_cores=True) < 8


def test_a_large_folder_is_scored_once(bench, photo_folder):
    """Only a small one is repeated."""
    assert bench(photo_folder, min_photos=8).passes == 1
    assert bench(photo_folder, min_photos=9).passes == 2


def test_the_report_is_json(bench, photo_folder):
    """Every field is a plain number, text or null."""
    fields = bench(photo_folder).to_dict()
    assert json.loads(json.dumps(fields)) == fields
    assert fields["memory_peak_mb"] is None or fields["memory_peak_mb"] > 10


def test_nothing_to_measure_is_a_usage_error(bench, tmp_path):
    """An empty folder, and one in which nothing can be decoded."""
    with pytest.raises(UsageError, match="no photos in"):
        bench(tmp_path)
    (tmp_path / "text.jpg").write_text("not a photo")
    with pytest.raises(UsageError, match="none of the photos can be decoded"):
        bench(tmp_path)
