"""Dated copies of the decisions database."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from qpt_app.core.atomic_write import TEMPORARY_SUFFIX, remove_stale_temporaries
from qpt_app.errors import StorageError

BACKUP_FOLDER: Final = "backups"

BACKUPS_KEPT: Final = 10
"""How many copies stay; darktable keeps as many (reliability reference, section 1)."""

BACKUP_EVERY_S: Final = 24 * 3600.0
"""Age of the newest copy from which another one is made."""

_NAME: Final = "decisions-%Y%m%d-%H%M%S.sqlite"


def newest_backup(folder: Path) -> Path | None:
    """Return the newest backup of the database in `folder`, or None."""
    found = backups_in(folder)
    return found[-1] if found else None


def is_due(folder: Path, *, now: float) -> bool:
    """Whether the newest backup is a day old, or dated in the future, or there is none."""
    newest = newest_backup(folder)
    if newest is None:
        return True
    age = now - made_at(newest)
    return age >= BACKUP_EVERY_S or age < 0


def make_backup(connection: sqlite3.Connection, folder: Path, *, now: float) -> Path:
    """Copy the open database into `folder`/backups, and let the oldest copies go.

    Raises:
        StorageError: if the copy cannot be written; no half copy stays behind.
    """
    target = folder / BACKUP_FOLDER / datetime.fromtimestamp(now, UTC).strftime(_NAME)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_stale_temporaries(target.parent, older_than_s=BACKUP_EVERY_S, now=now)
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=TEMPORARY_SUFFIX, dir=target.parent)
        os.close(descriptor)
        temporary = Path(name)
        copy = sqlite3.connect(temporary, isolation_level=None)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        temporary.replace(target)
    except (OSError, sqlite3.OperationalError) as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise StorageError(f"cannot back up the decisions to {target}: {error}") from error
    for old in backups_in(folder)[:-BACKUPS_KEPT]:
        old.unlink(missing_ok=True)
    return target


def backups_in(folder: Path) -> list[Path]:
    """Return all backups of the database in `folder`, oldest first; their names sort by time."""
    return sorted((folder / BACKUP_FOLDER).glob("decisions-????????-??????.sqlite"))


def made_at(backup: Path) -> float:
    """Return when a backup was made, by its name; infinity if the name is no date."""
    try:
        return datetime.strptime(backup.name, _NAME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return float("inf")
