"""Fuzzes the decode door with mutated real photos, in killable processes. Run by hand.

    python tests/mutation_fuzz.py FOLDER [--minutes 10] [--seed 0] [--workers 2]

Every photo below FOLDER is mutated again and again: bits flipped, runs overwritten, pieces cut out,
doubled or swapped, the end cut off. Every mutant must end in a status. Prints the counts and keeps
the mutants that crashed or hung their process, in a folder that it names.
"""

import argparse
import collections
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from qpt_app.core.decode_pool import DecodeOutcome, DecodePool, ViewsJob
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.exif import read_essentials

MAX_SEED_BYTES = 2 << 20
INTERESTING = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return the file with one to ten changes, half of them near its beginning."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 5, 10))):
        if len(content) < 16:
            break
        reach = min(len(content), 1024) if rng.random() < 0.5 else len(content)
        at = rng.randrange(reach)
        length = min(rng.choice((1, 2, 4, 16, 64, 1000)), len(content) - at)
        match rng.randrange(7):
            case 0:
                content[at] ^= 1 << rng.randrange(8)
            case 1:
                content[at] = rng.choice(INTERESTING)
            case 2:
                content[at : at + length] = rng.randbytes(length)
            case 3:
                content[at : at + length] = bytes([rng.choice(INTERESTING)]) * length
            case 4:
                del content[at : at + length]
            case 5:
                content[at:at] = content[at : at + length]
            case _:
                if rng.random() < 0.3:
                    del content[at:]
    return bytes(content)


def mutants(seeds: list[Path], rng: random.Random) -> Iterator[tuple[Path, bytes]]:
    contents = [(path, path.read_bytes()) for path in seeds]
    contents = [(path, data) for path, data in contents if 0 < len(data) <= MAX_SEED_BYTES]
    while True:
        path, data = rng.choice(contents)
        yield path, mutate(data, rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    seeds = sorted(path for path in arguments.folder.rglob("*") if path.is_file())
    counts: collections.Counter[str] = collections.Counter()
    worst = 0.0
    work = Path(tempfile.mkdtemp(prefix="qpt-fuzz-"))
    end = time.monotonic() + 60 * arguments.minutes
    running: collections.deque[tuple[Path, Future[DecodeOutcome]]] = collections.deque()
    with DecodePool(workers=arguments.workers) as pool:
        stream = enumerate(mutants(seeds, random.Random(arguments.seed)))
        while running or time.monotonic() < end:
            while time.monotonic() < end and len(running) < 2 * arguments.workers:
                number, (seed, content) = next(stream)
                mutant = work / f"{number:07}-{seed.name}"
                mutant.write_bytes(content)
                running.append((mutant, pool.submit(ViewsJob(mutant, PreprocessConfig()))))
            mutant, future = running.popleft()
            outcome = future.result()
            read_essentials(mutant)
            counts[outcome.status.value] += 1
            counts["decoder failed"] += (outcome.reason or "").startswith("the decoder failed")
            worst = max(worst, outcome.seconds)
            if outcome.status in (PhotoStatus.CRASHED, PhotoStatus.TIMEOUT) or (
                outcome.reason or ""
            ).startswith("the decoder failed"):
                sys.stdout.write(f"{outcome.status}: {outcome.reason}: {mutant}\n")
            else:
                mutant.unlink()
    total = sum(counts.values()) - counts["decoder failed"]
    sys.stdout.write(f"{total} mutants of {len(seeds)} files, seed {arguments.seed}: ")
    sys.stdout.write(", ".join(f"{name} {count}" for name, count in counts.most_common()))
    sys.stdout.write(f"; slowest {worst:.1f} s; kept in {work}\n")


if __name__ == "__main__":
    main()
