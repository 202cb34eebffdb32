"""Moves, copies and trashes photos by plan, takes that back, and recovers after a kill."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qpt_app.decisions import journal
from qpt_app.decisions.action import (
    Action,
    ActionKind,
    ActionState,
    HistoryStep,
    OperationReport,
    Problem,
    Transferred,
)
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.file_plan import FilePlan
from qpt_app.decisions.file_recovery import observed
from qpt_app.decisions.file_steps import (
    FileStep,
    StepState,
    add_steps,
    by_unit,
    drop_untouched,
    steps_of,
)
from qpt_app.decisions.file_transfer import facts_of
from qpt_app.decisions.operation_lock import operation_lock
from qpt_app.decisions.photo_unit import XMP_SUFFIX
from qpt_app.decisions.safe_paths import inside, make_folder
from qpt_app.decisions.trash import Trash
from qpt_app.decisions.unit_runner import UnitRunner
from qpt_app.errors import FileOperationError, QptError, TrashUnavailableError

Progress = Callable[[int, int], None]
"""Called with photos done and photos in all."""

UnitWork = Callable[[Sequence[FileStep]], list[FileStep]]


@dataclass(slots=True)
class _Tally:
    """What happened so far."""

    done: list[FileStep] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left: list[Path] = field(default_factory=list)
    no_trash: TrashUnavailableError | None = None


class FileOperations:
    """All file operations on one decisions database."""

    def __init__(self, database: DecisionsDatabase, trash: Trash, turn: threading.Lock) -> None:
        """Share `turn` with whoever writes sidecars: a photo is moved or written, never both."""
        self._turn = turn
        self._database = database
        self._folder = database.path.parent
        self._trash = trash
        self._runner = UnitRunner(database, trash)

    def execute(
        self,
        plan: FilePlan,
        *,
        now: float,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        xmp_policy: str | None = None,
    ) -> OperationReport:
        """Do what `plan` lists, photo by photo.

        A photo that changed since the plan was made, or cannot go, stays with all its files and
        is reported; the others go. Where a pair is parted and a half takes its decision over, that
        is to be written to XMP by `xmp_policy`.

        Raises:
            TrashUnavailableError: if there is no trash; nothing was touched.
            FileOperationError: if another operation runs, or there is too little space.
            StorageError: if the journal cannot be written.
        """
        with operation_lock(self._folder):
            if not plan.files:
                return OperationReport(action=None, problems=plan.refused)
            _check_space(plan)
            for interrupted in journal.interrupted_actions(self._database):
                self._settle(interrupted, now)  # ours alone: we hold the lock
            with self._database.transaction():
                action = journal.begin_action(
                    self._database, plan.kind, ActionState.RUNNING, plan.title, now, xmp_policy
                )
                add_steps(self._database, action.action_id, plan)

            def work(steps: Sequence[FileStep]) -> list[FileStep]:
                _check_unit(plan, steps)
                return self._runner.carry_out(steps, now=now)

            steps = steps_of(self._database, action.action_id)
            tally = self._run(by_unit(steps), work, progress, cancelled)
            closed = self._close(action)
        if tally.no_trash is not None and not tally.done:
            raise tally.no_trash
        return OperationReport(
            action=closed,
            transferred=_transferred(tally.done),
            problems=(*plan.refused, *tally.problems),
            left=tuple(tally.left),
        )

    def undo(self, action: Action, *, now: float, progress: Progress | None = None) -> HistoryStep:
        """Bring the files of an action back, the last photo first.

        What cannot come back stays where it is, is reported, and can be tried again.
        """
        with operation_lock(self._folder):
            with self._database.transaction():
                journal.set_state(self._database, action.action_id, ActionState.UNDOING)
            groups = by_unit(steps_of(self._database, action.action_id, [StepState.DONE]))
            tally = self._run(
                groups[::-1], lambda steps: self._runner.take_back(steps, now=now), progress, None
            )
            closed = self._close(action) or action
            tally.problems += self._runner.kept
            self._runner.kept.clear()
        back = tuple(
            Transferred(source=step.target, target=step.source)
            for step in tally.done
            if step.target is not None and step.kind is not ActionKind.PRESENT
        )
        return HistoryStep(
            action=closed,
            paths=_photos(tally.done, [step.source for step in tally.done]),
            transferred=back,
            problems=tuple(tally.problems),
        )

    def redo(self, action: Action, *, now: float, progress: Progress | None = None) -> HistoryStep:
        """Do the files of an undone action again."""
        with operation_lock(self._folder):
            with self._database.transaction():
                journal.set_state(self._database, action.action_id, ActionState.RUNNING)
            groups = by_unit(steps_of(self._database, action.action_id, [StepState.UNDONE]))
            tally = self._run(
                groups, lambda steps: self._runner.carry_out(steps, now=now), progress, None
            )
            closed = self._close(action) or action
        return HistoryStep(
            action=closed,
            paths=_photos(tally.done, [step.target or step.source for step in tally.done]),
            transferred=_transferred(tally.done),
            problems=tuple(tally.problems),
        )

    def recover(self, *, now: float) -> list[OperationReport]:
        """Settle what a stopped program left half-done; call it once at start.

        The photo that was under way is finished, with all its files, or brought back; photos
        that were not begun stay where they are. Afterwards every file exists exactly once.

        Returns:
            One report for each interrupted operation; empty while another program is busy.
        """
        if not journal.interrupted_actions(self._database):
            return []
        try:
            with operation_lock(self._folder):
                interrupted = journal.interrupted_actions(self._database)
                return [self._settle(action, now) for action in interrupted]
        except FileOperationError:
            return []

    def _run(
        self,
        groups: Sequence[Sequence[FileStep]],
        work: UnitWork,
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
    ) -> _Tally:
        tally = _Tally()
        for number, steps in enumerate(groups):
            if tally.no_trash is not None or (cancelled is not None and cancelled()):
                tally.left += [group[0].source for group in groups[number:]]
                break
            try:
                with self._turn:
                    tally.done += work(steps)
            except TrashUnavailableError as error:
                tally.no_trash = error
                tally.problems.append(Problem(path=steps[0].source, reason=str(error)))
            except FileOperationError as error:
                tally.problems.append(Problem(path=steps[0].source, reason=str(error)))
            if progress is not None:
                progress(number + 1, len(groups))
        return tally

    def _close(self, action: Action) -> Action | None:
        """Set the state that the steps add up to; forget an action that moved nothing."""
        steps = steps_of(self._database, action.action_id)
        states = {step.state for step in steps}
        with self._database.transaction():
            if states & {StepState.STARTED, StepState.UNDO_STARTED}:
                return action  # its own undoing failed; recovery looks at the disk
            drop_untouched(self._database, action.action_id)
            if StepState.DONE in states:
                state = ActionState.DONE
            elif StepState.UNDONE in states:
                state = ActionState.UNDONE
            else:
                journal.delete_action(self._database, action.action_id)
                return None
            journal.set_state(self._database, action.action_id, state)
        return replace(action, state=state)

    def _settle(self, action: Action, now: float) -> OperationReport:
        problems: list[Problem] = []
        finished: list[FileStep] = []
        steps = steps_of(self._database, action.action_id)
        untouched = [step for step in steps if step.state is StepState.PLANNED]
        for unit in by_unit(steps):
            under_way = [
                step for step in unit if step.state in (StepState.STARTED, StepState.UNDO_STARTED)
            ]
            if under_way:
                try:
                    finished += self._settle_unit(under_way, now)
                except (QptError, OSError) as error:
                    problems.append(Problem(path=unit[0].source, reason=str(error)))
        return OperationReport(
            action=self._close(action),
            transferred=_transferred(finished),
            problems=tuple(problems),
            left=tuple(dict.fromkeys(step.source for step in untouched if _is_photo(step))),
        )

    def _settle_unit(self, steps: Sequence[FileStep], now: float) -> list[FileStep]:
        """Finish the photo that was under way if any of its files had gone, else leave it."""
        forward = steps[0].state is StepState.STARTED
        over = StepState.DONE if forward else StepState.UNDONE
        seen = [observed(step, self._trash) for step in steps]
        for step in seen:
            _report_lost(step)
        if not any(step.state is over for step in seen):
            self._runner.finish_untouched(seen)
            return []
        again = self._runner.do if forward else self._runner.undo
        settled = [
            step if step.state is over else replace(again(step), state=over) for step in seen
        ]
        self._runner.finish(settled, now=now)
        return settled


def _check_unit(plan: FilePlan, steps: Sequence[FileStep]) -> None:
    """Refuse a photo that is not what the list showed, or whose way leads over a link."""
    for step in steps:
        inside(step.source, plan.roots)
        facts = facts_of(step.source)
        is_same = (facts.size, facts.mtime_ns) == (step.facts.size, step.facts.mtime_ns)
        if not is_same and step.source.suffix.lower() != XMP_SUFFIX:
            raise FileOperationError(
                f"{step.source}: changed since the list was shown, so it stays"
            )
        if step.target is not None and plan.destination is not None:
            inside(step.target, [plan.destination])
            base = plan.destination if plan.destination.is_dir() else plan.destination.parent
            make_folder(step.target.parent, base)


def _check_space(plan: FilePlan) -> None:
    """Refuse at once what cannot fit, where files are copied."""
    if plan.destination is None:
        return
    base = next(path for path in (plan.destination, *plan.destination.parents) if path.is_dir())
    device = base.stat().st_dev
    needed = sum(
        file.facts.size
        for file in plan.files
        if not file.kind.finds_target and (file.kind.keeps_source or _device(file.source) != device)
    )
    free = shutil.disk_usage(base).free
    if needed > free:
        raise FileOperationError(
            f"{base}: {needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free"
        )


def _device(path: Path) -> int:
    try:
        return path.lstat().st_dev
    except OSError:
        return -1


def _report_lost(step: FileStep) -> None:
    """Say so when a file is in neither place; somebody else took it."""
    if step.state is StepState.PLANNED and not os.path.lexists(step.source):
        raise FileOperationError(f"{step.source} is neither there nor at {step.target}")


def _transferred(steps: Sequence[FileStep]) -> tuple[Transferred, ...]:
    return tuple(
        Transferred(source=step.source, target=step.target, is_lent=step.kind is ActionKind.LEND)
        for step in steps
        if step.kind is not ActionKind.PRESENT
    )


def _photos(steps: Sequence[FileStep], places: Sequence[Path]) -> tuple[Path, ...]:
    """Return the places of the photos among steps, each with the other half that stayed."""
    found = zip(steps, places, strict=True)
    groups = [(place, step.stays) for step, place in found if _is_photo(step)]
    return tuple(path for group in groups for path in group if path is not None)


def _is_photo(step: FileStep) -> bool:
    return step.source.suffix.lower() != XMP_SUFFIX
