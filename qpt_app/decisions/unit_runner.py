"""Does, or takes back, the file steps of one photo: all of them or none, journalled first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qpt_app.core.atomic_write import sync_folder
from qpt_app.decisions.action import ActionKind, Problem
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.file_plan import Goal, require_other_half, unit_goals
from qpt_app.decisions.file_steps import FileStep, StepState, save_step
from qpt_app.decisions.file_transfer import (
    content_hash,
    copy_file,
    facts_of,
    is_double,
    move_file,
    remove_copy,
    remove_double,
    remove_lent,
    restore_double,
)
from qpt_app.decisions.free_names import FreeNames
from qpt_app.decisions.pair_decisions import (
    decision_for_copy,
    share_decision,
    take_decision_back,
)
from qpt_app.decisions.photo_records import ensure_record, move_record, set_decision
from qpt_app.decisions.trash import Trash, where_trash_is
from qpt_app.decisions.xmp_state import XmpAncestor, ancestor_of, copy_ancestor, forget_file
from qpt_app.errors import FileOperationError, QptError


@dataclass(frozen=True, slots=True)
class UnitRunner:
    """Runs the steps of one photo at a time."""

    database: DecisionsDatabase
    trash: Trash
    kept: list[Problem] = field(default_factory=list)
    """Lent sidecars that undo left where they are; whoever reports them clears the list."""

    def carry_out(self, steps: Sequence[FileStep], *, now: float) -> list[FileStep]:
        """Do the steps of one photo; their targets are given new suffixes if taken since.

        Raises:
            QptError: if a file cannot go; then all files of the photo are where they were.
        """
        before = steps[0].state
        started = [replace(step, state=StepState.STARTED) for step in self._retarget(steps)]
        self._save(started)
        done = self._all_or_none(started, self.do, self.undo, before)
        finished = [replace(step, state=StepState.DONE) for step in done]
        self.finish(finished, now=now)
        return finished

    def take_back(self, steps: Sequence[FileStep], *, now: float) -> list[FileStep]:
        """Undo the steps of one photo; they get a suffix if their old names are taken.

        Raises:
            QptError: if a file cannot come back; then all of them are where they were.
        """
        located = [self._resource(step) for step in self._located(steps)]
        started = [replace(step, state=StepState.UNDO_STARTED) for step in located]
        self._save(started)
        back = self._all_or_none(started[::-1], self.undo, self.do, StepState.DONE)[::-1]
        finished = [replace(step, state=StepState.UNDONE) for step in back]
        self.finish(finished, now=now)
        return finished

    def do(self, step: FileStep) -> FileStep:
        """Touch the disk for one step.

        Raises:
            QptError: if it cannot be done; the file is as it was.
        """
        if step.kind is ActionKind.TRASH:
            self.trash.send(step.source)
            return replace(step, target=self.trash.find(step.source, step.facts.inode))
        assert step.target is not None
        if step.kind is ActionKind.PRESENT:
            return step
        if step.kind is ActionKind.MERGE:
            if os.path.lexists(step.source):  # else undo had none to bring back
                remove_double(step.source, step.target)
            return step
        step.target.parent.mkdir(parents=True, exist_ok=True)
        if step.kind.keeps_source:
            if any(one.path == step.target for one in self.kept):  # undo left it, nothing to redo
                return step
            return replace(step, digest=copy_file(step.source, step.target))
        move_file(step.source, step.target)
        return step

    def undo(self, step: FileStep) -> FileStep:
        """Touch the disk to take one step back.

        Raises:
            QptError: if it cannot be done; the file is as it was.
        """
        if step.target is None:
            raise FileOperationError(f"{step.source} is in {where_trash_is()}; take it out there")
        if step.kind is ActionKind.COPY:
            remove_copy(step.target, step.source, step.digest or "")
            return step
        if step.kind is ActionKind.LEND:
            if not remove_lent(step.target, step.source, step.digest or ""):
                reason = f"{step.target}: was changed since it was copied along, so it stays there"
                self.kept.append(Problem(path=step.target, reason=reason))
            return step
        if step.kind is ActionKind.PRESENT:
            return step
        if step.kind is ActionKind.MERGE:
            self._split(step, step.target)
            return step
        step.source.parent.mkdir(parents=True, exist_ok=True)
        if step.kind is ActionKind.TRASH:
            self.trash.restore(step.target, step.source)
        else:
            move_file(step.target, step.source)
        return step

    def finish(self, steps: Sequence[FileStep], *, now: float) -> None:
        """Write down, as one change, that steps are done or undone; decisions follow the files."""
        places = [place for step in steps for place in (step.source, step.target) if place]
        for folder in dict.fromkeys(place.parent for place in places):
            sync_folder(folder)
        with self.database.transaction():
            for step in steps:
                save_step(self.database, step)
                if step.state is StepState.DONE and not step.kind.keeps_source:
                    share_decision(self.database, step)
                if step.kind is ActionKind.MOVE and step.target is not None:
                    way = (step.source, step.target)
                    old, new = way if step.state is StepState.DONE else way[::-1]
                    move_record(self.database, old, new)
                if step.kind is ActionKind.LEND and step.target is not None:
                    self._share_ancestor(step, step.target)
                if step.kind is ActionKind.MERGE and step.target is not None:
                    self._merge_ancestors(step, step.target)
                if step.kind is ActionKind.COPY and step.target is not None:
                    self._copy_decision(step, now)
                if step.state is StepState.UNDONE:
                    take_decision_back(self.database, step)

    def finish_untouched(self, steps: Sequence[FileStep]) -> None:
        """Write down that steps turned out not to have been begun."""
        self._save(steps)

    def _share_ancestor(self, step: FileStep, copy: Path) -> None:
        """Let what is known of a sidecar hold for its copy, so that qpt may write into it."""
        if step.state is StepState.DONE:
            copy_ancestor(self.database, step.source, copy)
        elif not os.path.lexists(copy):
            forget_file(self.database, copy)

    def _split(self, step: FileStep, double: Path) -> None:
        """Make a merged sidecar two again, so that each half of the pair has one where it is."""
        if os.path.lexists(step.source):  # the same, see `_resource`
            return
        if os.path.lexists(double):
            restore_double(step.source, double, step.facts, step.digest or "")
        else:
            reason = f"{double}: is gone, so {step.source.name} did not come back"
            self.kept.append(Problem(path=double, reason=reason))

    def _merge_ancestors(self, step: FileStep, double: Path) -> None:
        """Let what is known of a sidecar go with it; what is known of its double stays."""
        if step.state is StepState.DONE:
            if ancestor_of(self.database, double) == XmpAncestor():
                copy_ancestor(self.database, step.source, double)
            forget_file(self.database, step.source)
        elif os.path.lexists(step.source):
            copy_ancestor(self.database, double, step.source)

    def _copy_decision(self, step: FileStep, now: float) -> None:
        """Let a copy have the decision of its photo, and a copy taken back have none."""
        assert step.target is not None
        known = decision_for_copy(self.database, step)
        if known is None:
            return
        copy = ensure_record(self.database, step.target)
        decision = known if step.state is StepState.DONE else None
        set_decision(self.database, copy.photo_id, decision, now)

    def _all_or_none(
        self,
        steps: Sequence[FileStep],
        forward: Callable[[FileStep], FileStep],
        backward: Callable[[FileStep], FileStep],
        state_if_none: StepState,
    ) -> list[FileStep]:
        done: list[FileStep] = []
        try:
            for step in steps:
                done.append(forward(step))
        except (QptError, OSError) as error:
            for step in reversed(done):
                backward(step)
            self._save([replace(step, state=state_if_none) for step in steps])
            if isinstance(error, QptError):
                raise
            where = getattr(error, "filename2", None) or getattr(error, "filename", None)
            raise FileOperationError(f"{where}: {error.strerror or error}") from error
        return done

    def _retarget(self, steps: Sequence[FileStep]) -> list[FileStep]:
        """Check that every source is there; give all new names if one target is taken by now.

        What is found at a target is looked at anew: the same sidecar, another one, or none.
        """
        for step in steps:
            facts_of(step.source)
            require_other_half(step.stays)
        targets = [step.target for step in steps if step.target is not None]
        if steps[0].kind is ActionKind.TRASH:
            return list(steps)
        meant = [replace(step, kind=_meant(step, steps[0])) for step in steps]
        if not any(os.path.lexists(target) for target in targets):
            return meant
        goals = unit_goals([step.source for step in steps], targets[0].parent, FreeNames())
        return [_aimed(step, goals[step.source]) for step in meant]

    def _located(self, steps: Sequence[FileStep]) -> list[FileStep]:
        """Find again what the trash did not say at first where it put it."""
        if steps[0].kind is not ActionKind.TRASH:
            return list(steps)
        return [
            step
            if step.target is not None and os.path.lexists(step.target)
            else replace(step, target=self.trash.find(step.source, step.facts.inode))
            for step in steps
        ]

    def _resource(self, step: FileStep) -> FileStep:
        """Give the way back another name if something took the old one."""
        if step.kind.keeps_source or not os.path.lexists(step.source):
            return step
        if step.kind is ActionKind.MERGE and is_double(step.source, step.target or step.source):
            return step
        folder, stem = step.source.parent, step.source.name.split(".")[0]
        name = FreeNames().claim(folder, [step.source.name], stem)[0]
        return replace(step, source=Path(folder, name))

    def _save(self, steps: Sequence[FileStep]) -> None:
        with self.database.transaction():
            for step in steps:
                save_step(self.database, step)


def _meant(step: FileStep, photo: FileStep) -> ActionKind:
    """Return what is done with a file of a photo if there is nothing at its target."""
    if step.kind is ActionKind.MERGE:
        return ActionKind.MOVE
    if step.kind is ActionKind.PRESENT:
        return ActionKind.COPY if photo.kind is ActionKind.COPY else ActionKind.LEND
    return step.kind


def _aimed(step: FileStep, goal: Goal) -> FileStep:
    """Return a step with its goal; of a sidecar that is there, with what an undo is to restore."""
    if not goal.is_there:
        return replace(step, target=goal.target)
    try:
        digest = content_hash(step.source)
    except OSError as error:
        raise FileOperationError(f"{step.source}: {error.strerror or error}") from error
    kind, facts = step.kind.where_found, facts_of(step.source)
    return replace(step, target=goal.target, kind=kind, facts=facts, digest=digest)
