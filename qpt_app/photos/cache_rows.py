"""The rows of the score cache: what is kept, and the queries that read and write it."""

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from qpt_app.core.scorer import ModelIdentity
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.fingerprint import Fingerprint
from qpt_app.photos.focus import FocusGap
from qpt_app.photos.results import PhotoFile

_VALUES_PER_QUERY = 400
"""SQLite before 3.32 takes at most 999 values in a query."""
_SCORE_COLUMNS = "status, reason, score, uncertainty, raw_score, width, height, format, decoder"


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedScore:
    """What the cache keeps of one content under one model."""

    status: PhotoStatus
    reason: str | None = None
    score: float | None = None
    uncertainty: float | None = None
    raw_score: float | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    decoder: str = ""
    """For a photo without a score: the decoders that failed on it; others may succeed."""
    feature: NDArray[np.float16] | None = field(default=None, compare=False, repr=False)
    """(C,) the encoder's vector; None if there is none or it was not asked for."""


class FocusMeasure(NamedTuple):
    """How focus is measured: numbers of another measure are no answer."""

    version: int
    side: int
    """Long side in pixels that photos are measured at."""


class CachedFocus(NamedTuple):
    """What the cache keeps of the focus of one content."""

    blur: float | None
    """Of the sharpest part, in pixels of the measured side; None if it cannot be told."""
    gap: FocusGap | None = None
    """Why not; None also where there is nothing to judge by."""


class CacheRow(NamedTuple):
    """Something found out about a file, on its way into the cache."""

    path: Path
    fingerprint: Fingerprint
    """With a content hash."""
    identity: ModelIdentity | None = None
    known: CachedScore | None = None
    """None if no score is news."""
    measure: FocusMeasure | None = None
    focus: CachedFocus | None = None
    """None if no focus is news."""


def model_key(identity: ModelIdentity) -> bytes:
    """Return 16 bytes that stand for a model's digest and the preprocessing it wants."""
    preprocess = json.dumps(identity.preprocess.to_dict(), sort_keys=True)
    return xxhash.xxh3_128_digest(f"{identity.digest}\n{preprocess}".encode())


def read_hashes(connection: sqlite3.Connection, photos: Sequence[PhotoFile]) -> list[bytes | None]:
    """Return the content hash of each file whose stamp is still the one that is known."""
    keys = [_file_key(photo.location) for photo in photos]
    found: dict[bytes, tuple[str, bytes]] = {}
    for some in _portions(keys):
        query = f"SELECT path, stamp, content_hash FROM files WHERE path IN ({_marks(some)})"  # noqa: S608
        for path, stamp, content in connection.execute(query, some):
            found[path] = stamp, content
    hashes: list[bytes | None] = []
    for key, photo in zip(keys, photos, strict=True):
        stamp, content = found.get(key, ("", b""))
        hashes.append(content if stamp == photo.stamp.text else None)
    return hashes


def read_scores(
    connection: sqlite3.Connection,
    contents: Iterable[bytes],
    identity: ModelIdentity,
    *,
    with_features: bool,
) -> dict[bytes, CachedScore]:
    """Return what is known of the contents; rows that fail their checksum count as unknown."""
    model = model_key(identity)
    found: dict[bytes, CachedScore] = {}
    for some in _portions(sorted(set(contents))):
        where = f"WHERE model = ? AND content_hash IN ({_marks(some)})"
        vectors = _read_vectors(connection, model, some, where) if with_features else {}
        query = f"SELECT content_hash, checksum, {_SCORE_COLUMNS} FROM scores {where}"  # noqa: S608
        for content, checksum, *values in connection.execute(query, [model, *some]):
            if checksum != _checksum(content, model, values):
                continue
            known = _cached_score(values, vectors.get(content))
            if not with_features or known.score is None or known.feature is not None:
                found[content] = known
    return found


def _read_vectors(
    connection: sqlite3.Connection, model: bytes, contents: Sequence[bytes], where: str
) -> dict[bytes, NDArray[np.float16]]:
    """Return the intact feature vectors of the contents."""
    query = f"SELECT content_hash, checksum, vector FROM features {where}"  # noqa: S608
    return {
        content: np.frombuffer(vector, dtype="<f2").astype(np.float16, copy=False)
        for content, checksum, vector in connection.execute(query, [model, *contents])
        if checksum == _checksum(content, model, [vector])
    }


