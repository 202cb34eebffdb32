"""Measures what decoding in killable processes costs: prints photos per second with and without.

    python tests/isolation_cost.py FOLDER [--workers 2] [--repeats 5]

Both sides decode every photo of FOLDER and prepare its views with the same number of workers:
threads in this process against the processes of a `DecodePool`. Runs alternate, and the medians are
compared, because other work on the machine would else favour one side. Processes are started before
the clock: that is a constant, printed apart.
"""

import argparse
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qpt_app.core.decode_formats import PHOTO_EXTENSIONS
from qpt_app.core.decode_jobs import ViewsJob
from qpt_app.core.decode_limits import DecodeLimits
from qpt_app.core.decode_pool import DecodePool
from qpt_app.core.preprocess import PreprocessConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    jobs = [
        ViewsJob(path, PreprocessConfig())
        for path in sorted(arguments.folder.iterdir())
        if path.suffix.lower() in PHOTO_EXTENSIONS
    ]
    limits = DecodeLimits()
    apart, inside = [], []
    start = time.perf_counter()
    with (
        DecodePool(workers=arguments.workers) as pool,
        ThreadPoolExecutor(arguments.workers) as threads,
    ):
        for future in [pool.submit(job) for job in jobs[: 4 * arguments.workers]]:
            future.result()
        sys.stdout.write(
            f"start and first {4 * arguments.workers} photos: {time.perf_counter() - start:.2f} s\n"
        )
        for _ in range(arguments.repeats):
            start = time.perf_counter()
            for future in [pool.submit(job) for job in jobs]:
                future.result()
            apart.append(len(jobs) / (time.perf_counter() - start))
            start = time.perf_counter()
            list(threads.map(lambda job: job.run(limits), jobs))
            inside.append(len(jobs) / (time.perf_counter() - start))
    ratio = statistics.median(apart) / statistics.median(inside)
    sys.stdout.write(
        f"processes {statistics.median(apart):.1f} photos/s, threads "
        f"{statistics.median(inside):.1f} photos/s, ratio {ratio:.3f} "
        f"({len(jobs)} photos, {arguments.workers} workers, {arguments.repeats} repeats)\n"
    )


if __name__ == "__main__":
    main()
