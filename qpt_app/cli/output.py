"""Where rows go: standard output as a stream, or a file that appears whole or not at all."""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from qpt_app.cli.console import say
from qpt_app.core.atomic_write import atomic_writer
from qpt_app.core.decode_formats import PHOTO_EXTENSIONS
from qpt_app.errors import StorageError, UsageError


class Sink(Protocol):
    """Takes rows as bytes."""

    def write(self, data: bytes, /) -> object:
        """Take some bytes; each call is one row or a part that belongs together."""
        ...


class ReaderGone(Exception):
    """Whoever read our standard output has closed it (`qpt score ... | head`)."""


_CLOSED_PIPE = frozenset({errno.EPIPE, *([errno.EINVAL] if os.name == "nt" else [])})
"""What writing to a pipe gives when its reader has gone; Windows knows two answers."""


def says_reader_is_gone(error: OSError) -> bool:
    """Whether an error of writing standard output means that its other end is closed."""
    return isinstance(error, BrokenPipeError) or error.errno in _CLOSED_PIPE


class StandardOutput:
    """Standard output, flushed after every row so that a pipe sees rows as they come."""

    def write(self, data: bytes, /) -> None:
        """Write and flush.

        Raises:
            ReaderGone: if the other end of the pipe is closed.
            StorageError: if it cannot be written, for instance because a disk is full.
        """
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            _discard_standard_output()
            if says_reader_is_gone(error):
                raise ReaderGone from error
            raise StorageError(f"cannot write standard output: {error.strerror}") from error


def check_output(path: Path | None, inputs: Iterable[Path] = ()) -> None:
    """Refuse a destination that cannot work, or that would cost a photo, before hours of scoring.

    Args:
        path: where rows shall go; None for standard output.
        inputs: the paths that were named to be read.

    Raises:
        UsageError: if it is a folder, its folder does not exist, or it is a photo or an input.
        StorageError: if its folder cannot be written to.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"the output {path} is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"the output's folder {path.parent} does not exist")
    if _is_special(path):
        return
    if path.exists():
        _check_replaceable(path, inputs)
    if not os.access(path.resolve().parent, os.W_OK):
        raise StorageError(f"cannot write {path}: its folder is not writable")


def _check_replaceable(path: Path, inputs: Iterable[Path]) -> None:
    """Refuse to replace a photo: `-o *.jpg` without a file's name takes the first photo for it.

    Raises:
        UsageError: if an existing file is one of the inputs or named like a photo.
    """
    if {path.suffix.lower(), path.resolve().suffix.lower()} & PHOTO_EXTENSIONS:
        what = "is there already and named like a photo"
    elif any(_is_same_file(path, one) for one in inputs):
        what = "is one of the files to be read"
    else:
        return
    raise UsageError(f"the output {path} {what}; name another file after -o")


def _is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file; what cannot be looked at is another."""
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def open_sink(path: Path | None) -> Iterator[Sink]:
    """Open the destination of rows; None is standard output.

    A regular file is replaced when the block ends well. A link is followed, and a device or FIFO
    (`/dev/null`, `/dev/stderr`) is written to directly, as it must not be replaced.

    Raises:
        StorageError: if the file cannot be written; an old one is then intact.
    """
    if path is None:
        yield StandardOutput()
    elif _is_special(path):
        try:
            with path.open("wb") as stream:
                yield stream
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    else:
        with atomic_writer(path.resolve()) as stream:
            yield stream


def reader_of_output_is_gone() -> bool:
    """Whether standard output holds something that nobody will read any more."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return says_reader_is_gone(error)
    except ValueError:
        return False
    return False


def flush_standard_output(code: int) -> int:
    """Flush standard output at the end of the program; return the exit code, 1 if that failed."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        _discard_standard_output()
        if isinstance(error, OSError) and says_reader_is_gone(error):
            return code
        say(f"error: cannot write standard output: {getattr(error, 'strerror', error)}")
        return code or 1
    return code


def _discard_standard_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter can exit without a word."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = sys.stdout.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)


def _is_special(path: Path) -> bool:
    """Whether a path is something other than a regular file, such as a device."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