def read_focus(
    connection: sqlite3.Connection, contents: Iterable[bytes], measure: FocusMeasure
) -> dict[bytes, CachedFocus]:
    """Return what is known of the contents' focus by this measure."""
    found: dict[bytes, CachedFocus] = {}
    for some in _portions(sorted(set(contents))):
        query = (
            "SELECT content_hash, checksum, measure, side, blur FROM focus"  # noqa: S608
            f" WHERE measure = ? AND side = ? AND content_hash IN ({_marks(some)})"
        )
        for content, checksum, *values in connection.execute(query, [*measure, *some]):
            if checksum == _checksum(content, b"", values):
                found[content] = _cached_focus(values[-1])
    return found


def _cached_focus(value: float | str | None) -> CachedFocus:
    """Return what a row says; in place of the number it has the name of a gap."""
    if isinstance(value, str):
        return CachedFocus(None, FocusGap(value))
    return CachedFocus(value)


def write_rows(connection: sqlite3.Connection, rows: Iterable[CacheRow]) -> None:
    """Write rows within the caller's transaction; newer rows replace older ones."""
    for row in rows:
        content = bytes.fromhex(row.fingerprint.content_hash or "")
        if row.fingerprint.settled:
            connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?)",
                (_file_key(row.path), row.fingerprint.stamp.text, content),
            )
        if row.known is not None and row.identity is not None:
            _write_score(connection, content, row.identity, row.known)
        if row.focus is not None and row.measure is not None:
            gap = row.focus.gap
            values = [*row.measure, row.focus.blur if gap is None else gap.value]
            connection.execute(
                "INSERT OR REPLACE INTO focus VALUES (?, ?, ?, ?, ?)",
                (content, *values, _checksum(content, b"", values)),
            )


def _write_score(
    connection: sqlite3.Connection, content: bytes, identity: ModelIdentity, known: CachedScore
) -> None:
    model = model_key(identity)
    connection.execute(
        "INSERT OR IGNORE INTO models VALUES (?, ?, ?)", (model, identity.digest, identity.name)
    )
    values = _values(known)
    connection.execute(
        "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (content, model, *values, _checksum(content, model, values)),
    )
    if known.feature is not None:
        vector = np.ascontiguousarray(known.feature, dtype="<f2").tobytes()
        connection.execute(
            "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)",
            (content, model, vector, _checksum(content, model, [vector])),
        )


def _values(known: CachedScore) -> list[Any]:
    """Return the columns of a score, as the plain types that SQLite keeps exactly."""
    numbers = [known.score, known.uncertainty, known.raw_score]
    return [
        str(known.status),
        known.reason,
        *(None if number is None else float(number) for number in numbers),
        known.width,
        known.height,
        known.format,
        known.decoder,
    ]


def _cached_score(values: Sequence[Any], feature: NDArray[np.float16] | None) -> CachedScore:
    """Turn the columns of a score back into one."""
    status, reason, score, uncertainty, raw_score, width, height, form, decoder = values
    return CachedScore(
        status=PhotoStatus(status),
        reason=reason,
        score=score,
        uncertainty=uncertainty,
        raw_score=raw_score,
        width=width,
        height=height,
        format=form,
        decoder=decoder,
        feature=feature,
    )


def _checksum(content: bytes, model: bytes, values: Sequence[Any]) -> int:
    """Return 32 bits over a row, so that a flipped bit on the disk is no score."""
    # SQLite keeps -0.0 as 0, which as text would be another row.
    kept = [value + 0.0 if isinstance(value, float) else value for value in values]
    return xxhash.xxh32_intdigest(repr((content, model, *kept)).encode())


def _file_key(path: str | Path) -> bytes:
    """Return the bytes of a path that mean the same file from every working folder."""
    is_absolute = os.path.isabs(path)  # noqa: PTH117 (no Path to be made)
    return os.fsencode(path if is_absolute else Path(path).absolute())


def _portions(values: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    """Cut values into runs that fit into a query."""
    for start in range(0, len(values), _VALUES_PER_QUERY):
        yield values[start : start + _VALUES_PER_QUERY]


def _marks(values: Sequence[bytes]) -> str:
    """Return a question mark for each value."""
    return ",".join("?" * len(values))
