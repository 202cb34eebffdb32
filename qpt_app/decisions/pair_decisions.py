"""The decision about a RAW+JPEG pair when an operation parts it: each half has it from then on.

Deciding about a pair decides about both files. But one of them may have come later, or be rated by
another program alone. So a half without a decision takes over that of the other one; a half that
was decided about keeps its own. All functions are called inside a transaction.
"""

from __future__ import annotations

from qpt_app.decisions import journal
from qpt_app.decisions.action import ActionKind
from qpt_app.decisions.decision import UNDECIDED, Decision
from qpt_app.decisions.decision_log import mark_for_xmp
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.file_steps import FileStep
from qpt_app.decisions.journal import RecordedChange
from qpt_app.decisions.photo_records import absolute, ensure_record, find_records


def share_decision(database: DecisionsDatabase, step: FileStep) -> None:
    """Let both halves have the decision, before the half of `step` is at its new place."""
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
    """Let the halves have what they had before `share_decision`, when both are back."""
    if step.stays is None:
        return
    known = find_records(database, [step.source, step.stays])
    photo_ids = {record.photo_id for record in known.values()}
    _write_later(database, step, journal.revert_changes(database, step.action_id, photo_ids))


def decision_for_copy(database: DecisionsDatabase, step: FileStep) -> Decision | None:
    """Return the decision that a copy is to have; that of the pair for one of its halves."""
    known = find_records(database, [step.source])
    if step.stays is not None and (
        step.source not in known or known[step.source].effective == UNDECIDED
    ):
        known = find_records(database, [step.stays])
    return next((record.decision for record in known.values()), None)


def _write_later(database: DecisionsDatabase, step: FileStep, photo_ids: list[int]) -> None:
    policy = journal.get_action(database, step.action_id).xmp_policy
    mark_for_xmp(database, photo_ids, policy)
