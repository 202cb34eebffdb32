"""Opens a photo's file without being led astray: regular files only, and unchanged while read."""

import os
import stat as stat_module
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from qpt_app.core.decode_limits import DecodeLimits, Refusal
from qpt_app.core.file_errors import status_of
from qpt_app.core.status import PhotoStatus

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_KINDS = (
    (stat_module.S_ISDIR, "a folder"),
    (stat_module.S_ISFIFO, "a FIFO"),
    (stat_module.S_ISSOCK, "a socket"),
    (stat_module.S_ISCHR, "a device"),
    (stat_module.S_ISBLK, "a device"),
)


@contextmanager
def open_photo_file(path: AnyPath, limits: DecodeLimits) -> Iterator[BinaryIO]:
    """Open a regular, non-empty file of an allowed length for reading.

    The type is looked at before opening, because opening a FIFO blocks and opening a device may
    do anything; and again afterwards, because the name may mean something else by then.

    Raises:
        Refusal: `unreadable`, `too_large` or `vanished`.
    """
    try:
        _check_regular(os.stat(path).st_mode)  # noqa: PTH116 (bytes paths are allowed)
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise refusal_of(error) from error
    except ValueError as error:  # a NUL byte in the name
        raise Refusal(PhotoStatus.UNREADABLE, "not a path") from error
    with os.fdopen(descriptor, "rb") as file:
        stat = os.fstat(file.fileno())
        _check_regular(stat.st_mode)
        if stat.st_size == 0:
            raise Refusal(PhotoStatus.UNREADABLE, "empty file")
        if stat.st_size > limits.max_file_bytes:
            raise Refusal(
                PhotoStatus.TOO_LARGE,
                f"a file of {stat.st_size:,} bytes, the limit is {limits.max_file_bytes:,}",
            )
        yield file


_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
)


def identity_of(file: BinaryIO) -> tuple[int, int, int, int]:
    """Return (device, inode, length, time of change): two reads that differ saw two contents."""
    stat = os.fstat(file.fileno())
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def refusal_of(error: OSError) -> Refusal:
    """Return the status of a photo whose file gave `error`; the next try may give another."""
    status, reason = status_of(error)
    return Refusal(status, reason, may_pass=True)


def _check_regular(mode: int) -> None:
    if stat_module.S_ISREG(mode):
        return
    kind = next((words for test, words in _KINDS if test(mode)), "a special file")
    raise Refusal(PhotoStatus.UNREADABLE, f"{kind}, not a photo")
