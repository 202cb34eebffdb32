"""Puts a backup back in place of a decisions database that is damaged or gone."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from qpt_app.core.atomic_write import atomic_write
from qpt_app.decisions.backups import BACKUP_FOLDER, backups_in, made_at
from qpt_app.decisions.decisions_database import DATABASE_NAME, check_database
from qpt_app.errors import DecisionsError, NewerSchemaError, StorageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What `restore_backup` did."""

    backup: Path
    """The newest backup that is sound; it stays."""
    aside: Path | None
    """Where the damaged database lies now; None if there was none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoreOffer:
    """What can be done about a damaged database; see `restore_backup` and `begin_anew`."""

    backup: Path | None
    """The newest backup that is sound, if there is one."""
    made_at: float | None
    """When it was made, seconds since the epoch."""
    photos: int
    """How many decided photos it holds."""
    aside_name: str
    """Name under which the damaged file is kept."""


def restore_offer(folder: Path, *, now: float) -> RestoreOffer:
    """Find out what `restore_backup` would do. Nothing is changed.

    Raises:
        NewerSchemaError: if a newer qpt wrote the newest backup.
        StorageError: if a backup cannot be read.
    """
    backup = _newest_sound(folder)
    return RestoreOffer(
        backup=backup,
        made_at=None if backup is None else made_at(backup),
        photos=0 if backup is None else _decided_in(backup),
        aside_name=_aside(folder / DATABASE_NAME, now).name,
    )


def begin_anew(folder: Path, *, now: float) -> Path:
    """Set a damaged database aside where there is no backup; return where it lies now.

    Raises:
        DecisionsError: if the database is sound, or there is none.
        StorageError: if it cannot be read, or its copy not be written.
    """
    path = folder / DATABASE_NAME
    if not path.exists() or _is_sound(path):
        raise DecisionsError(f"{path} is sound; it stays")
    try:
        aside = _set_aside(path, now)
        path.unlink()
    except OSError as error:
        raise StorageError(f"cannot set {path} aside: {error}") from error
    return aside


def restore_backup(folder: Path, *, now: float) -> Restored:
    """Put the newest sound backup in place of a damaged or missing database.

    The damaged file is kept as `NAME.corrupt-TIME`. A sound database is never replaced, so nothing
    can be lost by calling this, and no program has the file open, because a damaged one is refused.

    Args:
        folder: the data folder of qpt.
        now: the present time in seconds since the epoch.

    Raises:
        NewerSchemaError: if a newer qpt wrote the database.
        DecisionsError: if the database is sound, or there is no sound backup.
        StorageError: if a file cannot be read or written; the old one is where it was, or aside.
    """
    path = folder / DATABASE_NAME
    if path.exists() and _is_sound(path):
        raise DecisionsError(f"{path} is sound; there is nothing to restore")
    backup = _newest_sound(folder)
    if backup is None:
        raise DecisionsError(f"there is no sound backup in {folder / BACKUP_FOLDER}")
    try:
        content = backup.read_bytes()
        aside = _set_aside(path, now) if path.exists() else None
    except OSError as error:
        raise StorageError(f"cannot restore {backup}: {error}") from error
    atomic_write(path, content)
    return Restored(backup=backup, aside=aside)


def _is_sound(path: Path) -> bool:
    """Whether a database can be used; one of a newer qpt is none of our business and raises."""
    try:
        check_database(path)
    except NewerSchemaError:
        raise
    except DecisionsError:
        return False
    return True


def _newest_sound(folder: Path) -> Path | None:
    return next((one for one in reversed(backups_in(folder)) if _is_sound(one)), None)


def _decided_in(backup: Path) -> int:
    """Count the decided photos of a sound backup."""
    query = "SELECT count(*) FROM photos WHERE decision NOT NULL"
    with contextlib.closing(sqlite3.connect(backup)) as connection:
        return int(connection.execute(query).fetchone()[0])


def _aside(path: Path, now: float) -> Path:
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    return path.with_name(f"{path.name}.corrupt-{stamp}")


def _set_aside(path: Path, now: float) -> Path:
    """Copy the damaged file and move its journals, which must not meet the backup."""
    aside = _aside(path, now)
    atomic_write(aside, path.read_bytes())
    for ending in ("-journal", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
    return aside
