"""Destinations: whole files or none, devices never replaced, a full disk said in one line."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qpt_app.cli import app as app_module
from qpt_app.cli import main, output
from qpt_app.cli.output import ReaderGone, check_output, open_sink
from qpt_app.errors import StorageError, UsageError

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
not_as_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere"
)


def write(path, data=b"new"):
    with open_sink(path) as sink:
        sink.write(data)


def test_a_file_is_replaced_whole(tmp_path):
    """The old content is gone only when the new is complete, and nothing else is left."""
    target = tmp_path / "out"
    target.write_bytes(b"old")
    write(target)
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_half_way_leaves_the_old_file(tmp_path):
    """Byte for byte, and no temporary file."""
    target = tmp_path / "out"
    target.write_bytes(b"old")

    def fail_half_way():
        with open_sink(target) as sink:
            sink.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_followed_not_replaced(tmp_path):
    """The file that it leads to gets the rows."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@needs_dev_full
def test_a_device_is_written_to_never_replaced():
    """`-o /dev/null` works for root too; a full device is a storage error."""
    write(Path("/dev/null"))
    assert Path("/dev/null").is_char_device()
    with pytest.raises(StorageError, match="No space"):
        write(Path("/dev/full"), b"x" * 100_000)
    assert Path("/dev/full").is_char_device()


def test_impossible_destinations_are_refused_beforehand(tmp_path):
    """A folder, or a folder that is not there."""
    check_output(None)
    check_output(tmp_path / "new")
    with pytest.raises(UsageError, match="is a folder"):
        check_output(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        check_output(tmp_path / "no" / "out")


@pytest.mark.parametrize("name", ["a.tif", "b.JPG", "c.cr3"])
def test_an_existing_photo_is_never_the_output(tmp_path, name):
    """`qpt score -o *.tif` without a file's name must not cost the first photo; a new name may."""
    photo = tmp_path / name
    check_output(photo)
    photo.write_bytes(b"pixels")
    with pytest.raises(UsageError, match="named like a photo; name another file after -o"):
        check_output(photo)


def test_a_file_that_is_read_is_never_the_output(tmp_path):
    """Whatever its name, and under whatever name it was given; other files are replaced."""
    (tmp_path / "scan").write_bytes(b"pixels")
    (tmp_path / "folder").mkdir()
    inputs = [tmp_path / "nosuch", tmp_path / "folder" / ".." / "scan"]
    with pytest.raises(UsageError, match="one of the files to be read"):
        check_output(tmp_path / "scan", inputs)
    (tmp_path / "rows.json").write_bytes(b"[]")
    check_output(tmp_path / "rows.json", inputs)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_a_photo_is_never_the_output(tmp_path):
    """Links are followed, so the photo would be lost."""
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    (tmp_path / "rows").symlink_to("a.jpg")
    with pytest.raises(UsageError, match="named like a photo"):
        check_output(tmp_path / "rows")


@not_as_root
def test_a_read_only_folder_is_refused_beforehand(tmp_path):
    """Before hours of scoring."""
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(StorageError, match="not writable"):
            check_output(tmp_path / "out")
    finally:
        tmp_path.chmod(0o755)


class ClosedPipe(io.RawIOBase):
    """A pipe whose reader has gone, as Windows reports it."""

    def writable(self):
        return True

    def write(self, data):
        raise OSError(errno.EINVAL, "Invalid argument")


def use_closed_pipe(monkeypatch):
    """Put it in place of stdout (in the test: pytest restores after fixtures)."""
    stream = io.TextIOWrapper(io.BufferedWriter(ClosedPipe()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)


def test_a_closed_pipe_of_windows_is_a_reader_that_has_gone(monkeypatch):
    """EINVAL is its other name there, and an error of storage elsewhere."""
    use_closed_pipe(monkeypatch)
    monkeypatch.setattr(output, "_CLOSED_PIPE", {errno.EPIPE, errno.EINVAL})
    with pytest.raises(ReaderGone):
        write(None)
    monkeypatch.setattr(output, "_CLOSED_PIPE", {errno.EPIPE})
    with pytest.raises(StorageError, match="standard output"):
        write(None)


def test_what_typer_prints_into_a_closed_pipe_of_windows_is_no_bug(monkeypatch, capsys):
    """`qpt --help | more`, left early: not a word, as elsewhere; without Windows it is an error."""

    def app(**_):
        sys.stdout.write("help")
        sys.stdout.flush()

    monkeypatch.setattr(app_module, "app", app)
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # as `run` sets it; undone after the test
    for closed, code in (({errno.EPIPE, errno.EINVAL}, 0), ({errno.EPIPE}, 1)):
        use_closed_pipe(monkeypatch)
        monkeypatch.setattr(output, "_CLOSED_PIPE", closed)
        with pytest.raises(SystemExit) as stop:
            main.run([])
        assert stop.value.code == code
        assert bool(capsys.readouterr().err) == bool(code)


def test_another_invalid_argument_is_still_reported(monkeypatch, capsys):
    """Only standard output is a pipe to a reader; on Windows EINVAL has many meanings."""

    def app(**_):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(app_module, "app", app)
    monkeypatch.setattr(output, "_CLOSED_PIPE", {errno.EPIPE, errno.EINVAL})
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    with pytest.raises(SystemExit) as stop:
        main.run([])
    assert stop.value.code == 1
    assert "unexpected error" in capsys.readouterr().err


PROGRAM = """
import sys
from qpt_app.cli import app as app_module, main, output
def app(**_):
    with output.open_sink(None) as sink:
        for number in range(100_000):
            sink.write(b'%d\\n' % number)
    sys.exit(3)
app_module.app = app
main.run()
"""


@needs_dev_full
def test_standard_output_on_a_full_disk_is_one_line_and_1():
    """No traceback, no message of the interpreter at its end."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "qpt: error: cannot write standard output: No space left on device"
    ]


@needs_dev_full
def test_what_typer_printed_on_a_full_disk_is_noticed_too():
    """`qpt --version > /dev/full` fails like everything else that could not be written."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "qpt_app.cli.main", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1
