"""The photos the decisions database knows, found by path and, once moved, by content."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qpt_app.decisions.decision import UNDECIDED, Decision
from qpt_app.decisions.decisions_database import DecisionsDatabase

_CHUNK: Final = 500
"""Paths per query; SQLite allows 32,766 values, older builds 999."""

_DECIDED_BETWEEN: Final = (
    "SELECT path, decision FROM photos WHERE path >= ? AND path < ? AND decision NOT NULL"
)

_COLUMNS: Final = "photo_id, path, content_hash, size, decision, decided_at"


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoRecord:
    """One row of the table of photos."""

    photo_id: int
    path: Path
    content_hash: str | None
    """xxh3_128 in hexadecimal, None while nobody computed it."""
    size: int | None
    """Bytes when the hash was taken."""
    decision: Decision | None
    """None = nobody decided about it."""
    decided_at: float | None
    """Seconds since the epoch."""

    @property
    def effective(self) -> Decision:
        """The decision, or the one of an undecided photo."""
        return self.decision or UNDECIDED


def absolute(path: Path) -> Path:
    """Return `path` in the one form the database knows: absolute, no `.` or `..`, links kept."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def path_blob(path: Path) -> bytes:
    """Return the bytes of a path, for names that are not UTF-8 too."""
    return os.fsencode(path)


def blob_path(blob: bytes) -> Path:
    """Return the path of `path_blob`."""
    return Path(os.fsdecode(blob))


def find_records(database: DecisionsDatabase, paths: Iterable[Path]) -> dict[Path, PhotoRecord]:
    """Return the record of each path that has one, by the path as it was given."""
    asked = {path_blob(absolute(path)): path for path in paths}
    found: dict[Path, PhotoRecord] = {}
    for chunk in _chunks(list(asked)):
        marks = ",".join("?" * len(chunk))
        query = f"SELECT {_COLUMNS} FROM photos WHERE path IN ({marks})"  # noqa: S608 - marks only
        for row in database.rows(query, chunk):
            found[asked[row["path"]]] = _record(row)
    return found


def decisions_below(database: DecisionsDatabase, folder: Path) -> dict[bytes, Decision]:
    """Return every decision about a photo in a folder or below it, by `path_blob`.

    One look into the sorted paths: what it costs depends on what was decided, not on how many
    photos there are.
    """
    separator = os.fsencode(os.sep)
    first = path_blob(absolute(folder)).rstrip(separator) + separator
    last = first[:-1] + bytes([separator[0] + 1])
    rows = database.rows(_DECIDED_BETWEEN, (first, last))
    return {row["path"]: Decision.from_json(row["decision"]) for row in rows}


def decisions_beside(database: DecisionsDatabase, paths: Iterable[Path]) -> dict[bytes, Decision]:
    """Return the decisions about these files and those that differ only in the ending.

    By `path_blob`. The other half of a pair is among them.
    """
    found: dict[bytes, Decision] = {}
    for stem in {path_blob(absolute(path).with_suffix("")) for path in paths}:
        rows = database.rows(_DECIDED_BETWEEN, (stem, stem + b"/"))  # "/" comes after "."
        found |= {row["path"]: Decision.from_json(row["decision"]) for row in rows}
    return found


def decided_here(database: DecisionsDatabase) -> list[Path]:
    """Return the photos whose decision was made in qpt, not taken over from another program."""
    query = (
        "SELECT path FROM photos WHERE decision NOT NULL "
        "AND (photo_id, coalesce(decided_at, 0)) NOT IN "
        "(SELECT photo_id, coalesce(after_at, 0) FROM decision_changes "
        "JOIN actions USING (action_id) WHERE kind = 'adopt') ORDER BY path"
    )
    return [blob_path(row["path"]) for row in database.rows(query)]


def record_by_id(database: DecisionsDatabase, photo_id: int) -> PhotoRecord:
    """Return the record of that id, which must exist."""
    query = f"SELECT {_COLUMNS} FROM photos WHERE photo_id = ?"  # noqa: S608 - constant
    row = database.row(query, (photo_id,))
    assert row is not None, f"no photo {photo_id}"
    return _record(row)


def ensure_record(database: DecisionsDatabase, path: Path) -> PhotoRecord:
    """Return the record of `path`, made now if there was none. Inside a transaction."""
    known = find_records(database, [path]).get(path)
    if known is not None:
        return known
    photo_id = database.execute(
        "INSERT INTO photos (path) VALUES (?)", (path_blob(absolute(path)),)
    )
    return record_by_id(database, photo_id)


def set_decision(
    database: DecisionsDatabase, photo_id: int, decision: Decision | None, at: float | None
) -> None:
    """Keep a decision made at time `at`; None makes the photo undecided."""
    database.execute(
        "UPDATE photos SET decision = ?, decided_at = ? WHERE photo_id = ?",
        (None if decision is None else decision.to_json(), at, photo_id),
    )


def set_content_hash(
    database: DecisionsDatabase, photo_id: int, content_hash: str, size: int
) -> None:
    """Keep what the content of a photo is, so that it is known again elsewhere."""
    database.execute(
        "UPDATE photos SET content_hash = ?, size = ? WHERE photo_id = ?",
        (content_hash, size, photo_id),
    )


def move_record(database: DecisionsDatabase, old: Path, new: Path) -> None:
    """Let what is known of the file `old`, photo or sidecar, follow it to `new`.

    Call it inside a transaction.

    A record that was left at `new` by a photo long gone keeps its history under a path that no
    file can have.
    """
    moved = find_records(database, [old]).get(old)
    stale = find_records(database, [new]).get(new)
    if stale is not None and (moved is None or stale.photo_id != moved.photo_id):
        tombstone = path_blob(absolute(new)) + b"\0%d" % stale.photo_id
        database.execute(
            "UPDATE photos SET path = ? WHERE photo_id = ?", (tombstone, stale.photo_id)
        )
    if moved is not None:
        database.execute(
            "UPDATE photos SET path = ? WHERE photo_id = ?",
            (path_blob(absolute(new)), moved.photo_id),
        )
    database.execute(
        "UPDATE OR REPLACE xmp_files SET path = ? WHERE path = ?",
        (path_blob(absolute(new)), path_blob(absolute(old))),
    )


def hashed_records(database: DecisionsDatabase) -> list[PhotoRecord]:
    """Return the decided photos whose content is known."""
    query = (
        f"SELECT {_COLUMNS} FROM photos "  # noqa: S608 - constant
        "WHERE content_hash IS NOT NULL AND decision IS NOT NULL"
    )
    return [_record(row) for row in database.rows(query)]


def _record(row: sqlite3.Row) -> PhotoRecord:
    decision = row["decision"]
    return PhotoRecord(
        photo_id=row["photo_id"],
        path=blob_path(row["path"]),
        content_hash=row["content_hash"],
        size=row["size"],
        decision=None if decision is None else Decision.from_json(decision),
        decided_at=row["decided_at"],
    )


def _chunks(values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
