"""What the journal keeps of an action: values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class ActionKind(StrEnum):
    """What an action does."""

    DECIDE = "decide"
    """Stars, flags or labels were set here."""
    ADOPT = "adopt"
    """Ratings that another program wrote were taken over."""
    MOVE = "move"
    COPY = "copy"
    TRASH = "trash"
    LEND = "lend"
    """Of one file in a move: a sidecar that the other half of a pair keeps is copied along."""
    MERGE = "merge"
    """Of one sidecar in a move: the same lies at its target already, and that is the one left."""
    PRESENT = "present"
    """Of one sidecar that would be copied: the same lies at its target already."""

    @property
    def touches_files(self) -> bool:
        """Whether files change their place."""
        return self in (ActionKind.MOVE, ActionKind.COPY, ActionKind.TRASH)

    @property
    def keeps_source(self) -> bool:
        """Whether a file stays where it is and gets a copy."""
        return self in (ActionKind.COPY, ActionKind.LEND, ActionKind.PRESENT)

    @property
    def finds_target(self) -> bool:
        """Whether what is to be at the target is there already, and is left as it is."""
        return self in (ActionKind.MERGE, ActionKind.PRESENT)

    @property
    def where_found(self) -> ActionKind:
        """What becomes of a file for which this was meant, when the same is at its target."""
        return ActionKind.PRESENT if self.keeps_source else ActionKind.MERGE


class ActionState(StrEnum):
    """Where an action stands. Recovery looks for `running` and `undoing`."""

    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    DISCARDED = "discarded"
    """Undone, and something else was done since: no longer redoable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One entry of the journal."""

    action_id: int
    kind: ActionKind
    state: ActionState
    title: str
    """One line for the person: "4 stars", "move 12 rejected photos to _rejected"."""
    created_at: float
    """Seconds since the epoch."""
    xmp_policy: str | None = None
    """JSON of the XMP policy its decisions are written by; None = not written to XMP."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One file that an operation did not do as asked, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Transferred:
    """One file that has a new place."""

    source: Path
    target: Path | None
    """None = in a trash that does not say where it put the file."""
    is_lent: bool = False
    """Whether it was copied along in a move, and stays where it is too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationReport:
    """What became of a file operation, of its undo or of its recovery."""

    action: Action | None
    """None if nothing was changed."""
    transferred: tuple[Transferred, ...] = ()
    problems: tuple[Problem, ...] = ()
    left: tuple[Path, ...] = ()
    """Photos that were not begun, because it was cancelled or stopped."""

    @property
    def file_count(self) -> int:
        """How many files went; one that was only copied along in a move is none of them."""
        return sum(not one.is_lent for one in self.transferred)


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryStep:
    """The outcome of one undo or redo."""

    action: Action
    """The action, in the state it has now."""
    paths: tuple[Path, ...]
    """Photos whose decision or place changed, at the place they have now."""
    transferred: tuple[Transferred, ...] = ()
    problems: tuple[Problem, ...] = ()
    """What could not be undone or redone; the action stays where it was for those."""
