"""What the window asks of its decisions and files, and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from qpt_app.decisions.decision import Decision
from qpt_app.decisions.file_plan import FilePlan
from qpt_app.decisions.pair_choice import PairChoice
from qpt_app.decisions.photo_unit import find_units
from qpt_app.decisions.session import DecisionSession

Pair = tuple[Path, Path | None]
"""A photo and its RAW companion."""


class FileTask(StrEnum):
    """What can be done with files."""

    TRASH = "trash"
    REJECTED = "rejected"
    COPY = "copy"
    MOVE = "move"


@dataclass(frozen=True, slots=True, eq=False)
class PlanRequest:
    """What is to be listed. Each request is one of its own: its answer belongs to it alone."""

    task: FileTask
    pairs: Sequence[Pair]
    folder: Path
    """The opened folder, which the photos lie in."""
    target: Path
    """Where they go, for COPY and MOVE."""
    choice: PairChoice = PairChoice.BOTH
    """What is to go of RAW+JPEG pairs."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """What an undo or redo did."""

    is_undo: bool
    title: str
    """The action's one line, in the user's language."""
    touched_files: bool
    paths: Sequence[Path]
    """The files concerned, at the place they have now."""
    decisions: dict[bytes, Decision]
    """What holds now of these files and of those that differ only in the ending; see
    `decision_among`."""
    problems: tuple[str, ...] = ()


def make_plan(session: DecisionSession, request: PlanRequest) -> FilePlan:
    """Make the list; the session looks which sidecars there are now."""
    units, folder, choice = find_units(request.pairs), request.folder, request.choice
    if request.task is FileTask.TRASH:
        return session.plan_trash(units, [folder], choice)
    if request.task is FileTask.REJECTED:
        return session.plan_move_rejects(units, folder, choice)
    is_copy = request.task is FileTask.COPY
    return session.plan_transfer(units, [folder], request.target, choice, copy=is_copy)
