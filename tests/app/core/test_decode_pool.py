"""The decode pool: whatever a file does to its process, one row comes out and the rest goes on.

Jobs that crash, hang or print are made here and run in real worker processes.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.decode import DecodeLimits
from qpt_app.core.decode_pool import DecodePool, ImageJob, ViewsJob
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.status import PhotoStatus

CONFIG = PreprocessConfig(screen_side=96, global_side=32, crop_size=32)
LIMITS = DecodeLimits()

JOBS = '''
"""Jobs that do to a worker what hostile files might do."""
import os, signal, time
from dataclasses import dataclass
from pathlib import Path
from qpt_app.core.decode_jobs import DecodeOutcome
from qpt_app.core.status import PhotoStatus

@dataclass(frozen=True)
class Misbehave:
    path: Path
    how: str

    def run(self, limits):
        getattr(self, self.how)()
        return DecodeOutcome(status=PhotoStatus.OK, reason=str(os.getpid()))

    def nothing(self):
        pass

    def hang(self):
        while True:
            pass

    def hang_and_say_who(self):
        self.path.write_text(str(os.getpid()))
        time.sleep(1000)

    def segfault(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def leave(self):
        os._exit(3)

    def system_exit(self):
        raise SystemExit(4)

    def die_talking(self):
        os.write(2, b"libfoo: heap is broken\\n")
        os.abort()

    def eat(self):
        bytearray(64 << 30)

    def fail(self):
        raise RuntimeError("no such thing")

    def print(self):
        os.write(1, b"noise on one\\n")
        os.write(2, b"noise on two\\n")

    def die_once(self):
        if not self.path.exists():
            self.path.write_text("was here")
            os.kill(os.getpid(), signal.SIGKILL)

    def die_noting_times(self):
        with self.path.open("a") as log:
            log.write(f"{time.monotonic()}\\n")
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)

    def note_times(self):
        start = time.monotonic()
        time.sleep(0.15)
        with self.path.open("a") as log:
            log.write(f"{start} {time.monotonic()}\\n")

    def wait_for_file(self):
        while not self.path.exists():
            time.sleep(0.005)

    def note_name(self):
        with (self.path.parent / "order").open("a") as log:
            log.write(self.path.name)
'''


@pytest.fixture
def misbehave(tmp_path, monkeypatch):
    """Return the job class of a module that worker processes can import."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "misbehaving_jobs.py").write_text(JOBS)
    monkeypatch.syspath_prepend(str(folder))
    import misbehaving_jobs

    yield misbehaving_jobs.Misbehave
    sys.modules.pop("misbehaving_jobs", None)


@pytest.fixture
def pool():
    with DecodePool(workers=1, timeout_s=10) as made:
        yield made


