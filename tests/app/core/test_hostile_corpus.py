"""The hostile corpus through real worker processes: one status per file, and nothing else."""

import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest

from qpt_app.core.decode import decode_photo
from qpt_app.core.decode_pool import DecodePool, ViewsJob
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.exif import ExifEssentials, read_essentials

CONFIG = PreprocessConfig(screen_side=96, global_side=32, crop_size=32)


def load_generator():
    """Import the committed script, which stands beside the test folders."""
    path = Path(__file__).parents[2] / "hostile_corpus.py"
    spec = importlib.util.spec_from_file_location("hostile_corpus", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = load_generator()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The folder, and the allowed statuses of every file in it."""
    folder = tmp_path_factory.mktemp("hostile")
    return folder, GENERATOR.make_corpus(folder)


def children_peak_mb():
    """Largest resident memory that any live child process has had, in MB."""
    peaks = [0.0]
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            peaks += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
    return max(peaks)


def test_every_file_ends_in_a_status_that_fits_it(corpus):
    folder, allowed = corpus
    assert len(allowed) > 900
    with DecodePool(workers=2, timeout_s=20) as pool:
        futures = {name: pool.submit(ViewsJob(folder / name, CONFIG)) for name in allowed}
        outcomes = {name: future.result() for name, future in futures.items()}
    wrong = {
        name: (outcome.status.value, outcome.reason)
        for name, outcome in outcomes.items()
        if outcome.status.value not in allowed[name]
    }
    assert not wrong
    for outcome in outcomes.values():
        assert outcome.status.has_pixels == (outcome.views is not None)
        assert outcome.status is PhotoStatus.OK or outcome.reason
        assert "decoder failed" not in (outcome.reason or "")
        assert (outcome.reason or "").isprintable()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_bombs_are_refused_at_once_and_cost_no_memory(corpus):
    """What is too large is known before anything is decoded: below 300 MB, the interpreter
    included, and far below a second each."""
    folder, allowed = corpus
    bombs = [name for name in allowed if allowed[name] == frozenset({"too_large"})]
    assert len(bombs) >= 14
    with DecodePool(workers=1) as pool:
        pool.submit(ViewsJob(folder / "named/png.jpg", CONFIG)).result()
        start = time.perf_counter()
        for name in bombs:
            assert pool.submit(ViewsJob(folder / name, CONFIG)).result().status == "too_large", name
        assert time.perf_counter() - start < 0.5 * len(bombs)
        assert children_peak_mb() < 300


@pytest.mark.parametrize("kind", GENERATOR.CUTTABLE)
def test_a_longer_piece_of_a_file_is_never_worse_than_a_shorter_one(corpus, kind):
    """Where decoding can stop half way, there is one length from which on a photo has pixels."""
    if kind in ("webp", "lossless.webp", "avif", "gif", "progressive.jpg"):
        pytest.skip("its decoder refuses some lengths, such as a cut within a table between scans")
    folder, _ = corpus
    steps = [folder / f"cut/{step:02}-of-64.{kind}" for step in range(1, 64)]
    has_pixels = [decode_photo(path).pixels is not None for path in steps]
    assert has_pixels == sorted(has_pixels)


def test_metadata_of_the_corpus_is_read_or_ignored(corpus):
    folder, allowed = corpus
    start = time.perf_counter()
    for name in allowed:
        assert isinstance(read_essentials(folder / name), ExifEssentials)
    assert time.perf_counter() - start < 0.1 * len(allowed)


def test_no_name_of_the_corpus_is_lost(corpus):
    folder, allowed = corpus
    on_disk = {
        os.path.relpath(Path(top) / name, folder)
        for top, _, files in os.walk(folder)
        for name in files
    }
    assert on_disk <= set(allowed)
    assert sum(name.startswith("names/") for name in allowed) >= 12
