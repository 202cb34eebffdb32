"""The tables of the decisions database, as the list of migrations that made them.

`PRAGMA user_version` counts the migrations a database has had. A migration is never changed once
it was released: a new one is appended.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x51505431
"""`PRAGMA application_id` of a decisions database ("QPT1")."""

_FIRST: Final = """
CREATE TABLE photos (
    photo_id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    content_hash TEXT,
    size INTEGER,
    decision TEXT,
    decided_at REAL
);
CREATE INDEX photos_by_size ON photos (size) WHERE content_hash IS NOT NULL;
CREATE TABLE actions (
    action_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at REAL NOT NULL,
    xmp_policy TEXT
);
CREATE INDEX actions_by_state ON actions (state, action_id);
CREATE TABLE decision_changes (
    action_id INTEGER NOT NULL REFERENCES actions ON DELETE CASCADE,
    photo_id INTEGER NOT NULL REFERENCES photos,
    before TEXT,
    before_at REAL,
    after TEXT,
    after_at REAL,
    PRIMARY KEY (action_id, photo_id)
) WITHOUT ROWID;
CREATE TABLE file_steps (
    action_id INTEGER NOT NULL REFERENCES actions ON DELETE CASCADE,
    step INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    source BLOB NOT NULL,
    target BLOB,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    digest TEXT,
    note TEXT,
    PRIMARY KEY (action_id, step)
) WITHOUT ROWID;
CREATE TABLE xmp_files (
    path BLOB PRIMARY KEY,
    original TEXT,
    agreed TEXT,
    writing TEXT
) WITHOUT ROWID;
CREATE TABLE xmp_pending (
    photo_id INTEGER PRIMARY KEY REFERENCES photos,
    policy TEXT NOT NULL
);
"""
# photos.decision: JSON of a Decision, NULL = nobody decided. xmp_files: JSON of the XMP properties
# in a sidecar or photo: `original` before qpt first wrote, `agreed` when file and database last
# agreed, `writing` those of a write that was begun and perhaps ended.

MIGRATIONS: Final = (_FIRST,)
"""Scripts in order; a database of version n has had the first n."""