def photo(path, size=(96, 64), **options):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def wait_until(condition, seconds=10.0):
    """Poll a condition that another process brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_worker_gives_exactly_what_this_process_would(pool, tmp_path):
    file = photo(tmp_path / "a.jpg", (400, 300))
    for job in (ViewsJob(file, CONFIG), ImageJob(file, 50), ImageJob(file)):
        here, there = job.run(LIMITS), pool.submit(job).result()
        assert (here.status, here.width, here.height) == (there.status, 400, 300)
        if here.views is None:
            assert np.array_equal(here.pixels, there.pixels)
        else:
            assert np.array_equal(here.views.global_view, there.views.global_view)
            assert np.array_equal(here.views.crops, there.views.crops)


@pytest.mark.parametrize(("max_side", "shape"), [(50, (38, 50, 3)), (None, (300, 400, 3))])
def test_an_image_job_fits_the_photo(tmp_path, max_side, shape):
    file = photo(tmp_path / "a.jpg", (400, 300))
    outcome = ImageJob(file, max_side).run(LIMITS)
    assert outcome.pixels.shape == shape
    assert outcome.views is None


@pytest.mark.parametrize("how", ["segfault", "leave"])
def test_a_crash_costs_one_file(pool, misbehave, tmp_path, how):
    crash = pool.submit(misbehave(tmp_path / "bad.jpg", how))
    good = pool.submit(ViewsJob(photo(tmp_path / "a.jpg"), CONFIG))
    assert crash.result().status is PhotoStatus.CRASHED
    assert good.result().status is PhotoStatus.OK


def test_the_reason_of_a_crash_names_the_signal_and_the_last_words(pool, misbehave, tmp_path):
    outcome = pool.submit(misbehave(tmp_path / "bad.jpg", "die_talking")).result()
    assert "SIGABRT" in outcome.reason
    assert "libfoo: heap is broken" in outcome.reason


def test_a_file_that_crashes_once_is_tried_again(pool, misbehave, tmp_path):
    outcome = pool.submit(misbehave(tmp_path / "seen", "die_once")).result()
    assert outcome.status is PhotoStatus.OK


def test_the_second_try_is_alone(misbehave, tmp_path):
    """While a file that crashed is tried again, no other is being decoded."""
    log, tries = tmp_path / "log", tmp_path / "tries"
    with DecodePool(workers=3) as pool:
        futures = [pool.submit(misbehave(log, "note_times")) for _ in range(4)]
        crash = pool.submit(misbehave(tries, "die_noting_times"))
        futures += [pool.submit(misbehave(log, "note_times")) for _ in range(12)]
        assert crash.result().status is PhotoStatus.CRASHED
        assert {future.result().status for future in futures} == {PhotoStatus.OK}
    second = [float(line) for line in tries.read_text().split()][1]
    spans = [tuple(map(float, line.split())) for line in log.read_text().splitlines()]
    assert len(spans) == 16
    assert not [span for span in spans if span[0] < second + 0.3 and span[1] > second]


def test_a_hang_ends_at_the_time_limit_and_the_next_file_is_decoded(misbehave, tmp_path):
    with DecodePool(workers=1, timeout_s=1) as pool:
        hang = pool.submit(misbehave(tmp_path / "bad.jpg", "hang"))
        good = pool.submit(ViewsJob(photo(tmp_path / "a.jpg"), CONFIG))
        outcome = hang.result()
        assert outcome.status is PhotoStatus.TIMEOUT
        assert 1 <= outcome.seconds < 3
        assert good.result().status is PhotoStatus.OK


def test_a_decoder_stuck_in_c_code_is_killed_at_the_time_limit(tmp_path):
    """A progressive JPEG of three thousand scans, let past the scan limit, keeps libjpeg busy for
    minutes, where no signal handler of Python's would run."""
    picture = tmp_path / "plain.jpg"
    Image.new("L", (4000, 4000), 90).save(picture, progressive=True, quality=10)
    data = picture.read_bytes()
    last = data.rindex(b"\xff\xda")
    bomb = tmp_path / "bomb.jpg"
    bomb.write_bytes(data[:last] + data[last:-2] * 3000 + b"\xff\xd9")
    with DecodePool(workers=1, timeout_s=1.5, limits=DecodeLimits(max_jpeg_scans=10**6)) as pool:
        outcome = pool.submit(ViewsJob(bomb, CONFIG)).result()
        assert outcome.status is PhotoStatus.TIMEOUT
        assert outcome.seconds < 3.5
        good = pool.submit(ViewsJob(photo(tmp_path / "a.jpg"), CONFIG)).result()
        assert good.status is PhotoStatus.OK


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is enforced on Linux")
def test_a_worker_that_wants_too_much_memory_refuses_the_file(pool, misbehave, tmp_path):
    outcome = pool.submit(misbehave(tmp_path / "bad.jpg", "eat")).result()
    assert outcome.status is PhotoStatus.TOO_LARGE
    assert pool.submit(misbehave(tmp_path, "nothing")).result().status is PhotoStatus.OK


