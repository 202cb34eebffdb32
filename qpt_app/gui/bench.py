"""Measures the real window, offscreen: the figures behind `qpt bench --gui`.

Every run is a process of its own, so that starting counts from nothing and peak memory is that of
one run. The folder of photos is made here: some rendered JPEGs, each copy with bytes of its own,
so that no two have the same content.
"""

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qpt_app.errors import QptError

COLD_PHOTOS = 2000
CACHED_PHOTOS = 50_000
RATED = 500
BASE_PHOTOS = 12
BASE_SIZE = (3000, 2000)
"""Width and height of the made photos, pixels: 6 MP."""
TIMEOUT_S = 1800.0

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heartbeat:
    """How long the GUI thread was away between two beats, milliseconds."""

    p99_ms: float
    max_ms: float
    beats: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ColdRun:
    """A folder that was never scored."""

    photos: int
    window_painted_s: float
    """From the start of the process to the first paint."""
    thumbnails_s: float
    """From the start of the process to a first screen full of thumbnails."""
    model_ready_s: float | None
    """From the start of the process until the scoring process knows its model."""
    first_scores_s: float | None
    """From then to the first scores."""
    opening: Heartbeat
    scrolling: Heartbeat
    """From the first row to the last and back."""
    scoring: Heartbeat
    """While scores come in and nobody touches anything."""
    rating: Heartbeat
    """While `RATED` photos are rated by key in the loupe."""
    next_photo_p50_ms: float
    next_photo_p95_ms: float
    """From the key to the picture on screen, prefetched."""
    scored_per_s: float | None
    """Photos scored per second during the run."""
    picture_memory_mb: float
    """Decoded pictures held at the end."""
    peak_memory_mb: float
    """Of the window's process."""
    close_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedRun:
    """A folder whose scores are all known."""

    photos: int
    window_painted_s: float
    usable_s: float
    """From opening the folder until all photos are in the grid and a first screen is painted."""
    scores_s: float
    """From opening the folder until every photo has its score."""
    opening: Heartbeat
    scrolling: Heartbeat
    picture_memory_mb: float
    peak_memory_mb: float
    close_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GuiBench:
    """Both runs and what they ran on."""

    cold: ColdRun
    cached: CachedRun
    cpus: int
    qt: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def run_gui_bench(
    *,
    photos: int = COLD_PHOTOS,
    cached: int = CACHED_PHOTOS,
    rated: int = RATED,
    engine: str = "shipped",
    folder: Path | None = None,
    say: Say = lambda line: None,
) -> GuiBench:
    """Make the folders, drive the window and return the figures.

    Args:
        photos: photos of the run without a cache.
        cached: photos of the run whose scores are all known.
        rated: how many photos are rated by key.
        engine: `shipped` for the default model, `none` for a scorer without a network.
        folder: where to work; a temporary folder if None.
        say: takes a line of progress.

    Raises:
        QptError: if a run does not come to its end.
    """
    from PySide6.QtCore import qVersion

    from qpt_app.gui.services import usable_cpus

    with tempfile.TemporaryDirectory(dir=folder, prefix="qpt-bench-") as name:
        work = Path(name)
        say(f"making {photos} photos")
        bases = make_bases(work / "bases")
        make_copies(bases, work / "cold", photos)
        say(f"driving the window through {photos} photos")
        cold = _run_apart("cold", work, {"rated": rated, "engine": engine})
        say(f"making {cached} photos with known scores")
        make_links(bases, work / "cached", cached)
        fill_cache(work / "cached", work / "cached-home" / "cache")
        say(f"driving the window through {cached} photos")
        warm = _run_apart("cached", work, {})
        return GuiBench(
            cold=ColdRun(**_with_beats(cold)),
            cached=CachedRun(**_with_beats(warm)),
            cpus=usable_cpus(),
            qt=qVersion() or "",
        )


