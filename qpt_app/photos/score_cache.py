"""Scores that are known already: by a file's stamp, else by the hash of its content.

Two tables in front of each other. `files` knows, for a path, the stamp (device, inode, size,
mtime) that it had when it was hashed, so that an unchanged file is answered without being opened.
`scores` knows, for a content hash and a model (its digest and the preprocess version), what came
out, so that a copied or renamed file need not be decoded. `focus` knows, for a content hash, how
sharp its sharpest part is. Losing the cache loses nothing but time.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from qpt_app.core.scorer import ModelIdentity
from qpt_app.errors import StorageError
from qpt_app.photos.cache_database import is_damage, mark_damaged, open_database
from qpt_app.photos.cache_rows import (
    CachedFocus,
    CachedScore,
    CacheRow,
    FocusMeasure,
    read_focus,
    read_hashes,
    read_scores,
    write_rows,
)
from qpt_app.photos.fingerprint import Fingerprint
from qpt_app.photos.results import PhotoFile

__all__ = ["CacheInfo", "CachedFocus", "CachedScore", "FocusMeasure", "ScoreCache"]

_T = TypeVar("_T")

_FLUSH_ROWS = 64
"""Rows kept back at most before they are committed together."""
_FLUSH_S = 2.0
"""Seconds that a row is kept back at most, as long as rows keep coming."""


class CacheInfo(NamedTuple):
    """What `qpt cache info` shows."""

    path: Path
    bytes_on_disk: int
    files: int
    """Paths whose stamp is known."""
    scores: int
    """Contents with a score or a lasting failure, all models together."""
    by_model: dict[str, int]
    """Model label -> number of its scores."""
    focus: int
    """Contents of which it is known how sharp they are."""


class ScoreCache:
    """An opened cache. Any thread may use it; errors after opening switch it off with a notice."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        now: Callable[[], float],
        notices: list[str],
    ) -> None:
        self._connection = connection
        self._path = path
        self._now = now
        self._lock = threading.RLock()
        self._waiting: list[CacheRow] = []
        self._waiting_since = 0.0
        self.notices = notices
        """Lines for the user: what was mended at opening, and why it stopped working if it did."""
        self.usable = True
        """Whether it still answers; a full disk or a broken file turns it off."""

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], float] = time.time) -> "ScoreCache":
        """Open the cache in `folder`; look at `notices` afterwards.

        Raises:
            StorageError: if it cannot be used (read-only, written by a newer qpt, locked); the
                message says so and the run can go on without a cache.
        """
        connection, path, notice = open_database(folder, now=now)
        return cls(connection, path, now=now, notices=[notice] if notice else [])

    def get(self, photo: PhotoFile, identity: ModelIdentity) -> CachedScore | None:
        """Return what is known of an unchanged file, without opening it; None if nothing is."""
        return self.get_many([photo], identity)[0]

    def get_many(
        self, photos: Sequence[PhotoFile], identity: ModelIdentity, *, with_features: bool = True
    ) -> list[CachedScore | None]:
        """Return what is known of each file, in the order given, without opening any."""

        def read() -> list[CachedScore | None]:
            hashes = read_hashes(self._connection, photos)
            contents = [content for content in hashes if content is not None]
            scores = read_scores(self._connection, contents, identity, with_features=with_features)
            return [None if content is None else scores.get(content) for content in hashes]

        return self._guarded(read) or [None] * len(photos)

    def get_content(
        self, content_hash: str, identity: ModelIdentity, *, with_features: bool = True
    ) -> CachedScore | None:
        """Return what is known of a content, whatever file it is in; None if nothing is."""
        content = bytes.fromhex(content_hash)

        def read() -> dict[bytes, CachedScore]:
            return read_scores(self._connection, [content], identity, with_features=with_features)

        return (self._guarded(read) or {}).get(content)

    def put(
        self, path: Path, fingerprint: Fingerprint, identity: ModelIdentity, known: CachedScore
    ) -> None:
        """Keep what was found out about a file. It is on disk after `flush` at the latest."""
        self._enqueue(CacheRow(path, fingerprint, identity, known))

    def get_focus(
        self, photos: Sequence[PhotoFile], measure: FocusMeasure
    ) -> list[CachedFocus | None]:
        """Return what is known of each unchanged file's focus, in order, without opening any."""

        def read() -> list[CachedFocus | None]:
            hashes = read_hashes(self._connection, photos)
            contents = [content for content in hashes if content is not None]
            known = read_focus(self._connection, contents, measure)
            return [None if content is None else known.get(content) for content in hashes]

        return self._guarded(read) or [None] * len(photos)

    def put_focus(
        self, path: Path, fingerprint: Fingerprint, measure: FocusMeasure, focus: CachedFocus
    ) -> None:
        """Keep how sharp a file's sharpest part is. It is on disk after `flush` at the latest."""
        self._enqueue(CacheRow(path, fingerprint, measure=measure, focus=focus))

    def note_file(self, path: Path, fingerprint: Fingerprint) -> None:
        """Keep that a file has a content that is known already."""
        self._enqueue(CacheRow(path, fingerprint))

    def flush(self) -> None:
        """Commit what is kept back."""
        with self._lock:
            rows, self._waiting = self._waiting, []
            if rows:
                self._guarded(lambda: self._write(rows))

    def close(self) -> None:
        """Commit what is kept back and close the file."""
        with self._lock:
            self.flush()
            self.usable = False
            self._connection.close()

    def __enter__(self) -> "ScoreCache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def info(self) -> CacheInfo:
        """Count what is in the cache.

        Raises:
            StorageError: if it cannot be read.
        """
        self.flush()
        with self._lock, _as_storage_error(self._path):
            rows = self._connection.execute(
                "SELECT name, digest, (SELECT count(*) FROM scores WHERE model = key) FROM models"
                " ORDER BY name, digest"
            ).fetchall()
            files, focus = (
                self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
                for table in ("files", "focus")
            )
        by_model: dict[str, int] = {}
        for name, digest, count in rows:
            label = f"{name}@{digest[:8]}"
            by_model[label] = by_model.get(label, 0) + count
        scores = sum(by_model.values())
        return CacheInfo(self._path, self._bytes_on_disk(), files, scores, by_model, focus)

    def clear(self) -> int:
        """Forget everything and give the space back; return how many scores there were.

        Raises:
            StorageError: if it cannot be written.
        """
        with self._lock, _as_storage_error(self._path):
            self._waiting.clear()
            with self._transaction():
                count = self._connection.execute("SELECT count(*) FROM scores").fetchone()[0]
                for table in ("files", "scores", "features", "models", "focus"):
                    self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 (fixed names)
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(count)

    def _enqueue(self, row: CacheRow) -> None:
        if not self.usable or row.fingerprint.content_hash is None:
            return
        with self._lock:
            if not self._waiting:
                self._waiting_since = self._now()
            self._waiting.append(row)
            if (
                len(self._waiting) >= _FLUSH_ROWS
                or abs(self._now() - self._waiting_since) > _FLUSH_S
            ):
                self.flush()

    def _write(self, rows: Sequence[CacheRow]) -> None:
        with self._transaction():
            write_rows(self._connection, rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit what the block does, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _guarded(self, action: Callable[[], _T]) -> _T | None:
        """Do something with the file; if that fails, switch the cache off and return None."""
        with self._lock:
            if not self.usable:
                return None
            try:
                return action()
            except sqlite3.Error as error:
                self.usable = False
                if is_damage(error):
                    mark_damaged(self._path)
                self.notices.append(
                    f"the score cache {self._path} stopped working ({error}); scoring goes on "
                    "without it"
                )
                return None

    def _bytes_on_disk(self) -> int:
        """Return the size of the file and its journal."""
        names = [self._path, self._path.with_name(self._path.name + "-wal")]
        return sum(path.stat().st_size for path in names if path.exists())


@contextlib.contextmanager
def _as_storage_error(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"the score cache {path} cannot be used: {error}") from error
