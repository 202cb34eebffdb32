"""Makes decisions, and takes them back: one journal entry and one transaction each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from qpt_app.decisions import journal
from qpt_app.decisions.action import Action, ActionKind, ActionState, HistoryStep
from qpt_app.decisions.decision import (
    KEEP,
    UNDECIDED,
    Decision,
    DecisionChange,
    Flag,
    Keep,
    own_or_others,
)
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.journal import RecordedChange
from qpt_app.decisions.photo_records import (
    ensure_record,
    find_records,
    record_by_id,
    set_decision,
)


def decide(
    database: DecisionsDatabase,
    changes: Iterable[tuple[Path, DecisionChange]],
    *,
    now: float,
    title: str | None = None,
    kind: ActionKind = ActionKind.DECIDE,
    xmp_policy: str | None = None,
    shown: Mapping[Path, Decision] | None = None,
) -> Action | None:
    """Change the decisions about photos as one action that is on the disk when this returns.

    Args:
        database: the open database.
        changes: each photo with what changes about it; the last one of a photo holds.
        now: the time of the decision, seconds since the epoch.
        title: one line for the history; made from the changes if None.
        kind: `decide`, or `adopt` for ratings of another program.
        xmp_policy: JSON of the policy by which it is to be written to XMP, None for not at all.
        shown: for halves of pairs, what is shown for the pair. A half that nobody decided about
            starts from that, so that a change of one part leaves the others as they are seen.

    Returns:
        The action, or None if nothing changes.

    Raises:
        StorageError: if it cannot be kept; then nothing has changed.
    """
    wanted = {path: change for path, change in changes if change != DecisionChange()}
    seen = shown or {}
    known = find_records(database, wanted)
    recorded: list[tuple[Path, DecisionChange, Decision]] = []
    for path, change in wanted.items():
        before = known[path].effective if path in known else UNDECIDED
        after = change.applied_to(own_or_others(before, seen.get(path, UNDECIDED)))
        if after != before:
            recorded.append((path, change, after))
    if not recorded:
        return None
    text = title or describe(recorded[0][1], len(recorded))
    with database.transaction():
        action = journal.begin_action(database, kind, ActionState.DONE, text, now, xmp_policy)
        rows = []
        for path, _, after in recorded:
            record = known.get(path) or ensure_record(database, path)
            rows.append(
                RecordedChange(
                    photo_id=record.photo_id,
                    before=record.decision,
                    before_at=record.decided_at,
                    after=after,
                    after_at=now,
                )
            )
        journal.record_changes(database, action.action_id, rows)
        mark_for_xmp(database, [row.photo_id for row in rows], xmp_policy)
    return action


def undo_decisions(
    database: DecisionsDatabase, action: Action, *, now: float, xmp_policy: str | None
) -> HistoryStep:
    """Put the decisions back that held before `action`."""
    return _turn(database, action, ActionState.UNDONE, now, xmp_policy)


def redo_decisions(
    database: DecisionsDatabase, action: Action, *, now: float, xmp_policy: str | None
) -> HistoryStep:
    """Make the decisions of an undone action again."""
    return _turn(database, action, ActionState.DONE, now, xmp_policy)


def mark_for_xmp(
    database: DecisionsDatabase, photo_ids: Sequence[int], xmp_policy: str | None
) -> None:
    """Note that photos are to be written to XMP. Inside a transaction."""
    if xmp_policy is None:
        return
    for photo_id in photo_ids:
        database.execute(
            "INSERT OR REPLACE INTO xmp_pending (photo_id, policy) VALUES (?, ?)",
            (photo_id, xmp_policy),
        )


def describe(change: DecisionChange, count: int) -> str:
    """Return one line such as "3 stars, red label: 12 photos"."""
    parts: list[str] = []
    if not isinstance(change.stars, Keep):
        stars = change.stars or 0
        parts.append("no stars" if not stars else "1 star" if stars == 1 else f"{stars} stars")
    if change.flag is not KEEP:
        parts.append("no flag" if change.flag is Flag.NONE else str(change.flag.value))
    if not isinstance(change.label, Keep):
        parts.append("no label" if change.label is None else f"{change.label.value} label")
    return f"{', '.join(parts)}: {'1 photo' if count == 1 else f'{count} photos'}"


def _turn(
    database: DecisionsDatabase,
    action: Action,
    state: ActionState,
    now: float,
    xmp_policy: str | None,
) -> HistoryStep:
    changes = journal.changes_of(database, action.action_id)
    with database.transaction():
        for change in changes:
            decision = change.before if state is ActionState.UNDONE else change.after
            set_decision(database, change.photo_id, decision, now)
        journal.set_state(database, action.action_id, state)
        mark_for_xmp(database, [change.photo_id for change in changes], xmp_policy)
    paths = tuple(record_by_id(database, change.photo_id).path for change in changes)
    return HistoryStep(action=replace(action, state=state), paths=paths)
