"""The journal of actions: what was done, in order, to be undone and redone across restarts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

from qpt_app.decisions.action import Action, ActionKind, ActionState
from qpt_app.decisions.decision import Decision
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.photo_records import set_decision

_COLUMNS: Final = "action_id, kind, state, title, created_at, xmp_policy"
_CHANGES: Final = "photo_id, before, before_at, after, after_at"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedChange:
    """The decision about one photo before and after an action; None = undecided."""

    photo_id: int
    before: Decision | None
    before_at: float | None
    after: Decision | None
    after_at: float | None


def begin_action(
    database: DecisionsDatabase,
    kind: ActionKind,
    state: ActionState,
    title: str,
    now: float,
    xmp_policy: str | None = None,
) -> Action:
    """Add an action to the journal. Inside a transaction.

    What was undone before can no longer be redone after it.
    """
    discard_undone(database)
    action_id = database.execute(
        "INSERT INTO actions (kind, state, title, created_at, xmp_policy) VALUES (?, ?, ?, ?, ?)",
        (kind.value, state.value, title, now, xmp_policy),
    )
    return Action(
        action_id=action_id,
        kind=kind,
        state=state,
        title=title,
        created_at=now,
        xmp_policy=xmp_policy,
    )


def discard_undone(database: DecisionsDatabase) -> None:
    """Make everything that is undone no longer redoable. Inside a transaction."""
    database.execute(
        "UPDATE actions SET state = ? WHERE state = ?",
        (ActionState.DISCARDED.value, ActionState.UNDONE.value),
    )


def set_state(database: DecisionsDatabase, action_id: int, state: ActionState) -> None:
    """Set where an action stands. Inside a transaction."""
    database.execute("UPDATE actions SET state = ? WHERE action_id = ?", (state.value, action_id))


def delete_action(database: DecisionsDatabase, action_id: int) -> None:
    """Forget an action that changed nothing. Inside a transaction."""
    database.execute("DELETE FROM actions WHERE action_id = ?", (action_id,))


def get_action(database: DecisionsDatabase, action_id: int) -> Action:
    """Return one action, which must exist."""
    query = f"SELECT {_COLUMNS} FROM actions WHERE action_id = ?"  # noqa: S608 - constant
    row = database.row(query, (action_id,))
    assert row is not None, f"no action {action_id}"
    return _action(row)


def next_to_undo(database: DecisionsDatabase) -> Action | None:
    """Return the newest action that is done, or None."""
    query = f"SELECT {_COLUMNS} FROM actions WHERE state = ? ORDER BY action_id DESC LIMIT 1"  # noqa: S608
    row = database.row(query, (ActionState.DONE.value,))
    return None if row is None else _action(row)


def next_to_redo(database: DecisionsDatabase) -> Action | None:
    """Return the oldest action that is undone and can be redone, or None."""
    query = f"SELECT {_COLUMNS} FROM actions WHERE state = ? ORDER BY action_id LIMIT 1"  # noqa: S608
    row = database.row(query, (ActionState.UNDONE.value,))
    return None if row is None else _action(row)


def interrupted_actions(database: DecisionsDatabase) -> list[Action]:
    """Return the actions that a stopped program left half-done, oldest first."""
    query = f"SELECT {_COLUMNS} FROM actions WHERE state IN (?, ?) ORDER BY action_id"  # noqa: S608
    rows = database.rows(query, (ActionState.RUNNING.value, ActionState.UNDOING.value))
    return [_action(row) for row in rows]


def recent_actions(database: DecisionsDatabase, limit: int) -> list[Action]:
    """Return the newest actions, the newest first, for a list of the history."""
    query = f"SELECT {_COLUMNS} FROM actions ORDER BY action_id DESC LIMIT ?"  # noqa: S608
    return [_action(row) for row in database.rows(query, (limit,))]


def record_changes(
    database: DecisionsDatabase, action_id: int, changes: Sequence[RecordedChange]
) -> None:
    """Keep what an action changes, and make the changes. Inside a transaction."""
    for change in changes:
        database.execute(
            "INSERT INTO decision_changes "
            "(action_id, photo_id, before, before_at, after, after_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                action_id,
                change.photo_id,
                None if change.before is None else change.before.to_json(),
                change.before_at,
                None if change.after is None else change.after.to_json(),
                change.after_at,
            ),
        )
        set_decision(database, change.photo_id, change.after, change.after_at)


def changes_of(database: DecisionsDatabase, action_id: int) -> list[RecordedChange]:
    """Return what an action changed."""
    query = f"SELECT {_CHANGES} FROM decision_changes WHERE action_id = ? ORDER BY photo_id"  # noqa: S608
    return [_change(row) for row in database.rows(query, (action_id,))]


def revert_changes(database: DecisionsDatabase, action_id: int, photo_ids: Set[int]) -> list[int]:
    """Put back what an action changed about some photos, and forget it. Inside a transaction.

    Returns:
        Those of the photos that it had changed.
    """
    query = f"SELECT {_CHANGES} FROM decision_changes WHERE action_id = ? AND photo_id = ?"  # noqa: S608
    rows = [database.row(query, (action_id, photo_id)) for photo_id in sorted(photo_ids)]
    reverted = [_change(row) for row in rows if row is not None]
    for change in reverted:
        set_decision(database, change.photo_id, change.before, change.before_at)
        database.execute(
            "DELETE FROM decision_changes WHERE action_id = ? AND photo_id = ?",
            (action_id, change.photo_id),
        )
    return [change.photo_id for change in reverted]


def _decision(text: str | None) -> Decision | None:
    return None if text is None else Decision.from_json(text)


def _change(row: sqlite3.Row) -> RecordedChange:
    return RecordedChange(
        photo_id=row["photo_id"],
        before=_decision(row["before"]),
        before_at=row["before_at"],
        after=_decision(row["after"]),
        after_at=row["after_at"],
    )


def _action(row: sqlite3.Row) -> Action:
    return Action(
        action_id=row["action_id"],
        kind=ActionKind(row["kind"]),
        state=ActionState(row["state"]),
        title=row["title"],
        created_at=row["created_at"],
        xmp_policy=row["xmp_policy"],
    )
