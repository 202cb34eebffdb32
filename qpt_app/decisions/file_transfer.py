"""Moves, copies and removes one file without ever losing or overwriting one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import xxhash

from qpt_app.core.atomic_write import (
    TEMPORARY_SUFFIX,
    atomic_writer,
    sync_folder,
    temporary_prefix,
)
from qpt_app.errors import FileOperationError, StorageError

_BLOCK: Final = 1 << 20
"""Bytes read at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFacts:
    """What tells whether a file is still the one that was looked at."""

    size: int
    """Bytes."""
    mtime_ns: int
    """Nanoseconds since the epoch."""
    inode: int


def facts_of(path: Path) -> FileFacts:
    """Look at a regular file; links are not followed.

    Raises:
        FileOperationError: if it is gone, or is a link or anything but a regular file.
    """
    try:
        found = path.lstat()
    except OSError as error:
        raise FileOperationError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise FileOperationError(f"{path}: is a link or no regular file, so it stays")
    return FileFacts(size=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino)


def content_hash(path: Path) -> str:
    """Return the xxh3_128 of a file's content in hexadecimal.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as stream:
        return _hash(stream)


def move_file(source: Path, target: Path) -> None:
    """Move a file to a name that nothing has; its time stamps are kept.

    The name is reserved with an empty file first, so that nothing can be overwritten. To another
    volume the file is copied, written through, read again and compared before the source goes.
    Call `sync_folder` on both folders before anything relies on it after a power cut.

    Raises:
        FileExistsError: if something has that name.
        FileOperationError: if it cannot be done; the source is as it was.
    """
    _reserve(source, target)
    try:
        try:
            _rename(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_onto(source, target)
            source.unlink()
    except (OSError, StorageError) as error:
        _release(source, target)
        raise FileOperationError(f"cannot move {source}: {_reason(error)}") from error
    except BaseException:
        _release(source, target)
        raise


def copy_file(source: Path, target: Path) -> str:
    """Copy a file to a name that nothing has; return the content's hash.

    The copy is written through, read again and compared; it has the source's time stamps.

    Raises:
        FileExistsError: if something has that name.
        FileOperationError: if it cannot be done; no half copy stays.
    """
    _reserve(source, target)
    try:
        digest = _copy_onto(source, target)
    except (OSError, StorageError) as error:
        _release(source, target)
        raise FileOperationError(f"cannot copy {source}: {_reason(error)}") from error
    except BaseException:
        _release(source, target)
        raise
    return digest


def remove_copy(copy: Path, original: Path, digest: str) -> None:
    """Remove a copy that `copy_file` made, if it and the original are still what they were.

    Raises:
        FileOperationError: if either has changed or is gone; the copy stays.
    """
    try:
        facts_of(original)
        same = content_hash(copy) == digest == content_hash(original)
        if not same or copy.samefile(original):
            raise FileOperationError(f"{copy}: the copy or its original has changed, so it stays")
        copy.unlink()
    except OSError as error:
        raise FileOperationError(f"cannot remove {copy}: {error.strerror or error}") from error


def remove_lent(copy: Path, original: Path, digest: str) -> bool:
    """Take back a sidecar that was copied along with one half of a pair; whether none is left.

    The original may have changed: it is the same sidecar, and the newer one. If it is gone, the
    copy takes its place. A copy that somebody wrote into stays where it is.

    Raises:
        FileOperationError: if the disk refuses.
    """
    try:
        if not os.path.lexists(copy):
            return True
        if not os.path.lexists(original):
            original.parent.mkdir(parents=True, exist_ok=True)
            move_file(copy, original)
            return True
        if content_hash(copy) != digest or copy.samefile(original):
            return False
        copy.unlink()
    except OSError as error:
        raise FileOperationError(f"cannot remove {copy}: {error.strerror or error}") from error
    return True


def is_double(file: Path, other: Path) -> bool:
    """Whether two regular files, none of them a link to the other, have the same bytes."""
    try:
        facts, found = facts_of(file), facts_of(other)
        if facts.size != found.size or file.samefile(other):
            return False
        with file.open("rb") as one, other.open("rb") as two:
            while block := one.read(_BLOCK):
                if two.read(_BLOCK) != block:
                    return False
            return not two.read(1)
    except (OSError, FileOperationError):
        return False


def remove_double(file: Path, double: Path) -> None:
    """Remove a file of which the same lies at `double`, once that is sure to be on the disk.

    Raises:
        FileOperationError: if it is not the same, or the disk refuses; the file stays.
    """
    if not is_double(file, double):
        raise FileOperationError(f"{double}: is not the same as {file} any more, so that stays")
    try:
        with double.open("rb") as stream, contextlib.suppress(OSError):
            os.fsync(stream.fileno())
        sync_folder(double.parent)
        file.unlink()
    except OSError as error:
        raise FileOperationError(f"cannot move {file}: {error.strerror or error}") from error


def restore_double(file: Path, double: Path, facts: FileFacts, digest: str) -> None:
    """Make a file again that `remove_double` removed; `double` stays.

    It gets its old time stamp, unless somebody wrote into `double` since: then that is what the
    sidecar says now.

    Raises:
        FileExistsError: if something has that name.
        FileOperationError: if it cannot be done.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    set_time_back(file, facts, is_same=copy_file(double, file) == digest)


