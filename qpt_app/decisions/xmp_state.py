"""What the database knows of XMP files: the ancestors of the three-way merge, and what waits.

A power cut may lose the newest of it. Then a file holds what the (durable) decision says anyway,
which counts as agreed, or the write is done once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.photo_records import PhotoRecord, absolute, blob_path, path_blob
from qpt_app.decisions.xmp_names import XmpProperty
from qpt_app.decisions.xmp_packet import XmpProperties, properties_from_json, properties_to_json
from qpt_app.decisions.xmp_policy import XmpPolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class XmpAncestor:
    """What was in a file at earlier times; None = never looked, or not writing."""

    original: dict[XmpProperty, str] | None = None
    """Before qpt first wrote into it."""
    agreed: dict[XmpProperty, str] | None = None
    """When qpt last read or wrote it."""
    writing: dict[XmpProperty, str] | None = None
    """What a write that was begun puts into it."""


def ancestor_of(database: DecisionsDatabase, file: Path) -> XmpAncestor:
    """Return what is known of a sidecar, or of a photo with an embedded packet."""
    row = database.row(
        "SELECT original, agreed, writing FROM xmp_files WHERE path = ?",
        (path_blob(absolute(file)),),
    )
    if row is None:
        return XmpAncestor()
    known = {
        name: None if row[name] is None else properties_from_json(row[name])
        for name in ("original", "agreed", "writing")
    }
    return XmpAncestor(**known)


def begin_write(
    database: DecisionsDatabase, file: Path, theirs: XmpProperties, writing: XmpProperties
) -> None:
    """Note what is about to be written, before it is."""
    with database.transaction(durable=False):
        database.execute(
            "INSERT INTO xmp_files (path, original, writing) VALUES (?, ?, ?) "
            "ON CONFLICT (path) DO UPDATE SET writing = excluded.writing, "
            "original = coalesce(original, excluded.original)",
            (
                path_blob(absolute(file)),
                properties_to_json(theirs),
                properties_to_json(writing),
            ),
        )


def agree(database: DecisionsDatabase, file: Path, now_in_file: XmpProperties) -> None:
    """Note that qpt knows what is in a file now."""
    with database.transaction(durable=False):
        database.execute(
            "INSERT INTO xmp_files (path, agreed) VALUES (?, ?) "
            "ON CONFLICT (path) DO UPDATE SET agreed = excluded.agreed, writing = NULL",
            (path_blob(absolute(file)), properties_to_json(now_in_file)),
        )


def copy_ancestor(database: DecisionsDatabase, file: Path, copy: Path) -> None:
    """Note that what is known of a file holds for a copy of it too. Call it in a transaction."""
    database.execute(
        "INSERT OR REPLACE INTO xmp_files (path, original, agreed) "
        "SELECT ?, original, agreed FROM xmp_files WHERE path = ?",
        (path_blob(absolute(copy)), path_blob(absolute(file))),
    )


def forget_file(database: DecisionsDatabase, file: Path) -> None:
    """Forget a sidecar that qpt made and removed again."""
    with database.transaction(durable=False):
        database.execute("DELETE FROM xmp_files WHERE path = ?", (path_blob(absolute(file)),))


def pending(database: DecisionsDatabase) -> Mapping[int, XmpPolicy]:
    """Return the photos that wait to be written, with the policy for each."""
    rows = database.rows("SELECT photo_id, policy FROM xmp_pending ORDER BY photo_id")
    return {row["photo_id"]: XmpPolicy.from_json(row["policy"]) for row in rows}


def settle_pending(database: DecisionsDatabase, record: PhotoRecord) -> None:
    """Note that a photo was dealt with, unless it was decided again meanwhile."""
    with database.transaction(durable=False):
        database.execute(
            "DELETE FROM xmp_pending WHERE photo_id = ? AND EXISTS "
            "(SELECT 1 FROM photos WHERE photo_id = ? AND decided_at IS ?)",
            (record.photo_id, record.photo_id, record.decided_at),
        )


def files_being_written(database: DecisionsDatabase) -> list[Path]:
    """Return the files whose write was begun and is not known to have ended."""
    rows = database.rows("SELECT path FROM xmp_files WHERE writing IS NOT NULL")
    return [blob_path(row["path"]) for row in rows]