def test_an_error_nobody_thought_of_is_a_status(pool, misbehave, tmp_path):
    outcome = pool.submit(misbehave(tmp_path / "bad.jpg", "fail")).result()
    assert outcome.status is PhotoStatus.UNREADABLE
    assert "RuntimeError" in outcome.reason
    assert outcome.may_pass  # a fault of ours says nothing of the photo


def test_what_c_libraries_print_does_not_reach_the_terminal(pool, misbehave, tmp_path, capfd):
    pool.submit(misbehave(tmp_path, "print")).result()
    assert capfd.readouterr() == ("", "")


def test_low_numbers_go_first_and_equals_in_their_order(pool, misbehave, tmp_path):
    gate = tmp_path / "gate"
    waiting = pool.submit(misbehave(gate, "wait_for_file"))
    jobs = [("c", 5), ("d", 5), ("a", -1), ("b", 0), ("e", 9)]
    futures = [
        pool.submit(misbehave(tmp_path / name, "note_name"), priority=priority)
        for name, priority in jobs
    ]
    gate.touch()
    for future in [waiting, *futures]:
        future.result()
    assert (tmp_path / "order").read_text() == "abcde"


def test_a_queued_job_can_be_cancelled(pool, misbehave, tmp_path):
    gate = tmp_path / "gate"
    waiting = pool.submit(misbehave(gate, "wait_for_file"))
    cancelled = pool.submit(misbehave(tmp_path / "x", "note_name"))
    assert cancelled.cancel()
    gate.touch()
    waiting.result()
    pool.submit(misbehave(tmp_path, "nothing")).result()
    assert not (tmp_path / "order").exists()


@pytest.mark.parametrize("ended", ["done", "cancelled"])
def test_jobs_of_a_lane_take_turns_and_leave_the_other_workers_free(misbehave, tmp_path, ended):
    """However many wait; the most urgent of them is next when the lane is free."""
    gate = tmp_path / "gate"
    with DecodePool(workers=2) as pool:
        first = pool.submit(misbehave(gate, "wait_for_file"), priority=9, lane="slow")
        wait_until(first.running)
        jobs = [("c", 9), ("b", 2), ("a", 1)]
        queued = [
            pool.submit(misbehave(tmp_path / name, "note_name"), priority=priority, lane="slow")
            for name, priority in jobs
        ]
        for _ in range(3):
            other = pool.submit(misbehave(tmp_path / "x", "nothing"), priority=9)
            assert other.result(timeout=60).status is PhotoStatus.OK
        assert not (tmp_path / "order").exists()
        if ended == "cancelled":
            assert queued.pop().cancel()
        gate.touch()
        for future in [first, *queued]:
            future.result(timeout=60)
    assert (tmp_path / "order").read_text() == ("abc" if ended == "done" else "bc")


def test_a_job_that_crashes_frees_its_lane(misbehave, tmp_path):
    """So does one that raises, and another lane never waits for it."""
    with DecodePool(workers=2) as pool:
        ways = ("leave", "fail", "nothing")
        ends = [pool.submit(misbehave(tmp_path / "x", how), lane="slow") for how in ways]
        other = pool.submit(misbehave(tmp_path / "x", "nothing"), lane="fast")
        assert other.result(timeout=60).status is PhotoStatus.OK
        assert [end.result(timeout=60).status for end in ends][2] is PhotoStatus.OK


def test_closing_cancels_what_waits_for_a_lane(misbehave, tmp_path):
    """Nobody waits for it for ever."""
    pool = DecodePool(workers=2)
    running = pool.submit(misbehave(tmp_path / "a", "hang_and_say_who"), lane="slow")
    held = pool.submit(misbehave(tmp_path / "b", "nothing"), lane="slow")
    pool.submit(misbehave(tmp_path / "c", "nothing")).result(timeout=60)
    pool.close()
    for future in (running, held):
        with pytest.raises(CancelledError):
            future.result(timeout=1)


