"""The real engine on bad input: a row or one clear line, the right code, nothing half-written."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qpt_app.cli import wiring

PROGRAM = [sys.executable, "-m", "qpt_app.cli.main"]
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX files and signals")
not_as_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root may read and write everywhere"
)


def rows_of(out):
    return {Path(row["path"]).name: row for row in map(json.loads, out.splitlines())}


def clean(done):
    """No traceback, and nothing that the interpreter itself complains about."""
    return not any(word in done.err for word in ("Traceback", "Exception ignored", "Warning"))


@pytest.mark.usefixtures("real")
class TestRows:
    """Everything that can be wrong with a file is a row; the others are scored."""

    def test_photos_are_scored_and_then_known(self, qpt, photo_folder):
        """A second run answers from the cache with the same scores."""
        folder = photo_folder(5)
        first = qpt("score", folder)
        again = qpt("score", folder)
        assert (first.code, again.code) == (0, 0)
        assert {row["cached"] for row in rows_of(first.out).values()} == {False}
        assert {row["cached"] for row in rows_of(again.out).values()} == {True}
        scores = [[row["score"] for row in rows_of(run.out).values()] for run in (first, again)]
        assert scores[0] == scores[1]
        assert len(set(scores[0])) == 5

    def test_the_order_of_files_and_the_batch_size_change_no_score(self, qpt, photo_folder):
        """The same to 0.01."""
        folder = photo_folder(6)
        paths = sorted(folder.iterdir())
        one = rows_of(qpt("score", "--no-cache", "--batch-size", "1", *paths).out)
        all_ = rows_of(qpt("score", "--no-cache", "--batch-size", "6", *reversed(paths)).out)
        assert all(abs(one[name]["score"] - all_[name]["score"]) <= 0.011 for name in one)

    @posix
    def test_every_odd_thing_in_a_folder(self, qpt, photo_folder):
        """One row each with a status and a reason, exit code 3, no hang."""
        folder = photo_folder(1)
        good = (folder / "0000.jpg").read_bytes()
        (folder / "text.jpg").write_text("not a photo")
        (folder / "empty.jpg").write_bytes(b"")
        (folder / "folder.jpg").mkdir()
        os.mkfifo(folder / "fifo.jpg")
        (folder / "loop.jpg").symlink_to("loop.jpg")
        (folder / "cut.jpg").write_bytes(good[:-40])
        odd = ["two\nlines.jpg", "\x1b[31mred.jpg", "-rf.jpg", "🙂.jpg", os.fsdecode(b"\xff.jpg")]
        for name in odd:
            (folder / name).write_bytes(good)
        done = qpt("score", folder)
        assert done.code == 3
        assert clean(done)
        rows = [json.loads(line) for line in done.lines]
        assert len(rows) == 12
        by_name = {Path(row["path"]).name: row["status"] for row in rows}
        assert by_name["text.jpg"] == "unsupported"
        assert by_name["cut.jpg"] == "damaged"
        for name in ("empty.jpg", "folder.jpg", "fifo.jpg", "loop.jpg"):
            assert by_name[name] == "unreadable"
        assert sum(row["status"] == "ok" for row in rows) == 1 + len(odd)
        assert len({row["score"] for row in rows if row["status"] == "ok"}) == 1

    @posix
    def test_special_files_named_on_the_command_line(self, qpt, tmp_path):
        """Each gets its row, nothing is opened that could block."""
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "dangling").symlink_to("nosuch")
        done = qpt("score", tmp_path / "fifo", tmp_path / "dangling", "/dev/zero")
        assert done.code == 1
        assert {row["status"] for row in rows_of(done.out).values()} == {"unreadable"}
        assert len(done.lines) == 3

    def test_a_photo_that_vanishes_or_changes_during_the_run(self, qpt, photo_folder, monkeypatch):
        """`vanished`; one rewritten before its turn is scored as it is then."""
        folder = photo_folder(3)
        original = wiring.list_photos

        def meddle(paths, options):
            for photo in original(paths, options):
                if photo.path.name == "0001.jpg":
                    photo.path.unlink()
                if photo.path.name == "0002.jpg":
                    photo.path.write_bytes((folder / "0000.jpg").read_bytes())
                yield photo

        monkeypatch.setattr(wiring, "list_photos", meddle)
        done = qpt("score", folder)
        assert done.code == 3
        rows = rows_of(done.out)
        assert rows["0001.jpg"]["status"] == "vanished"
        assert rows["0002.jpg"]["score"] == rows["0000.jpg"]["score"]

    @not_as_root
    def test_unreadable_files_and_folders(self, qpt, photo_folder):
        """No permission is a row with that reason."""
        folder = photo_folder(2)
        closed = photo_folder(1, "closed")
        (folder / "0001.jpg").chmod(0)
        closed.chmod(0)
        try:
            done = qpt("score", folder, closed)
        finally:
            closed.chmod(0o755)
        assert done.code == 3
        assert "permission" in rows_of(done.out)["0001.jpg"]["reason"]
        assert "permission" in rows_of(done.out)["closed"]["reason"]

    def test_scoring_leaves_files_as_they_were(self, qpt, photo_folder):
        """Content and time stamps."""
        folder = photo_folder(2)
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
        qpt("score", folder)
        after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
        assert after == before


@pytest.mark.usefixtures("real")
class TestEngine:
    """Model, device and cache that cannot be used."""

    @pytest.mark.parametrize(
        "content", [b"", b"not a model", b"\xff" * 100, None], ids=["empty", "text", "junk", "bit"]
    )
    def test_a_broken_model_is_one_line(self, qpt, photo_folder, tmp_path, tiny_model, content):
        """Empty, text, garbage, or one flipped bit."""
        model = tmp_path / "broken.safetensors"
        if content is None:
            data = bytearray(tiny_model.read_bytes())
            data[-1] ^= 1
            content = bytes(data)
        model.write_bytes(content)
        done = qpt("score", "--model", model, photo_folder(1))
        assert done.code == 1
        assert done.err.count("\n") == 1
        assert str(model) in done.err

    def test_a_model_that_is_not_there_is_wrong_usage(self, qpt, photo_folder):
        """It names the shipped ones."""
        done = qpt("score", "--model", "nosuch", photo_folder(1))
        assert done.code == 2
        assert "nosuch" in done.err

    def test_a_device_that_is_not_there_is_wrong_usage(self, qpt, photo_folder, monkeypatch):
        """Even where the cache could answer."""
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        folder = photo_folder(1)
        assert qpt("score", folder).code == 0
        done = qpt("score", "--device", "cuda", folder)
        assert (done.code, done.out) == (2, b"")
        assert "cuda" in done.err

    def test_a_cache_that_cannot_be_used_is_one_line_and_no_obstacle(
        self, qpt, photo_folder, tmp_path, monkeypatch
    ):
        """The photos are scored all the same."""
        (tmp_path / "cache").write_text("a file in place of the folder")
        monkeypatch.setenv("QPT_CACHE_FOLDER", str(tmp_path / "cache"))
        done = qpt("score", "-q", photo_folder(2))
        assert done.code == 0
        assert len(done.lines) == 2
        assert done.err.count("\n") == 1
        assert "cache" in done.err

    def test_a_read_only_cache_is_one_line_and_no_obstacle(
        self, qpt, photo_folder, tmp_path, monkeypatch
    ):
        """A cache file that may only be read."""
        folder = photo_folder(1)
        monkeypatch.setenv("QPT_CACHE_FOLDER", str(tmp_path / "cache"))
        qpt("score", folder)
        for path in (tmp_path / "cache").iterdir():
            path.chmod(stat.S_IRUSR)
        (tmp_path / "cache").chmod(0o555)
        try:
            done = qpt("score", folder)
        finally:
            (tmp_path / "cache").chmod(0o755)
        assert done.code == 0
        assert len(done.lines) == 1
        assert clean(done)

    def test_a_corrupt_cache_is_set_aside(self, qpt, photo_folder, tmp_path, monkeypatch):
        """With a notice; the run goes on and the next one finds a good cache."""
        folder = photo_folder(1)
        monkeypatch.setenv("QPT_CACHE_FOLDER", str(tmp_path / "cache"))
        qpt("score", folder)
        (database,) = (tmp_path / "cache").glob("*.sqlite3")
        database.write_bytes(b"this is no database" * 1000)
        done = qpt("score", folder)
        assert done.code == 0
        assert "set aside" in done.err
        assert qpt("score", folder).err.count("set aside") == 0


def start(*arguments, **options):
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )


def processes_of(session):
    """Return the processes of a session that are still there (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def two_seconds():
    """Return 2 s, or as much more as this machine is overloaded just now.

    A bare interpreter starts in about 0.02 s; where it takes more than 0.05 s, everything does.
    """
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return 2.0 * max(1.0, (time.monotonic() - started) / 0.05)


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@linux
@pytest.mark.usefixtures("real")
class TestProcess:
    """The whole program, from outside."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupt_in_the_middle(self, photo_folder, number):
        """Whole rows, 130, within 2 s, no process left."""
        folder = photo_folder(400)
        process = start("score", "--no-cache", "--batch-size", "1", folder)
        first = process.stdout.readline()
        os.kill(process.pid, number)
        asked = time.monotonic()
        rest, errors = process.communicate(timeout=60)
        assert time.monotonic() - asked < two_seconds()
        assert process.returncode == 130
        rows = rows_of(first + rest)
        assert 1 <= len(rows) < 400
        assert (first + rest).endswith(b"\n")
        assert b"Traceback" not in errors
        assert wait_until(lambda: not processes_of(process.pid), two_seconds())

    def test_an_interrupt_while_the_model_loads(self, photo_folder):
        """As clean as later."""
        process = start("score", "--no-cache", photo_folder(1))
        assert wait_until(lambda: "libtorch" in Path(f"/proc/{process.pid}/maps").read_text())
        os.kill(process.pid, signal.SIGINT)
        asked = time.monotonic()
        _, errors = process.communicate(timeout=60)
        assert time.monotonic() - asked < two_seconds()
        assert process.returncode == 130
        assert b"Traceback" not in errors

    def test_ctrl_c_on_the_keyboard_reaches_every_process(self, photo_folder):
        """A terminal signals the whole group; workers that are just being born stay quiet too."""
        process = start("score", "--no-cache", photo_folder(3))
        assert wait_until(lambda: len(processes_of(process.pid)) > 2)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert errors.decode().splitlines() == ["qpt: interrupted; 0 photos were finished"]
        assert wait_until(lambda: not processes_of(process.pid), two_seconds())

    def test_a_reader_that_stops_reading(self, photo_folder):
        """`qpt score ... | head -1` ends quietly and soon."""
        process = start("score", "--no-cache", "--batch-size", "1", photo_folder(200))
        process.stdout.readline()
        process.stdout.close()
        with process.stderr:
            errors = process.stderr.read().decode()
        assert process.wait(timeout=60) == 0
        assert "Traceback" not in errors
        assert "Broken" not in errors
        assert wait_until(lambda: not processes_of(process.pid), two_seconds())

    def test_kill_9_leaves_the_old_output_and_a_good_cache(self, photo_folder, tmp_path, qpt):
        """The next run finds both whole."""
        folder, target = photo_folder(30), tmp_path / "out" / "rows.jsonl"
        target.parent.mkdir()
        target.write_text("old\n")
        process = start("score", "--batch-size", "1", "-v", "-o", target, folder)
        assert wait_until(lambda: len(processes_of(process.pid)) > 1)
        wait_until(lambda: process.poll() is not None, 1.0)
        process.kill()
        process.communicate()
        assert target.read_text() == "old\n"
        assert wait_until(lambda: not processes_of(process.pid), 5.0)
        assert qpt("score", "-o", target, folder).code == 0
        assert len(target.read_text().splitlines()) == 30

    def test_a_full_disk_under_the_output(self, photo_folder, tmp_path):
        """One line, 1, the old file intact, no temporary file."""
        import resource

        folder, target = photo_folder(20), tmp_path / "out" / "rows.jsonl"
        target.parent.mkdir()
        target.write_text("old\n")
        limit = (4096, 4096)
        process = start(
            "score",
            "-q",
            "--no-cache",
            "-o",
            target,
            folder,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        )
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert errors.decode().count("\n") == 1
        assert "cannot write" in errors.decode()
        assert target.read_text() == "old\n"
        assert list(target.parent.iterdir()) == [target]

    def test_two_runs_at_once_on_one_cache(self, photo_folder):
        """Both finish with the same scores."""
        folder = photo_folder(12)
        runs = [start("score", folder) for _ in range(2)]
        outs = [run.communicate(timeout=60) for run in runs]
        assert [run.returncode for run in runs] == [0, 0]
        scores = [[row["score"] for row in rows_of(out).values()] for out, _ in outs]
        assert scores[0] == scores[1]
        assert len(scores[0]) == 12

    def test_no_network_is_needed_or_touched(self, photo_folder):
        """The main job works where every socket is refused."""
        program = (
            "import socket, sys\n"
            "def refuse(*_, **__): raise AssertionError('a socket was asked for')\n"
            "real = socket.socket.connect\n"
            "socket.socket.connect = socket.socket.bind = refuse\n"
            "socket.getaddrinfo = socket.create_connection = refuse\n"
            "from qpt_app.cli.main import run\n"
            "if __name__ == '__main__': run(sys.argv[1:])\n"
        )
        script = photo_folder(3).parent / "offline.py"
        script.write_text(program)
        done = subprocess.run(
            [sys.executable, script, "score", script.parent / "photos"],
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        assert done.returncode == 0, done.stderr.decode()
        assert len(done.stdout.splitlines()) == 3
