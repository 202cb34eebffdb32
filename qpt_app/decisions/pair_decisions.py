"""The decision about a RAW+JPEG pair, and about its halves when an operation parts them.

Deciding about a pair decides about both files. But one of them may have come later, or be rated by
another program alone. So a half without a decision has that of the other one (`own_or_others`): the
pair shows it, and when it is parted each half has it from then on. A half that was decided about
keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qpt_app.decisions import journal
from qpt_app.decisions.action import ActionKind
from qpt_app.decisions.decision import UNDECIDED, Decision, own_or_others
from qpt_app.decisions.decision_log import mark_for_xmp
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.file_steps import FileStep
from qpt_app.decisions.journal import RecordedChange
from qpt_app.decisions.photo_records import absolute, ensure_record, find_records
from qpt_app.decisions.photo_unit import PhotoUnit


def decisions_of(database: DecisionsDatabase, units: Iterable[PhotoUnit]) -> dict[Path, Decision]:
    """Return the decision about each photo, single or pair, by its path; `UNDECIDED` if none."""
    asked = list(units)
    known = find_records(database, [photo for unit in asked for photo in unit.photos])
    own = {path: record.effective for path, record in known.items()}
    return {
        unit.path: own_or_others(
            own.get(unit.path, UNDECIDED),
            UNDECIDED if unit.companion is None else own.get(unit.companion, UNDECIDED),
        )
        for unit in asked
    }


def shown_for(database: DecisionsDatabase, units: Iterable[PhotoUnit]) -> dict[Path, Decision]:
    """Return, for both files of each pair, the decision that is shown for the pair."""
    pairs = [unit for unit in units if unit.companion is not None]
    shown = decisions_of(database, pairs)
    return {photo: shown[pair.path] for pair in pairs for photo in pair.photos}


def share_decision(database: DecisionsDatabase, step: FileStep) -> None:
    """Let both halves have the decision, before the half of `step` is at its new place.

    Call it inside a transaction.
    """
    if step.stays is None:
        return
    known = find_records(database, [step.source, step.stays])
    decided = [record for record in known.values() if record.effective != UNDECIDED]
    if len(decided) != 1:
        return
    is_of_stays = decided[0].path == absolute(step.stays)
    if is_of_stays and step.kind is ActionKind.TRASH:
        return
    taker = ensure_record(database, step.source if is_of_stays else step.stays)
    change = RecordedChange(
        photo_id=taker.photo_id,
        before=taker.decision,
        before_at=taker.decided_at,
        after=decided[0].decision,
        after_at=decided[0].decided_at,
    )
    journal.record_changes(database, step.action_id, [change])
    _write_later(database, step, [taker.photo_id])


def take_decision_back(database: DecisionsDatabase, step: FileStep) -> None:
    """Let the halves have what they had before `share_decision`, when both are back.

    Call it inside a transaction.
    """
    if step.stays is None:
        return
    known = find_records(database, [step.source, step.stays])
    photo_ids = {record.photo_id for record in known.values()}
    _write_later(database, step, journal.revert_changes(database, step.action_id, photo_ids))


def decision_for_copy(database: DecisionsDatabase, step: FileStep) -> Decision | None:
    """Return the decision that a copy is to have; that of the pair for one of its halves."""
    if step.stays is not None:
        half = PhotoUnit(path=step.source, companion=step.stays)
        decision = decisions_of(database, [half])[step.source]
        return None if decision == UNDECIDED else decision
    known = find_records(database, [step.source])
    return next((record.decision for record in known.values()), None)


def _write_later(database: DecisionsDatabase, step: FileStep, photo_ids: list[int]) -> None:
    policy = journal.get_action(database, step.action_id).xmp_policy
    mark_for_xmp(database, photo_ids, policy)
