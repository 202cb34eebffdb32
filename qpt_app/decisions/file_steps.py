"""The journal's part for files: one row per file, kept before the file is touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Final

from qpt_app.decisions.action import ActionKind
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.file_plan import FilePlan
from qpt_app.decisions.file_transfer import FileFacts
from qpt_app.decisions.photo_records import blob_path, path_blob

_COLUMNS: Final = (
    "action_id, step, unit, kind, state, source, target, size, mtime_ns, inode, digest, note"
)


class StepState(StrEnum):
    """Where one file stands."""

    PLANNED = "planned"
    """Not touched."""
    STARTED = "started"
    """May have been touched: recovery looks at the disk."""
    DONE = "done"
    UNDO_STARTED = "undo_started"
    """May be on its way back: recovery looks at the disk."""
    UNDONE = "undone"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStep:
    """One file of one action."""

    action_id: int
    step: int
    """Position within the action."""
    unit: int
    """Number of the photo it belongs to."""
    kind: ActionKind
    state: StepState
    source: Path
    """Where it was, and where an undo puts it."""
    target: Path | None
    """Where it goes; of a trashed file where the trash keeps it, None if it does not say."""
    facts: FileFacts
    digest: str | None
    """xxh3_128 of a copy that was made, or of what was at the target already."""
    stays: Path | None = None
    """Of one half of a pair: the other half, which is not part of the action. The column `note`
    keeps it, as the bytes of its path."""


def add_steps(database: DecisionsDatabase, action_id: int, plan: FilePlan) -> None:
    """Write the whole plan into the journal. Inside a transaction."""
    for number, file in enumerate(plan.files):
        database.execute(
            "INSERT INTO file_steps (action_id, step, unit, kind, state, source, target, size, "
            "mtime_ns, inode, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(action_id, number, file.unit, file.kind.value, StepState.PLANNED.value),
                path_blob(file.source),
                None if file.target is None else path_blob(file.target),
                *(file.facts.size, file.facts.mtime_ns, file.facts.inode),
                None if file.stays is None else path_blob(file.stays),
            ),
        )


def save_step(database: DecisionsDatabase, step: FileStep) -> None:
    """Write a step's present state. Inside a transaction."""
    database.execute(
        "UPDATE file_steps SET kind = ?, state = ?, source = ?, target = ?, size = ?, "
        "mtime_ns = ?, inode = ?, digest = ? WHERE action_id = ? AND step = ?",
        (
            *(step.kind.value, step.state.value),
            path_blob(step.source),
            None if step.target is None else path_blob(step.target),
            *(step.facts.size, step.facts.mtime_ns, step.facts.inode),
            *(step.digest, step.action_id, step.step),
        ),
    )


def drop_untouched(database: DecisionsDatabase, action_id: int) -> None:
    """Forget the files of an action that never moved. Inside a transaction."""
    database.execute(
        "DELETE FROM file_steps WHERE action_id = ? AND state = ?",
        (action_id, StepState.PLANNED.value),
    )


def steps_of(
    database: DecisionsDatabase, action_id: int, states: Iterable[StepState] = tuple(StepState)
) -> list[FileStep]:
    """Return the steps of an action that are in one of `states`, in order."""
    wanted = {state.value for state in states}
    query = f"SELECT {_COLUMNS} FROM file_steps WHERE action_id = ? ORDER BY unit, step"  # noqa: S608
    return [_step(row) for row in database.rows(query, (action_id,)) if row["state"] in wanted]


def by_unit(steps: Sequence[FileStep]) -> list[list[FileStep]]:
    """Return the steps photo by photo."""
    return [list(group) for _, group in groupby(steps, key=lambda step: step.unit)]


def _step(row: sqlite3.Row) -> FileStep:
    target = row["target"]
    return FileStep(
        action_id=row["action_id"],
        step=row["step"],
        unit=row["unit"],
        kind=ActionKind(row["kind"]),
        state=StepState(row["state"]),
        source=blob_path(row["source"]),
        target=None if target is None else blob_path(target),
        facts=FileFacts(size=row["size"], mtime_ns=row["mtime_ns"], inode=row["inode"]),
        digest=row["digest"],
        stays=None if row["note"] is None else blob_path(row["note"]),
    )
