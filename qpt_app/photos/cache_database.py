"""Opens the cache's SQLite file: checks it, sets a broken one aside, refuses a newer one."""

import contextlib
import functools
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from qpt_app.core.network_drive import is_on_network_drive
from qpt_app.errors import StorageError

FILE_NAME = "scores.sqlite3"
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0
"""How long to wait for another program that is writing."""
APPLICATION_ID = 0x71707463
"""`qptc`, in the header of the file."""
CHECK_ALWAYS_BYTES = 256 << 20
"""A file up to this size is checked at every opening (about 0.1 s per 100 MB when in memory)."""
CHECK_EVERY_S = 24 * 3600.0
"""A larger one is checked when the last check is longer ago than this."""

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE models (
  key BLOB PRIMARY KEY,
  digest TEXT NOT NULL,
  name TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE files (
  path BLOB PRIMARY KEY,
  stamp TEXT NOT NULL,
  content_hash BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE scores (
  content_hash BLOB NOT NULL,
  model BLOB NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  score REAL,
  uncertainty REAL,
  raw_score REAL,
  width INTEGER,
  height INTEGER,
  format TEXT,
  decoder TEXT NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (content_hash, model)
) WITHOUT ROWID;
CREATE TABLE features (
  content_hash BLOB NOT NULL,
  model BLOB NOT NULL,
  vector BLOB NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (content_hash, model)
);
"""
_ADDED = """
CREATE TABLE IF NOT EXISTS focus (
  content_hash BLOB PRIMARY KEY,
  measure INTEGER NOT NULL,
  side INTEGER NOT NULL,
  blur REAL,
  checksum INTEGER NOT NULL
) WITHOUT ROWID;
"""
"""What came after version 1 and may be missing; a program that does not know it works as before,
so the version stays and both can use the file."""


class OpenDatabase(NamedTuple):
    """An opened cache file."""

    connection: sqlite3.Connection
    path: Path
    notice: str | None
    """One line for the user if something had to be mended."""


class _UnusableError(Exception):
    """The file is there but damaged, or no cache of ours."""


def open_database(folder: Path, *, now: Callable[[], float] = time.time) -> OpenDatabase:
    """Open the cache file in `folder`, creating both as needed.

    A damaged file is renamed to `scores.sqlite3.corrupt-<time>` and a new one is begun. Programs
    that open the cache at the same moment do so one after the other.

    Raises:
        StorageError: if the folder cannot be written, another program holds the cache for longer
            than `BUSY_TIMEOUT_S`, or the file was written by a newer qpt.
    """
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _exclusive(folder / f"{FILE_NAME}.lock"):
            try:
                return OpenDatabase(_open(path, now), path, None)
            except _UnusableError as error:
                aside = _set_aside(path, now)
                connection = _open(path, now)
                notice = f"the score cache was damaged ({error}); it was set aside as {aside.name}"
                return OpenDatabase(connection, path, notice)
    except (OSError, sqlite3.Error, _UnusableError) as error:
        why = getattr(error, "strerror", None) or error
        raise StorageError(f"the score cache in {folder} cannot be used: {why}") from error


def _open(path: Path, now: Callable[[], float]) -> sqlite3.Connection:
    """Open, check and if need be create; raise _UnusableError if the content is no good."""
    _refuse_read_only(path)
    if _damage_mark(path).exists():
        raise _UnusableError("found in use")
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, path, now)
    except sqlite3.Error as error:
        connection.close()
        if is_damage(error):
            raise _UnusableError(str(error)) from error
        raise
    except UnicodeDecodeError as error:  # SQLite's message quotes a broken description of a table
        connection.close()
        raise _UnusableError("malformed database schema") from error
    except BaseException:
        connection.close()
        raise
    return connection


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error speaks of the file's content rather than of the disk or of another user."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    # SQLITE_ERROR is what a missing table or column gives.
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def mark_damaged(path: Path) -> None:
    """Leave word that a cache file was found damaged in use, for whoever opens it next."""
    with contextlib.suppress(OSError):
        _damage_mark(path).touch()


def _damage_mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def delete_cache(folder: Path) -> int:
    """Delete every file of a cache, damaged ones that were set aside included.

    For a cache that cannot be opened; one that can is better emptied with `ScoreCache.clear`.

    Returns:
        how many files went.

    Raises:
        StorageError: if one of them cannot be deleted.
    """
    count = 0
    for path in sorted(folder.glob(f"{FILE_NAME}*")):
        try:
            path.unlink()
        except OSError as error:
            raise StorageError(f"cannot delete {path}: {error.strerror or error}") from error
        count += 1
    return count


def _refuse_read_only(path: Path) -> None:
    """Raise PermissionError where SQLite would open the file but could never write it."""
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{path.name} is read-only")


def _prepare(connection: sqlite3.Connection, path: Path, now: Callable[[], float]) -> None:
    """Set the connection up and make sure that it is a sound cache of this version."""
    version = _pragma(connection, "user_version")
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"the score cache {path} was written by a newer qpt (version {version}, this one "
            f"knows {SCHEMA_VERSION})"
        )
    if version == 0:
        _create(connection, path)
    elif _pragma(connection, "application_id") != APPLICATION_ID:
        raise _UnusableError("not a score cache")
    mode = "TRUNCATE" if is_on_network_drive(path.parent) else "WAL"
    connection.execute(f"PRAGMA journal_mode = {mode}")
    # NORMAL: a power cut may lose the last rows of a WAL, never the file (SQLite, pragma.html).
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA trusted_schema = OFF")
    _check(connection, path, now())
    connection.executescript(_ADDED)  # in a damaged file it might fail in any way


def _create(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables in an empty file; refuse somebody else's database."""
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise _UnusableError("not a score cache")
    # Larger pages keep a row of features (some kilobytes) in one piece.
    connection.execute("PRAGMA page_size = 16384")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.executescript(
        f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def _check(connection: sqlite3.Connection, path: Path, now: float) -> None:
    """Let SQLite check the file's structure, if it is due."""
    row = connection.execute("SELECT value FROM facts WHERE name = 'checked_at'").fetchone()
    checked_at = row[0] if row and isinstance(row[0], int | float) else 0.0
    large = path.stat().st_size > CHECK_ALWAYS_BYTES
    if large and 0 <= now - checked_at < CHECK_EVERY_S:
        return
    finding = _run_quick_check(connection)
    if finding != "ok":
        raise _UnusableError(finding.splitlines()[-1])
    if large:
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('checked_at', ?)", (now,))


def _run_quick_check(connection: sqlite3.Connection) -> str:
    """Return `ok`, or what is wrong with the structure of the file."""
    return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _set_aside(path: Path, now: Callable[[], float]) -> Path:
    """Rename a damaged cache and remove its journals; return the new name."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now()))
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    if path.exists():
        path.replace(aside)
    for companion in ("-wal", "-shm", "-journal", ".damaged"):
        path.with_name(path.name + companion).unlink(missing_ok=True)
    return aside


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; the system frees it when the process ends, however it ends.

    Raises:
        OSError: if the file cannot be written or stays locked for `BUSY_TIMEOUT_S`.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    with path.open("ab") as stream:
        while not _try_lock(stream.fileno()):
            if time.monotonic() > deadline:
                raise TimeoutError("another program keeps it locked")
            time.sleep(0.02)
        yield


def _try_lock(descriptor: int) -> bool:
    """Try to lock an open file without waiting; closing it unlocks.

    A file system without locks counts as locked by us: the worst is a cache that is begun anew.
    """
    if sys.platform == "win32":
        import msvcrt

        lock = functools.partial(msvcrt.locking, descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        lock = functools.partial(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        lock()
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