def set_time_back(file: Path, facts: FileFacts, *, is_same: bool) -> None:
    """Give a file its old time stamp if its content is the same."""
    if is_same:
        with contextlib.suppress(OSError):
            os.utime(file, ns=(facts.mtime_ns, facts.mtime_ns))


def remove_temporaries(target: Path) -> None:
    """Remove the half copies of `target` that a killed run left beside it."""
    prefix, suffix = re.escape(temporary_prefix(target)), re.escape(TEMPORARY_SUFFIX)
    ours = re.compile(rf"{prefix}[a-z0-9_]{{8}}{suffix}")
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(target.parent)):
            if ours.fullmatch(entry.name):
                Path(entry.path).unlink(missing_ok=True)


def is_reservation(target: Path, source_size: int) -> bool:
    """Whether `target` is only the empty file that keeps a name for a file of `source_size`."""
    try:
        found = target.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == 0 and source_size > 0


def _rename(source: Path, target: Path) -> None:
    """Rename within a volume; a function of its own so that tests can put another volume here."""
    source.replace(target)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _reserve(source: Path, target: Path) -> None:
    """Make an empty `target` with the permissions of `source`."""
    try:
        mode = stat.S_IMODE(source.lstat().st_mode)
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode | stat.S_IWUSR)
    except FileExistsError:
        raise
    except OSError as error:
        raise FileOperationError(f"cannot write {target}: {error.strerror or error}") from error
    os.close(descriptor)


def _release(source: Path, target: Path) -> None:
    """Give a reserved name back; never remove a file while its source is gone."""
    with contextlib.suppress(OSError):
        if source.exists() and target.stat().st_size == 0 and not target.samefile(source):
            target.unlink()


def _copy_onto(source: Path, target: Path) -> str:
    """Copy over the reserved `target`, verify it, keep the time stamps; return the hash."""
    digest = xxhash.xxh3_128()
    with source.open("rb") as reader:
        before = os.fstat(reader.fileno())
        with atomic_writer(target) as writer:
            while block := reader.read(_BLOCK):
                digest.update(block)
                writer.write(block)
            writer.flush()
            os.utime(writer.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
        after = os.fstat(reader.fileno())
    unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    written = _hash_from_disk(target)
    if not unchanged or target.stat().st_size != before.st_size or written != digest.hexdigest():
        target.unlink()
        what = "the copy differs from it" if unchanged else "it changed while it was copied"
        raise FileOperationError(f"cannot copy {source}: {what}")
    with contextlib.suppress(OSError):
        shutil.copystat(source, target)
    return written


def _hash_from_disk(path: Path) -> str:
    """Hash a file after asking the system to forget what it holds of it in memory."""
    with path.open("rb") as stream:
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return _hash(stream)


def _hash(stream: IO[bytes]) -> str:
    digest = xxhash.xxh3_128()
    while block := stream.read(_BLOCK):
        digest.update(block)
    return str(digest.hexdigest())
