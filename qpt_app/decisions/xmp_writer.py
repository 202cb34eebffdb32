"""Brings decisions into XMP files, by the three-way merge, one photo at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from qpt_app.core.atomic_write import atomic_write
from qpt_app.decisions.action import Problem
from qpt_app.decisions.decision import UNDECIDED, DecisionChange
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.photo_records import PhotoRecord, find_records
from qpt_app.decisions.xmp_embedded import read_embedded
from qpt_app.decisions.xmp_merge import EMPTY_SIDECAR, is_bare, merge_properties
from qpt_app.decisions.xmp_names import OURS, XmpProperty
from qpt_app.decisions.xmp_packet import XmpProperties, read_properties
from qpt_app.decisions.xmp_policy import (
    XmpPolicy,
    adobe_sidecar,
    full_name_sidecar,
    is_embeddable,
    other_half,
    sidecars_to_write,
)
from qpt_app.decisions.xmp_reconcile import FileSide, OurSide, Outcome, Verdict, reconcile
from qpt_app.decisions.xmp_sources import read_sidecar
from qpt_app.decisions.xmp_state import XmpAncestor, agree, ancestor_of, begin_write, forget_file
from qpt_app.errors import StorageError, XmpError

Changes = Mapping[XmpProperty, str | None]


class Embedder(Protocol):
    """Puts a packet into a JPEG without touching its picture."""

    def embed(self, photo: Path, packet: bytes) -> None:
        """Replace the XMP packet of `photo`, or raise `XmpError` and leave it as it was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class XmpOutcome:
    """What became of one photo's XMP."""

    photo: Path
    written: tuple[Path, ...] = ()
    """Files that were changed, or would be in a dry run."""
    adopt: DecisionChange | None = None
    """What somebody decided elsewhere since, to be taken over into the database."""
    notes: tuple[Problem, ...] = ()
    """What was kept, replaced or taken over, per file."""
    problems: tuple[Problem, ...] = ()
    """Files that could not be read or written; they are as they were."""


