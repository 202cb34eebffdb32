"""Keeps decisions and XMP files in step: reads what is new, writes what waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qpt_app.decisions import decision_log
from qpt_app.decisions.action import Action, ActionKind, Problem
from qpt_app.decisions.decision import (
    KEEP,
    UNDECIDED,
    Decision,
    DecisionChange,
    Flag,
    own_or_others,
)
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.file_transfer import remove_temporaries
from qpt_app.decisions.photo_records import (
    PhotoRecord,
    ensure_record,
    find_records,
    record_by_id,
)
from qpt_app.decisions.photo_unit import PhotoUnit
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_policy import XmpPolicy
from qpt_app.decisions.xmp_reader import XmpReading, note_agreement, weigh_photo
from qpt_app.decisions.xmp_state import files_being_written, pending, settle_pending
from qpt_app.decisions.xmp_writer import Embedder, XmpOutcome, XmpWriter

PORTION = 200
"""Photos read at a time; in between, files may be moved and the reading be stopped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingRequest:
    """What is to be decided about one photo and written to its XMP."""

    unit: PhotoUnit
    change: DecisionChange
    score: float | None = None
    """The program's score for the own namespace, 0 to 100; None = leave it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingResult:
    """What became of one request."""

    photo: Path
    decision: Decision
    """What holds now, or would after a dry run."""
    outcomes: tuple[XmpOutcome, ...]
    """One per photo file of the unit."""
    kept: tuple[str, ...] = ()
    """Parts that a person had decided and that were not replaced."""


class XmpExchange:
    """Reads and writes XMP for one decisions database."""

    def __init__(
        self,
        database: DecisionsDatabase,
        clock: Callable[[], float],
        embedder: Embedder | None,
        turn: threading.Lock,
    ) -> None:
        """Share `turn` with whoever moves files: a photo is moved or written, never both."""
        self._database = database
        self._clock = clock
        self._embedder = embedder
        self._lock = turn
        self._failed: dict[int, float | None] = {}

    def recover(self) -> None:
        """Remove the half-written sidecars that a killed program left; the old ones are whole."""
        for file in files_being_written(self._database):
            remove_temporaries(file)

    def read(
        self,
        photos: Sequence[Path],
        names: LabelNames,
        *,
        embedded: bool,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[Action | None, list[XmpReading]]:
        """Take over what is new in XMP, as one action; see `DecisionSession.read_xmp`.

        Files may be moved and decisions made between the portions; what they changed is left out.
        """
        readings: list[XmpReading] = []
        weighed: dict[Path, PhotoRecord] = {}
        for start in range(0, len(photos), PORTION):
            if cancelled():
                return None, []
            portion = photos[start : start + PORTION]
            with self._lock:
                known = find_records(self._database, portion)
                readings += self._weigh(portion, known, names, embedded)
            weighed.update(known)
        with self._lock, self._database.transaction():
            readings = self._still_true(readings, weighed)
            changes = [
                (reading.photo, reading.change)
                for reading in readings
                if reading.change is not None
            ]
            count = len(changes)
            action = decision_log.decide(
                self._database,
                changes,
                now=self._clock(),
                title=f"ratings read from XMP: {'1 photo' if count == 1 else f'{count} photos'}",
                kind=ActionKind.ADOPT,
            )
            for reading in readings:
                note_agreement(self._database, reading)
        return action, readings

    def _still_true(
        self, readings: list[XmpReading], weighed: dict[Path, PhotoRecord]
    ) -> list[XmpReading]:
        """Leave out photos that were decided or moved since they were weighed."""
        now = find_records(self._database, [reading.photo for reading in readings])
        return [
            reading
            for reading in readings
            if _decided_at(now, reading.photo) == _decided_at(weighed, reading.photo)
            and (reading.change is None or os.path.lexists(reading.photo))
        ]

    def have_written(self, photos: Iterable[Path], policy: XmpPolicy) -> None:
        """Let decided photos wait; see `DecisionSession.have_written`."""
        known = find_records(self._database, photos).values()
        decided = [record.photo_id for record in known if record.decision is not None]
        with self._lock, self._database.transaction():
            decision_log.mark_for_xmp(self._database, decided, policy.to_json())
        for photo_id in decided:
            self._failed.pop(photo_id, None)

    def write_pending(
        self, *, cancelled: Callable[[], bool] | None = None, retry: bool = False
    ) -> list[XmpOutcome]:
        """Write what waits; see `DecisionSession.write_pending_xmp`."""
        outcomes: list[XmpOutcome] = []
        for photo_id, policy in pending(self._database).items():
            if cancelled is not None and cancelled():
                break
            with self._lock:
                record = record_by_id(self._database, photo_id)
                tried = photo_id in self._failed and self._failed[photo_id] == record.decided_at
                if retry or not tried:
                    outcomes.append(self._write_one(record, policy, None))
        return outcomes

    def write_ratings(
        self, requests: Iterable[RatingRequest], policy: XmpPolicy, *, dry_run: bool
    ) -> list[RatingResult]:
        """Decide and write at once; see `DecisionSession.write_ratings`."""
        asked = list(requests)
        photos = [photo for request in asked for photo in request.unit.photos]
        if dry_run:
            found = find_records(self._database, photos)
            weighed = self._weigh(photos, found, policy.labels, True)
            readings = {item.photo: item for item in weighed}
        else:
            readings = {}
            self.read(photos, policy.labels, embedded=True)
        known = find_records(self._database, photos)
        shown: dict[Path, Decision] = {}
        allowed: list[tuple[RatingRequest, DecisionChange, tuple[str, ...]]] = []
        for request in asked:
            own = [_own(known.get(one), readings.get(one)) for one in request.unit.photos]
            present = [] if policy.overwrite else own
            allowed.append((request, *_without_existing(request.change, present)))
            shown.update(dict.fromkeys(request.unit.photos, own_or_others(own[0], own[-1])))
        if not dry_run:
            rows = [(photo, change) for r, change, _ in allowed for photo in r.unit.photos]
            decision_log.decide(
                self._database,
                rows,
                now=self._clock(),
                xmp_policy=policy.to_json(),
                shown=shown,
            )
        imagined: dict[Path, PhotoRecord] = {}
        if dry_run:
            imagined = {
                photo: self._imagined(photo, change, readings.get(photo), shown[photo])
                for request, change, _ in allowed
                for photo in request.unit.photos
            }
        return [self._result(request, kept, policy, imagined) for request, _, kept in allowed]

    def _result(
        self,
        request: RatingRequest,
        kept: tuple[str, ...],
        policy: XmpPolicy,
        imagined: dict[Path, PhotoRecord],
    ) -> RatingResult:
        """Write the XMP of one photo, or find out what would be written for imagined records."""
        outcomes: list[XmpOutcome] = []
        records: list[PhotoRecord] = []
        for photo in request.unit.photos:
            if photo in imagined:
                record = imagined[photo]
                writer = XmpWriter(self._database, self._embedder, dry_run=True)
                outcomes.append(
                    writer.write(record, replace(policy, overwrite=True), score=request.score)
                )
            else:
                with self._lock:
                    with self._database.transaction():
                        record = ensure_record(self._database, photo)
                    outcomes.append(self._write_one(record, policy, request.score))
            records.append(record)
        return RatingResult(
            photo=request.unit.path,
            decision=own_or_others(records[0].effective, records[-1].effective),
            outcomes=tuple(outcomes),
            kept=kept,
        )

    def _imagined(
        self, photo: Path, change: DecisionChange, reading: XmpReading | None, shown: Decision
    ) -> PhotoRecord:
        """The record that a photo would have after a dry run."""
        record = find_records(self._database, [photo]).get(photo) or PhotoRecord(
            photo_id=0, path=photo, content_hash=None, size=None, decision=None, decided_at=None
        )
        decision = _own(record, reading)
        if change != DecisionChange():
            decision = change.applied_to(own_or_others(decision, shown))
        if record.decision is None and decision == UNDECIDED:
            return record
        return replace(record, decision=decision, decided_at=self._clock())

    def _write_one(self, record: PhotoRecord, policy: XmpPolicy, score: float | None) -> XmpOutcome:
        outcome = XmpWriter(self._database, self._embedder).write(record, policy, score=score)
        if outcome.adopt is not None:
            decision_log.decide(
                self._database,
                [(record.path, outcome.adopt)],
                now=self._clock(),
                title="newer rating read from XMP: 1 photo",
                kind=ActionKind.ADOPT,
            )
        if outcome.problems:
            self._failed[record.photo_id] = record.decided_at
        else:
            self._failed.pop(record.photo_id, None)
            settle_pending(
                self._database,
                record_by_id(self._database, record.photo_id) if outcome.adopt else record,
            )
        return outcome

    def _weigh(
        self,
        photos: Sequence[Path],
        known: dict[Path, PhotoRecord],
        names: LabelNames,
        embedded: bool,
    ) -> list[XmpReading]:
        return [
            weigh_photo(self._database, photo, known.get(photo), names, embedded=embedded)
            for photo in photos
        ]


def _own(record: PhotoRecord | None, reading: XmpReading | None) -> Decision:
    """Return the decision about a file, with what was read in a dry run taken over."""
    own = UNDECIDED if record is None else record.effective
    news = None if reading is None else reading.change
    return own if news is None else news.applied_to(own)


def _decided_at(records: dict[Path, PhotoRecord], photo: Path) -> float | None:
    return records[photo].decided_at if photo in records else None


def _without_existing(
    change: DecisionChange, present: Iterable[Decision]
) -> tuple[DecisionChange, tuple[str, ...]]:
    """Leave out of a change what would replace a part that somebody decided already.

    Args:
        change: what is to be decided about a photo.
        present: what was decided about its files; what one half of a pair has is left to it.

    Returns:
        The change that is left, and what is kept in words.
    """
    kept: list[str] = []
    stars, flag, label = change.stars, change.flag, change.label
    for decision in present:
        after = change.applied_to(decision)
        if decision.stars and after.stars != decision.stars:
            stars = KEEP
            kept.append(f"{decision.stars} stars")
        if decision.flag is not Flag.NONE and after.flag is not decision.flag:
            flag = KEEP
            kept.append(str(decision.flag.value))
        if decision.label is not None and after.label is not decision.label:
            label = KEEP
            kept.append(f"{decision.label.value} label")
    return DecisionChange(stars=stars, flag=flag, label=label), tuple(dict.fromkeys(kept))


def problems_of(outcomes: Iterable[XmpOutcome]) -> list[Problem]:
    """Return everything that the person should hear about, of many photos."""
    return [problem for outcome in outcomes for problem in (*outcome.problems, *outcome.notes)]
