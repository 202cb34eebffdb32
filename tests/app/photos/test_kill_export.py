"""kill -9 while a table of scores is written: the old table or the new one, never a part."""

import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLS = 30
ROWS = 400

WRITER = """
import sys
from pathlib import Path
from qpt_app.cli.output import open_sink
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.export import csv_chunks
from qpt_app.photos.results import PhotoResult

def rows(turn):
    for number in range(int(sys.argv[2])):
        yield PhotoResult(
            path=Path(f"/shoot/{number:05}.jpg"), status=PhotoStatus.OK, reason=None,
            score=float(turn % 100), uncertainty=None, percentile=None, width=9, height=9,
            model="m", cached=False, feature=None,
        )

print("ready", flush=True)
for turn in range(1_000_000):
    with open_sink(Path(sys.argv[1])) as sink:
        for chunk in csv_chunks(rows(turn)):
            sink.write(chunk)
    print(turn, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_csv_is_old_or_new_after_every_kill(tmp_path):
    """30 kills at random moments; a table that was said to be written is there, or a later one."""
    target, rng = tmp_path / "scores.csv", random.Random(5)
    written = 0
    for _ in range(KILLS):
        last = killed_once(target, rng)
        if last is None and not target.exists():
            continue
        with target.open(newline="", encoding="utf-8") as stream:
            table = list(csv.DictReader(stream))
        assert len(table) == ROWS
        assert len({row["score"] for row in table}) == 1
        if last is not None:
            written += 1
            assert float(table[0]["score"]) in (last % 100, (last + 1) % 100)
    assert written > KILLS // 2


def killed_once(target: Path, rng: random.Random) -> int | None:
    """Write tables again and again, kill the writer, return the last one said to be written."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target), str(ROWS)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(rng.uniform(0.0, 0.2))
    child.kill()
    said = child.stdout.read().split()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    return int(said[-1]) if said else None