class XmpWriter:
    """Writes the XMP of photos that are in the database."""

    def __init__(
        self, database: DecisionsDatabase, embedder: Embedder | None, *, dry_run: bool = False
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._dry_run = dry_run

    def write(
        self, record: PhotoRecord, policy: XmpPolicy, *, score: float | None = None
    ) -> XmpOutcome:
        """Bring one photo's decision into the files of `policy`.

        A file that cannot be parsed or written is left as it is and reported; the others are
        written.

        Args:
            record: the photo with its decision; without one its files get their old values back.
            policy: which files, and how.
            score: the program's score to put into the own namespace, None for none.
        """
        written: list[Path] = []
        notes: list[Problem] = []
        problems: list[Problem] = []
        adopt: DecisionChange | None = None
        in_digikam: dict[Path, str | None] = {}
        try:
            targets = sidecars_to_write(record.path, policy.profile)
        except XmpError as error:
            problems.append(Problem(path=record.path, reason=str(error)))
            targets = []
        if policy.embed and is_embeddable(record.path):
            targets.append(record.path)
        for target in targets:
            try:
                outcome = self._write_file(self._speaker(record, target), policy, target, score)
            except (XmpError, StorageError) as error:
                problems.append(Problem(path=target, reason=str(error)))
                continue
            except OSError as error:  # such as a name that is too long with `.xmp` behind it
                reason = f"cannot write {target}: {error.strerror or error}"
                problems.append(Problem(path=target, reason=reason))
                continue
            if outcome.changes:
                written.append(target)
            notes += [Problem(path=target, reason=note) for note in outcome.notes]
            if outcome.changes or os.path.lexists(target):
                in_digikam[target] = outcome.in_digikam
            if outcome.adopts:
                adopt = outcome.adopt
        notes += _digikam_note(record.path, in_digikam)
        return XmpOutcome(
            photo=record.path,
            written=tuple(written),
            adopt=adopt,
            notes=tuple(notes),
            problems=tuple(problems),
        )

    def _speaker(self, record: PhotoRecord, target: Path) -> PhotoRecord:
        """Return a record with what is to be in a file.

        `name.xmp` is of both halves of a pair: when the decision about one is taken back, what was
        decided about the other stays in it.
        """
        if record.effective != UNDECIDED or target != adobe_sidecar(record.path):
            return record
        half = other_half(record.path)
        other = None if half is None else find_records(self._database, [half]).get(half)
        if other is None or other.effective == UNDECIDED:
            return record
        return replace(record, decision=other.decision, decided_at=other.decided_at)

    def _write_file(
        self, record: PhotoRecord, policy: XmpPolicy, target: Path, score: float | None
    ) -> Outcome:
        packet, changed_at = self._present(record.path, target)
        theirs = {} if packet is None else read_properties(packet)
        known = ancestor_of(self._database, target)
        outcome = _weighed(record, policy, theirs, known, changed_at)
        if score is not None:
            text = f"{score:.2f}"
            if theirs.get(XmpProperty.SCORE) != text:
                outcome.changes[XmpProperty.SCORE] = text
        if packet is None and not any(outcome.changes.values()):
            outcome.changes.clear()
        if self._dry_run:
            return outcome
        after = {**theirs, **outcome.changes}
        left = {item: text for item, text in after.items() if text is not None}
        if outcome.changes:
            merged = merge_properties(EMPTY_SIDECAR if packet is None else packet, outcome.changes)
            begin_write(self._database, target, theirs, left)
            self._put(record.path, target, merged)
        if os.path.lexists(target) and Verdict.KEPT not in (outcome.rating, outcome.label):
            agree(self._database, target, left)
        return outcome

    def _present(self, photo: Path, target: Path) -> tuple[bytes | None, float]:
        """Return the packet that is there, and when its file last changed."""
        if not os.path.lexists(target):
            if not os.path.lexists(photo):
                raise XmpError(f"{photo} is gone, so nothing was written for it")
            return None, 0.0
        changed_at = target.stat().st_mtime
        return (read_embedded(target) if target == photo else read_sidecar(target)), changed_at

    def _put(self, photo: Path, target: Path, merged: bytes) -> None:
        if target == photo:
            if self._embedder is None:
                raise XmpError(f"{photo}: embedding needs exiftool, which is not installed")
            self._embedder.embed(photo, merged)
        elif target.is_symlink():
            raise XmpError(f"{target}: is a link, so it was left alone")
        elif is_bare(merged):
            target.unlink(missing_ok=True)
            forget_file(self._database, target)
        else:
            atomic_write(target, merged)


def _digikam_note(photo: Path, told: Mapping[Path, str | None]) -> list[Problem]:
    """Return what is to be said of the one file that digiKam reads; see `xmp_check`."""
    full_name = full_name_sidecar(photo)
    if os.path.lexists(full_name) and full_name not in told:
        return []
    file = next((place for place in (full_name, photo, *told) if place in told), photo)
    reason = told.get(file)
    return [] if reason is None else [Problem(path=file, reason=reason)]


def _ours(properties: XmpProperties) -> dict[XmpProperty, str]:
    return {item: text for item, text in properties.items() if item.is_ours}


def _weighed(
    record: PhotoRecord,
    policy: XmpPolicy,
    theirs: Mapping[XmpProperty, str],
    known: XmpAncestor,
    changed_at: float,
) -> Outcome:
    """Merge three ways; a photo that is undecided again gets its old values back."""
    ours = OurSide(
        decision=record.effective,
        decided_at=record.decided_at or 0.0,
        overwrite=policy.overwrite,
        labels=policy.labels,
    )
    file = FileSide(
        theirs=theirs, agreed=known.agreed, writing=known.writing, changed_at=changed_at
    )
    if record.decision is not None:
        return reconcile(file, ours)
    sides = [side for side in (known.agreed, known.writing) if side is not None]
    unchanged = _ours(theirs) in [_ours(side) for side in sides]
    changes: dict[XmpProperty, str | None] = {}
    if known.original is not None and unchanged:
        original = known.original
        changes = {
            item: original.get(item) for item in OURS if original.get(item) != theirs.get(item)
        }
    note = () if unchanged or known.original is None else ("was changed elsewhere and was kept",)
    return Outcome(
        rating=Verdict.WRITE if changes else Verdict.SAME,
        label=Verdict.SAME,
        changes=changes,
        adopt=DecisionChange.to_become(UNDECIDED),
        notes=note,
    )