def summary_lines(result: GuiBench) -> list[str]:
    """Return the figures beside their targets, for people."""
    cold, cached = result.cold, result.cached
    rows = [
        ("window painted", f"{cold.window_painted_s:.2f} s", "1 s"),
        ("first screen of thumbnails", f"{cold.thumbnails_s:.2f} s", "1.5 s"),
        ("first scores after the model", _seconds(cold.first_scores_s), "3 s"),
        (f"{cached.photos:,} cached photos usable", f"{cached.usable_s:.2f} s", "2 s"),
        ("next photo in the loupe, p95", f"{cold.next_photo_p95_ms:.0f} ms", "50 ms"),
        ("closing", f"{max(cold.close_s, cached.close_s):.2f} s", "2 s"),
    ]
    beats = {
        "opening": cold.opening, "scrolling": cold.scrolling, "scoring": cold.scoring,
        "rating": cold.rating, "opening, cached": cached.opening,
        "scrolling, cached": cached.scrolling,
    }  # fmt: skip
    for name, beat in beats.items():
        value = f"{beat.p99_ms:.0f} ms (max {beat.max_ms:.0f} ms)"
        rows.append((f"GUI thread p99, {name}", value, "50 ms"))
    lines = [f"{name:<34}{value:>24}   target {target}" for name, value, target in rows]
    lines.append(f"{'peak memory of the window':<34}{cold.peak_memory_mb:>20.0f} MB")
    return lines


def make_bases(folder: Path) -> list[Path]:
    """Write some photos with detail and noise, each different."""
    from PIL import Image

    folder.mkdir(parents=True)
    paths = []
    for number in range(BASE_PHOTOS):
        generator = np.random.default_rng(number)
        coarse = generator.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize(BASE_SIZE, Image.Resampling.BICUBIC)
        grain = generator.normal(0, 2 + number, (BASE_SIZE[1], BASE_SIZE[0], 1))
        pixels = np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8)
        path = folder / f"base{number:02d}.jpg"
        Image.fromarray(pixels).save(path, quality=88)
        paths.append(path)
    return paths


def make_copies(bases: list[Path], folder: Path, count: int) -> None:
    """Copy the bases; bytes after the end of a JPEG make each content its own."""
    folder.mkdir(parents=True)
    contents = [base.read_bytes() for base in bases]
    for number in range(count):
        content = contents[number % len(contents)] + number.to_bytes(4, "big")
        (folder / f"IMG_{number:05d}.jpg").write_bytes(content)


def make_links(bases: list[Path], folder: Path, count: int) -> None:
    """Give the bases many names; hard links take no space."""
    folder.mkdir(parents=True)
    for number in range(count):
        os.link(bases[number % len(bases)], folder / f"IMG_{number:06d}.jpg")


def fill_cache(folder: Path, cache_folder: Path) -> None:
    """Write a score for every photo of a folder into a cache."""
    from qpt_app.core.status import PhotoStatus
    from qpt_app.gui.bench_engine import BENCH_IDENTITY
    from qpt_app.photos.fingerprint import take_fingerprint
    from qpt_app.photos.results import PhotoFile
    from qpt_app.photos.scan import scan_paths
    from qpt_app.photos.score_cache import CachedScore, ScoreCache

    cache_folder.mkdir(parents=True)
    by_inode: dict[int, Any] = {}
    with ScoreCache.open(cache_folder) as cache:
        for number, photo in enumerate(scan_paths([folder])):
            if not isinstance(photo, PhotoFile):
                continue
            if photo.inode not in by_inode:
                by_inode[photo.inode] = take_fingerprint(photo.path)
            known = CachedScore(
                status=PhotoStatus.OK,
                score=(number * 37 % 1000) / 10,
                uncertainty=5.0,
                raw_score=0.0,
                width=BASE_SIZE[0],
                height=BASE_SIZE[1],
                format="JPEG",
            )
            cache.put(photo.path, by_inode[photo.inode], BENCH_IDENTITY, known)


def _run_apart(kind: str, work: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Run one session in a fresh process and read what it measured."""
    from qpt_app.gui.bench_session import session_main

    answer = work / f"{kind}.json"
    context = multiprocessing.get_context("spawn")
    process = context.Process(
        target=session_main, args=(kind, str(work), str(answer), time.time(), options)
    )
    process.start()
    process.join(TIMEOUT_S)
    if process.is_alive():
        process.kill()
        process.join()
    if not answer.is_file():
        raise QptError(f"the {kind} run of the window did not come to its end")
    values: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in values:
        raise QptError(f"the {kind} run of the window failed: {values['error']}")
    return values


def _with_beats(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Heartbeat(**value) if isinstance(value, dict) else value
        for name, value in values.items()
    }


def _seconds(value: float | None) -> str:
    return "no model" if value is None else f"{value:.2f} s"
