"""Lets decisions follow photos that were moved or renamed by other programs, by their content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from qpt_app.decisions.decision import Decision
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.photo_records import (
    PhotoRecord,
    find_records,
    hashed_records,
    move_record,
    path_blob,
    set_content_hash,
)

HashOf = Callable[[Path], str]


def remember_content(
    database: DecisionsDatabase,
    paths: Iterable[Path],
    content_hash_of: HashOf,
    cancelled: Callable[[], bool],
) -> int:
    """Keep the content hash of decided photos that have none yet, or another size by now."""
    kept = 0
    for record in find_records(database, paths).values():
        if record.decision is None:
            continue
        if cancelled():
            break
        try:
            size = record.path.stat().st_size
            if record.content_hash is not None and record.size == size:
                continue
            digest = content_hash_of(record.path)
        except OSError:
            continue
        with database.transaction(durable=False):
            set_content_hash(database, record.photo_id, digest, size)
        kept += 1
    return kept


def follow_moved(
    database: DecisionsDatabase,
    paths: Iterable[Path],
    content_hash_of: HashOf,
    cancelled: Callable[[], bool],
) -> dict[Path, Decision]:
    """Give decisions whose files are gone to the photos of equal content among `paths`.

    Only files of the size of such a lost photo are read.
    """
    lost = _lost_by_size(database)
    found: dict[Path, Decision] = {}
    if not lost:
        return found
    asked = list(paths)
    known = find_records(database, asked)
    for path in asked:
        if cancelled():
            break
        if path in known:
            continue
        record = _match(path, lost, content_hash_of)
        if record is not None:
            with database.transaction():
                move_record(database, record.path, path)
            found[path] = record.effective
    return found


def _lost_by_size(database: DecisionsDatabase) -> dict[int, list[PhotoRecord]]:
    """Return the decided photos that are no longer where they were, by their size."""
    lost: dict[int, list[PhotoRecord]] = {}
    for record in hashed_records(database):
        if b"\0" in path_blob(record.path) or not os.path.lexists(record.path):
            lost.setdefault(record.size or 0, []).append(record)
    return lost


def _match(
    path: Path, lost: dict[int, list[PhotoRecord]], content_hash_of: HashOf
) -> PhotoRecord | None:
    """Return the lost photo that a file is, and take it off the list."""
    try:
        candidates = lost.get(path.stat().st_size)
        if not candidates:
            return None
        digest = content_hash_of(path)
    except OSError:
        return None
    for record in candidates:
        if record.content_hash == digest:
            candidates.remove(record)
            return record
    return None
