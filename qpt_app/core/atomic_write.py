"""Writes a whole file or leaves the old one as it was. Standard library only."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from qpt_app.errors import StorageError

TEMPORARY_SUFFIX = ".qpt.tmp"
"""Ending of the temporary files; `remove_stale_temporaries` looks for it."""


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that replaces it when the block ends well.

    The file is flushed and fsynced, then renamed over `path`, then its folder is fsynced. On any
    failure the temporary file is removed and `path` keeps its old content, byte for byte.

    Raises:
        StorageError: if the file cannot be written (no space, no permission, no such folder).
    """
    path = Path(path)
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=temporary_prefix(path), suffix=TEMPORARY_SUFFIX, dir=path.parent
        )
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _keep_mode(path, temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def atomic_write(path: Path, data: bytes | str) -> None:
    """Replace the content of `path` with `data` (text as UTF-8), or leave it as it was.

    Raises:
        StorageError: if the file cannot be written.
    """
    with atomic_writer(path) as stream:
        stream.write(data.encode("utf-8") if isinstance(data, str) else data)


def temporary_prefix(path: Path) -> str:
    """Return what the names of the temporary files for `path` begin with, before 8 characters.

    At most 100 bytes of the name are taken, because the whole must fit into 255, and only what
    is UTF-8, because some file systems refuse other names.
    """
    return f".{os.fsencode(path.name)[:100].decode('utf-8', errors='ignore')}."


def remove_stale_temporaries(folder: Path, *, older_than_s: float, now: float) -> int:
    """Remove what a killed run left behind in `folder`; return how many files went.

    Args:
        folder: a folder that qpt writes to; it need not exist.
        older_than_s: younger files may belong to a run that is still writing, and stay.
        now: the present time in seconds since the epoch.
    """
    removed = 0
    if not folder.is_dir():
        return removed
    for entry in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        with contextlib.suppress(OSError):
            if now - entry.stat().st_mtime > older_than_s:
                entry.unlink()
                removed += 1
    return removed


def _keep_mode(old: Path, new: Path) -> None:
    """Give the new file the old one's permission bits, or the usual ones for a first write.

    Drives that have no such bits (FAT, NTFS, network shares) may refuse: a finished file is not
    given up for them.
    """
    try:
        mode = old.stat().st_mode & 0o7777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    with contextlib.suppress(OSError):
        new.chmod(mode)


def sync_folder(folder: Path) -> None:
    """Make new and vanished names durable; file systems that cannot do it are left alone."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