def test_a_process_is_replaced_after_so_many_files(misbehave, tmp_path):
    with DecodePool(workers=1, recycle_after=2) as pool:
        pids = [pool.submit(misbehave(tmp_path, "nothing")).result().reason for _ in range(4)]
    assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2]


def test_a_worker_killed_while_idle_is_replaced(pool, misbehave, tmp_path):
    pid = int(pool.submit(misbehave(tmp_path, "nothing")).result().reason)
    os.kill(pid, signal.SIGTERM)
    assert pool.submit(misbehave(tmp_path, "nothing")).result().status is PhotoStatus.OK


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_does_not_touch_the_workers(pool, misbehave, tmp_path):
    first = pool.submit(misbehave(tmp_path, "nothing")).result().reason
    os.kill(int(first), signal.SIGINT)
    assert pool.submit(misbehave(tmp_path, "nothing")).result().reason == first


def test_closing_is_quick_kills_everything_and_cancels_the_rest(misbehave, tmp_path):
    pool = DecodePool(workers=2)
    running = [pool.submit(misbehave(tmp_path / name, "hang_and_say_who")) for name in "ab"]
    queued = [pool.submit(misbehave(tmp_path, "nothing")) for _ in range(50)]
    wait_until(lambda: all((tmp_path / name).exists() for name in "ab"))
    wait_until(lambda: all((tmp_path / name).read_text() for name in "ab"))
    start = time.monotonic()
    pool.close()
    assert time.monotonic() - start < 2
    for future in running + queued:
        with pytest.raises(CancelledError):
            future.result(timeout=1)
    if sys.platform.startswith("linux"):
        wait_until(lambda: not any(is_alive((tmp_path / name).read_text()) for name in "ab"), 2)
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]
    pool.close()
    with pytest.raises(RuntimeError):
        pool.submit(misbehave(tmp_path, "nothing"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_workers_end_when_their_parent_is_killed(misbehave, tmp_path):
    """Whether they are idle or busy."""
    script = textwrap.dedent(f"""
        import sys, time
        sys.path[:0] = {[str(tmp_path / "modules"), *sys.path]!r}
        from pathlib import Path
        from misbehaving_jobs import Misbehave
        from qpt_app.core.decode_pool import DecodePool
        if __name__ == "__main__":
            pool = DecodePool(workers=2)
            folder = Path({str(tmp_path)!r})
            busy = pool.submit(Misbehave(folder / "busy", "hang_and_say_who"))
            idle = pool.submit(Misbehave(folder / "idle", "nothing")).result()
            (folder / "idle").write_text(idle.reason)
            time.sleep(1000)
    """)
    (tmp_path / "parent.py").write_text(script)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")])
    try:
        for name in ("busy", "idle"):
            wait_until(lambda name=name: (tmp_path / name).exists(), 30)
            wait_until(lambda name=name: (tmp_path / name).read_text(), 30)
    finally:
        parent.kill()
        parent.wait()
    pids = [(tmp_path / name).read_text() for name in ("busy", "idle")]
    wait_until(lambda: not any(is_alive(pid) for pid in pids), 5)


def test_a_job_that_cannot_be_sent_fails_alone(pool, tmp_path):
    @dataclass
    class Local:
        path: Path

        def run(self, limits):
            return None

    with pytest.raises(Exception, match="ickle"):
        pool.submit(Local(tmp_path)).result()
    good = pool.submit(ViewsJob(photo(tmp_path / "a.jpg"), CONFIG)).result()
    assert good.status is PhotoStatus.OK


def test_a_vanished_file_and_a_missing_folder_are_statuses(pool, tmp_path):
    gone = pool.submit(ViewsJob(tmp_path / "gone.jpg", CONFIG)).result()
    assert gone.status is PhotoStatus.VANISHED


def test_a_pool_needs_a_worker():
    with pytest.raises(ValueError, match="at least one"):
        DecodePool(workers=0)
