"""What makes a photo the same photo: a hash of its bytes, and the stamp that stands in for it."""

import errno
import os
import stat as stat_module
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import xxhash

_CHUNK_BYTES = 1 << 20
SETTLED_S = 2.0
"""Seconds after its last change from which a file's time stamp can be trusted: the coarsest file
system clock in use (FAT) ticks every two seconds, and two changes within a tick look alike."""
MAX_HASHED_BYTES = 2 << 30
"""Larger files are not read for a hash, and so not cached; no photo of that size is decoded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStamp:
    """What the file system says of a file; it changes whenever the content does."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "FileStamp":
        """Take the stamp from the result of a stat call."""
        return cls(
            device=stat.st_dev,
            inode=stat.st_ino,
            size=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
        )

    @property
    def text(self) -> str:
        """The four numbers as one text; inodes may exceed the 64 bits of a database's integer."""
        return f"{self.device}:{self.inode}:{self.size}:{self.mtime_ns}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """A file's stamp, and the hash of its content read just after."""

    stamp: FileStamp
    content_hash: str | None
    """xxh3_128 of the bytes, 32 hexadecimal digits; None if the file is too large to hash."""
    settled: bool
    """Whether an equal stamp later on proves equal content (see `SETTLED_S`)."""


def take_fingerprint(
    path: Path,
    *,
    now: Callable[[], float] = time.time,
    stopped: Callable[[], bool] = lambda: False,
) -> Fingerprint:
    """Stamp a file, then hash it. Whoever uses the hash compares the stamp with a later one.

    Args:
        path: a regular file.
        now: the clock, in seconds since the epoch.
        stopped: whether to give up (asked for every megabyte), which leaves the hash out.

    Raises:
        OSError: if it cannot be read or is no regular file.
    """
    with _open_regular(path) as stream:
        stamp = FileStamp.of(os.fstat(stream.fileno()))
        settled = abs(now() - stamp.mtime_ns / 1e9) >= SETTLED_S
        digest = None if stamp.size > MAX_HASHED_BYTES else _hash(stream, stopped)
    return Fingerprint(stamp=stamp, content_hash=digest, settled=settled)


def _open_regular(path: Path) -> FileIO:
    """Open a regular file for reading; never waits for a FIFO or a device."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    stream = FileIO(descriptor, "rb")
    if not stat_module.S_ISREG(os.fstat(descriptor).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    return stream


def _hash(stream: FileIO, stopped: Callable[[], bool]) -> str | None:
    digest = xxhash.xxh3_128()
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    while count := stream.readinto(buffer):
        if stopped():
            return None
        digest.update(buffer[:count])
    return digest.hexdigest()
