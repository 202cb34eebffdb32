"""A file is written whole or stays as it was, whatever goes wrong."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qpt_app.core import atomic_write as module
from qpt_app.core.atomic_write import (
    TEMPORARY_SUFFIX,
    atomic_write,
    atomic_writer,
    remove_stale_temporaries,
)
from qpt_app.errors import StorageError


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("data", [b"", b"\0\xff", "Grüße 🙂", b"x" * 3_000_000])
def test_what_is_written_is_read(tmp_path, data):
    """Bytes and text, empty and large."""
    path = tmp_path / "file"
    atomic_write(path, b"old")
    atomic_write(path, data)
    assert path.read_bytes() == (data.encode() if isinstance(data, str) else data)
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "name", ["x" * 255, "ä" * 127, "🙂" * 63, "\udcff.csv", "-rf", ".hidden", "a\nb"]
)
def test_any_name_can_be_written(tmp_path, name):
    """Long names, names that are not UTF-8, odd names."""
    atomic_write(tmp_path / name, b"new")
    assert (tmp_path / name).read_bytes() == b"new"


def test_a_failing_rename_leaves_the_old_file_and_no_temporary(tmp_path, monkeypatch):
    """os.replace raises: the old bytes stay, StorageError names the file."""

    def refuse(source, target):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match="file"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def test_an_error_of_the_writer_leaves_the_old_file_and_no_temporary(tmp_path):
    """An exception, or Ctrl-C, in the middle of the block."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error):
            _write_half(path, error)
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def _write_half(path, error):
    with atomic_writer(path) as stream:
        stream.write(b"half")
        raise error


@pytest.mark.parametrize("limit", [0, 1, 4096, 65_537, 199_999])
def test_a_full_disk_leaves_the_old_file_and_no_temporary(tmp_path, limit):
    """RLIMIT_FSIZE stops the write at a chosen byte."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "file"
    path.write_bytes(b"old" * 100)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
        with pytest.raises(StorageError):
            atomic_write(path, b"n" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert path.read_bytes() == b"old" * 100
    assert files(tmp_path) == ["file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_no_space_left_is_a_storage_error(tmp_path, monkeypatch):
    """ENOSPC from a real device, while the stream is flushed."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    real = os.fdopen

    def full(descriptor, mode):
        os.close(descriptor)
        return real(os.open("/dev/full", os.O_WRONLY), mode)

    monkeypatch.setattr(module.os, "fdopen", full)
    with pytest.raises(StorageError, match="[Ss]pace"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def test_a_missing_folder_and_a_folder_as_target_are_storage_errors(tmp_path):
    """The message says which file."""
    with pytest.raises(StorageError, match="nowhere"):
        atomic_write(tmp_path / "nowhere" / "file", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="folder"):
        atomic_write(tmp_path / "folder", b"x")
    assert files(tmp_path) == ["folder"]


def test_permissions_are_kept(tmp_path):
    """A rewritten file keeps its mode; a new one gets the usual one, not that of mkstemp."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    atomic_write(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o640
    atomic_write(tmp_path / "fresh", b"x")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_drive_without_permissions_takes_files_nevertheless(tmp_path, monkeypatch, before):
    """FAT and network shares refuse chmod; what was written whole is kept."""
    target = tmp_path / "out"
    if before is not None:
        target.write_bytes(before)

    def refuse(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    atomic_write(target, b"new")
    assert target.read_bytes() == b"new"
    assert files(tmp_path) == ["out"]


def test_only_old_temporaries_of_ours_are_removed(tmp_path):
    """Young ones may belong to a running program, other files are not ours."""
    old, young = tmp_path / f".a.1{TEMPORARY_SUFFIX}", tmp_path / f".b.2{TEMPORARY_SUFFIX}"
    other, visible = tmp_path / ".keep.tmp", tmp_path / f"mine{TEMPORARY_SUFFIX}"
    for file in (old, young, other, visible):
        file.write_bytes(b"x")
        os.utime(file, (1000, 1000))
    os.utime(young, (5000, 5000))
    assert remove_stale_temporaries(tmp_path, older_than_s=3600, now=5001) == 1
    assert files(tmp_path) == sorted([young.name, other.name, visible.name])
    assert remove_stale_temporaries(tmp_path / "none", older_than_s=0, now=1e12) == 0


WRITER = """
import sys
from pathlib import Path
from qpt_app.core.atomic_write import atomic_write
path = Path(sys.argv[1])
print("ready", flush=True)
n = 0
while True:
    n += 1
    atomic_write(path, (b"%08d" % n) * 50_000)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_kill_9_leaves_the_old_or_the_new_file(tmp_path):
    """30 kills at random moments: 0 mixtures; the left-overs can be cleared away."""
    path = tmp_path / "file"
    atomic_write(path, b"%08d" % 0 * 50_000)
    child = None
    for number in range(30):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert child.stdout is not None
        child.stdout.readline()
        deadline = time.monotonic() + 0.002 * (number % 15)
        while time.monotonic() < deadline:
            os.sched_yield()
        child.kill()
        child.stdout.close()
        child.wait()
        content = path.read_bytes()
        assert len(content) == 400_000
        assert content == content[:8] * 50_000
    remove_stale_temporaries(tmp_path, older_than_s=-60, now=time.time())
    assert files(tmp_path) == ["file"]
