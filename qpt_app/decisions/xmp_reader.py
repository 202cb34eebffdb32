"""Takes ratings that other programs wrote over into the database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from qpt_app.decisions.action import Problem
from qpt_app.decisions.decision import UNDECIDED, DecisionChange
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.photo_records import PhotoRecord
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_reconcile import FileSide, OurSide, Verdict, reconcile
from qpt_app.decisions.xmp_sources import XmpSource, newest, read_sources
from qpt_app.decisions.xmp_state import agree, ancestor_of
from qpt_app.decisions.xmp_values import decision_of


@dataclass(frozen=True, kw_only=True, slots=True)
class XmpReading:
    """What XMP says about one photo, weighed against what is known here."""

    photo: Path
    sources: tuple[XmpSource, ...]
    change: DecisionChange | None = None
    """What is to be taken over; None if nothing."""
    agreed: tuple[XmpSource, ...] = ()
    """The sources that file and database agree on once `change` is made."""
    notes: tuple[Problem, ...] = ()
    """What differs and was not taken over, and files that cannot be read."""


def weigh_photo(
    database: DecisionsDatabase,
    photo: Path,
    record: PhotoRecord | None,
    names: LabelNames,
    *,
    embedded: bool,
) -> XmpReading:
    """Read one photo's packets and decide what is taken over. Nothing is changed."""
    sources = read_sources(photo, embedded=embedded)
    usable = [source for source in sources if source.problem is None]
    if record is None or record.decision is None:
        reading = _first_reading(database, photo, usable, names)
    else:
        reading = _later_reading(database, photo, usable, record, names)
    problems = [
        Problem(path=source.file, reason=source.problem) for source in sources if source.problem
    ]
    return replace(reading, sources=tuple(sources), notes=(*problems, *reading.notes))


def note_agreement(database: DecisionsDatabase, reading: XmpReading) -> None:
    """Remember what was read, so that a later change by somebody else is seen."""
    for source in reading.agreed:
        known = ancestor_of(database, source.file)
        if known.agreed != source.properties or known.writing is not None:
            agree(database, source.file, source.properties)


def _first_reading(
    database: DecisionsDatabase, photo: Path, usable: list[XmpSource], names: LabelNames
) -> XmpReading:
    """An undecided photo takes over what the newest packet says, if that is news."""
    news = [
        source
        for source in usable
        if source.properties != ancestor_of(database, source.file).agreed
    ]
    best = newest(news)
    change: DecisionChange | None = None
    notes: list[Problem] = []
    if best is not None:
        decision = decision_of(best.properties, names)
        change = None if decision == UNDECIDED else DecisionChange.to_become(decision)
        notes = [
            Problem(path=other.file, reason=f"differs from {best.file.name}, which counts")
            for other in usable
            if other.says_something and decision_of(other.properties, names) != decision
        ]
    return XmpReading(
        photo=photo, sources=(), change=change, agreed=tuple(usable), notes=tuple(notes)
    )


def _later_reading(
    database: DecisionsDatabase,
    photo: Path,
    usable: list[XmpSource],
    record: PhotoRecord,
    names: LabelNames,
) -> XmpReading:
    """A decided photo takes over only what was changed elsewhere after the decision."""
    decision = record.effective
    change: DecisionChange | None = None
    agreed: list[XmpSource] = []
    notes: list[Problem] = []
    for source in sorted(usable, key=lambda source: source.changed_at):
        known = ancestor_of(database, source.file)
        file = FileSide(
            theirs=source.properties,
            agreed=known.agreed,
            writing=known.writing,
            changed_at=source.changed_at,
        )
        ours = OurSide(decision=decision, decided_at=record.decided_at or 0.0, labels=names)
        outcome = reconcile(file, ours)
        verdicts = (outcome.rating, outcome.label)
        if outcome.adopts:
            change = outcome.adopt
        if outcome.adopts or Verdict.KEPT in verdicts:
            notes += [Problem(path=source.file, reason=note) for note in outcome.notes]
        if set(verdicts) <= {Verdict.SAME, Verdict.THEIRS}:
            agreed.append(source)
    return XmpReading(
        photo=photo, sources=(), change=change, agreed=tuple(agreed), notes=tuple(notes)
    )
