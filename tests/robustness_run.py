"""Decodes every file below some folders in killable processes and prints what became of them.

    python tests/robustness_run.py FOLDER... [--workers 2]

The figures of docs/robustness.md come from here: files, each status, seconds, peak memory. Every
file counts, whatever its name; metadata are read too, in this process.
"""

import argparse
import collections
import itertools
import os
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from qpt_app.core.decode_pool import DecodeOutcome, DecodePool, ViewsJob
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.photos.exif import read_essentials


def files_below(folders: list[Path]) -> list[Path]:
    found = []
    for folder in folders:
        for top, _, names in os.walk(folder):
            found += [Path(top) / name for name in names]
    return sorted(found)


class PeakMemory(threading.Thread):
    """Watches the largest resident memory of this process and of its children (Linux)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.children_mb = 0.0
        self.own_mb = 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.05):
            self.own_mb = max(self.own_mb, peak_mb("self"))
            for task in Path("/proc/self/task").iterdir():
                try:
                    pids = (task / "children").read_text().split()
                except OSError:
                    continue
                self.children_mb = max([self.children_mb, *map(peak_mb, pids)])

    def end(self) -> None:
        self._ended.set()
        self.join()


def peak_mb(pid: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    files = files_below(arguments.folders)
    counts: collections.Counter[str] = collections.Counter()
    slowest = (0.0, "")
    memory = PeakMemory()
    memory.start()
    start = time.perf_counter()
    with DecodePool(workers=arguments.workers) as pool:
        running: collections.deque[tuple[Path, Future[DecodeOutcome]]] = collections.deque()
        waiting = iter(files)
        for path in itertools.islice(waiting, 4 * arguments.workers):
            running.append((path, pool.submit(ViewsJob(path, PreprocessConfig()))))
        while running:
            path, future = running.popleft()
            outcome = future.result()
            for following in itertools.islice(waiting, 1):
                running.append((following, pool.submit(ViewsJob(following, PreprocessConfig()))))
            counts[outcome.status.value] += 1
            slowest = max(slowest, (outcome.seconds, ascii(path.name)))
            if outcome.status in ("crashed", "timeout") or "decoder failed" in (
                outcome.reason or ""
            ):
                sys.stdout.write(f"{outcome.status} {outcome.reason} {str(path)!a}\n")
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    for path in files:
        read_essentials(path)
    metadata_s = time.perf_counter() - start
    memory.end()
    statuses = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    sys.stdout.write(
        f"{len(files)} files, {sum(counts.values())} rows: {statuses}; {seconds:.1f} s, slowest "
        f"{slowest[0]:.1f} s ({slowest[1]}); peak memory of a worker {memory.children_mb:.0f} MB, "
        f"of the program {memory.own_mb:.0f} MB; metadata {metadata_s:.1f} s\n"
    )


if __name__ == "__main__":
    main()
