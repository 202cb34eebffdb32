"""Finds out from the disk what became of a file step that was under way when qpt was stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from qpt_app.decisions.action import ActionKind
from qpt_app.decisions.file_steps import FileStep, StepState
from qpt_app.decisions.file_transfer import (
    content_hash,
    is_reservation,
    remove_temporaries,
    set_time_back,
)
from qpt_app.decisions.trash import Trash


def observed(step: FileStep, trash: Trash) -> FileStep:
    """Return a `started` or `undo_started` step in the state that the disk shows.

    Whatever a killed run left over is tidied: half copies, reserved names, and the source of a
    copy to another volume that is complete and identical.

    Returns:
        The step as `done` or `planned`, from `undo_started` as `undone` or `done`.
    """
    if step.state is StepState.STARTED:
        return _forward(step, trash)
    return _backward(step)


def _forward(step: FileStep, trash: Trash) -> FileStep:
    if step.kind is ActionKind.TRASH:
        if os.path.lexists(step.source):
            return replace(step, state=StepState.PLANNED)
        return replace(step, state=StepState.DONE, target=trash.find(step.source, step.facts.inode))
    assert step.target is not None
    if step.kind is ActionKind.PRESENT:
        return replace(step, state=StepState.PLANNED)
    if step.kind is ActionKind.MERGE:
        is_merged = not os.path.lexists(step.source) and os.path.lexists(step.target)
        return replace(step, state=StepState.DONE if is_merged else StepState.PLANNED)
    if step.kind.keeps_source:
        digest = _finished_copy(step.source, step.target)
        return replace(
            step, state=StepState.PLANNED if digest is None else StepState.DONE, digest=digest
        )
    has_moved = _moved(step.source, step.target)
    return replace(step, state=StepState.DONE if has_moved else StepState.PLANNED)


def _backward(step: FileStep) -> FileStep:
    if step.target is None or step.kind is ActionKind.PRESENT:
        return replace(step, state=StepState.DONE)
    if step.kind is ActionKind.MERGE:
        digest = _finished_copy(step.target, step.source)
        is_back = digest is not None
        set_time_back(step.source, step.facts, is_same=is_back and digest == step.digest)
    elif step.kind.keeps_source:
        is_back = not os.path.lexists(step.target)
    else:
        is_back = _moved(step.target, step.source)
    return replace(step, state=StepState.UNDONE if is_back else StepState.DONE)


def _moved(source: Path, target: Path) -> bool:
    """Whether a file got from `source` to `target`; of two complete ones the source is removed."""
    remove_temporaries(target)
    if not os.path.lexists(source):
        return os.path.lexists(target)
    if not os.path.lexists(target):
        return False
    if is_reservation(target, source.lstat().st_size):
        target.unlink()
        return False
    if not _identical(source, target):
        return False
    with contextlib.suppress(OSError):
        shutil.copystat(source, target)
    source.unlink()
    return True


def _finished_copy(source: Path, target: Path) -> str | None:
    """Return the hash of a complete copy, or None after removing what is not complete."""
    remove_temporaries(target)
    if not os.path.lexists(source) or not os.path.lexists(target):
        return None
    if is_reservation(target, source.lstat().st_size):
        target.unlink()
        return None
    return content_hash(target) if _identical(source, target) else None


def _identical(one: Path, other: Path) -> bool:
    if one.samefile(other) or one.lstat().st_size != other.lstat().st_size:
        return False
    return content_hash(one) == content_hash(other)
