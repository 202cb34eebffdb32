"""A fingerprint is the hash of the bytes, with a stamp that changes when they do."""

import errno
import os
from dataclasses import replace

import pytest
import xxhash

from qpt_app.photos import fingerprint
from qpt_app.photos.fingerprint import FileStamp, take_fingerprint


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_the_hash_is_that_of_all_bytes(tmp_path, size):
    """Around every border of the blocks that are read."""
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    taken = take_fingerprint(tmp_path / "a")
    assert taken.content_hash == xxhash.xxh3_128_hexdigest(data)
    assert taken.stamp == FileStamp.of((tmp_path / "a").stat())


@pytest.mark.parametrize(
    ("age", "settled"), [(0.0, False), (1.9, False), (2.1, True), (-1.9, False), (-3600.0, True)]
)
def test_only_an_older_stamp_proves_anything(tmp_path, age, settled):
    """Within two seconds of a change another one may look the same; a card from another time
    zone lies in the future and is as good as an old one."""
    (tmp_path / "a").touch()
    now = (tmp_path / "a").stat().st_mtime + age
    assert take_fingerprint(tmp_path / "a", now=lambda: now).settled is settled


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    """It has a stamp, but no hash."""
    (tmp_path / "a").write_bytes(b"xx")
    monkeypatch.setattr(fingerprint, "MAX_HASHED_BYTES", 1)
    assert take_fingerprint(tmp_path / "a").content_hash is None


def test_stopping_leaves_the_hash_out(tmp_path):
    """A run that ends does not wait for a large file on a slow drive."""
    (tmp_path / "a").write_bytes(b"xx")
    assert take_fingerprint(tmp_path / "a", stopped=lambda: True).content_hash is None


@pytest.mark.skipif(os.name != "posix", reason="needs a FIFO")
@pytest.mark.timeout(5)
def test_a_fifo_does_not_block(tmp_path):
    """Even one that took a photo's place after the scan."""
    os.mkfifo(tmp_path / "a")
    with pytest.raises(OSError, match="not a regular file") as caught:
        take_fingerprint(tmp_path / "a")
    assert caught.value.errno == errno.EINVAL


def test_a_missing_file_is_an_error(tmp_path):
    """Whoever asks knows what that means."""
    with pytest.raises(FileNotFoundError):
        take_fingerprint(tmp_path / "a")


def test_stamps_have_a_text_each(tmp_path):
    """Different stamps, different texts; numbers beyond 64 bits included."""
    stamp = FileStamp(device=1, inode=2**127, size=3, mtime_ns=-4)
    others = [replace(stamp, **{name: 9}) for name in ("device", "inode", "size", "mtime_ns")]
    assert len({one.text for one in [stamp, *others]}) == 5
