"""One door to everything a person decides: ratings, undo and redo, file operations, recovery.

A program opens one `DecisionSession` on its data folder, calls `recover()` once, and closes it at
the end. All methods may be called from any thread. `decide`, `undo` and `redo` of decisions take a
few milliseconds; whatever touches files (`plan_*`, `execute`, `undo` and `redo` of file
operations) belongs in a background thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from qpt_app.decisions import decision_log, journal
from qpt_app.decisions.action import Action, HistoryStep, OperationReport
from qpt_app.decisions.decision import UNDECIDED, Decision, DecisionChange
from qpt_app.decisions.decisions_database import DecisionsDatabase
from qpt_app.decisions.exiftool import ExiftoolEmbedder, find_exiftool
from qpt_app.decisions.file_operations import FileOperations, Progress
from qpt_app.decisions.file_plan import (
    FilePlan,
    plan_rejects_folder,
    plan_transfer,
    plan_trash,
)
from qpt_app.decisions.file_transfer import content_hash
from qpt_app.decisions.moved_photos import follow_moved, remember_content
from qpt_app.decisions.pair_choice import PairChoice
from qpt_app.decisions.pair_decisions import decisions_of, shown_for
from qpt_app.decisions.photo_records import (
    decided_here,
    decisions_below,
    decisions_beside,
    find_records,
)
from qpt_app.decisions.photo_unit import PhotoUnit, find_units
from qpt_app.decisions.trash import SystemTrash, Trash
from qpt_app.decisions.xmp_exchange import RatingRequest, RatingResult, XmpExchange
from qpt_app.decisions.xmp_labels import LabelNames
from qpt_app.decisions.xmp_policy import XmpPolicy
from qpt_app.decisions.xmp_reader import XmpReading
from qpt_app.decisions.xmp_state import pending
from qpt_app.decisions.xmp_writer import Embedder, XmpOutcome

Clock = Callable[[], float]
"""Gives the present time in seconds since the epoch, as `time.time` does."""

Cancelled = Callable[[], bool]
"""Asked now and then whether to stop early."""


def never() -> bool:
    """Go on to the end."""
    return False


class DecisionSession:
    """The open decisions of one person."""

    def __init__(
        self, database: DecisionsDatabase, clock: Clock, trash: Trash, embedder: Embedder | None
    ) -> None:
        self._database = database
        self._clock = clock
        turn = threading.Lock()
        self._files = FileOperations(database, trash, turn)
        self._xmp = XmpExchange(database, clock, embedder, turn)
        self._untold: list[XmpOutcome] = []
        self.xmp_policy: XmpPolicy | None = None
        """How decisions are written to XMP from now on; None = not at all (the default)."""

    @classmethod
    def open(
        cls,
        data_folder: Path,
        clock: Clock,
        *,
        trash: Trash | None = None,
    ) -> DecisionSession:
        """Open the decisions kept in `data_folder`, making it if need be.

        Args:
            data_folder: where `decisions.sqlite` and its backups lie; not the cache folder.
            clock: gives the time of each decision.
            trash: where trashed photos go; the system's trash if None.

        Raises:
            NewerSchemaError: if a newer qpt wrote the database; nothing was changed.
            DecisionsError: if the database is damaged; nothing was changed. See
                `restore.restore_backup`.
            StorageError: if the folder cannot be written to.
        """
        database = DecisionsDatabase.open(data_folder, now=clock())
        exiftool = find_exiftool()
        return cls(
            database,
            clock,
            SystemTrash() if trash is None else trash,
            None if exiftool is None else ExiftoolEmbedder(exiftool),
        )

    # --- decisions -------------------------------------------------------------------------

    def decide(
        self, units: Iterable[PhotoUnit], change: DecisionChange, *, title: str | None = None
    ) -> Action | None:
        """Change the decision about some photos, RAW companions included, as one action.

        Returns:
            The action, kept on the disk already; None if nothing changes.

        Raises:
            StorageError: if it cannot be kept; then nothing has changed.
        """
        return self.decide_each([(unit, change) for unit in units], title=title)

    def decide_each(
        self, changes: Iterable[tuple[PhotoUnit, DecisionChange]], *, title: str | None = None
    ) -> Action | None:
        """Change each photo in its own way, as one action: keep this one, reject the rest."""
        asked = list(changes)
        with self._database.transaction():
            return decision_log.decide(
                self._database,
                [(photo, change) for unit, change in asked for photo in unit.photos],
                now=self._clock(),
                title=title,
                xmp_policy=self._policy_text(),
                shown=shown_for(self._database, [unit for unit, _ in asked]),
            )

    def decisions_for(self, paths: Iterable[Path]) -> dict[Path, Decision]:
        """Return the decision about each file, by the path as given; `UNDECIDED` if none.

        What holds for a RAW+JPEG pair is told by `decisions_of`.
        """
        asked = list(paths)
        known = find_records(self._database, asked)
        return {path: known[path].effective if path in known else UNDECIDED for path in asked}

    def decisions_of(self, units: Iterable[PhotoUnit]) -> dict[Path, Decision]:
        """Return the decision about each photo, by its path; of a pair, of whichever half has one.

        A decision about the rendered half comes first.
        """
        return decisions_of(self._database, units)

    def decisions_beside(self, paths: Iterable[Path]) -> dict[bytes, Decision]:
        """Return the decisions about files and about those that differ only in the ending.

        By the bytes of the absolute path. The other half of a pair is among them, for who knows
        the pairs.
        """
        return decisions_beside(self._database, paths)

    def decisions_below(self, folder: Path) -> dict[bytes, Decision]:
        """Return every decision in a folder and below, by the bytes of the absolute path."""
        return decisions_below(self._database, folder)

    def remember_content(
        self,
        paths: Iterable[Path],
        content_hash_of: Callable[[Path], str] = content_hash,
        *,
        cancelled: Cancelled = never,
    ) -> int:
        """Keep the content hash of decided photos that have none yet; return how many.

        It reads each file once, so call it in the background. It is what lets `find_moved` know
        a photo again that was moved outside of qpt.
        """
        return remember_content(self._database, paths, content_hash_of, cancelled)

    def find_moved(
        self,
        paths: Iterable[Path],
        content_hash_of: Callable[[Path], str] = content_hash,
        *,
        cancelled: Cancelled = never,
    ) -> dict[Path, Decision]:
        """Let decisions follow photos that were moved outside of qpt; return those it found.

        Only files of the same size as a decided photo that is gone from its place are read.
        """
        return follow_moved(self._database, paths, content_hash_of, cancelled)

    # --- history ---------------------------------------------------------------------------

    @property
    def next_undo(self) -> Action | None:
        """The action that `undo` would take back."""
        return journal.next_to_undo(self._database)

    @property
    def next_redo(self) -> Action | None:
        """The action that `redo` would do again."""
        return journal.next_to_redo(self._database)

    def history(self, limit: int = 100) -> list[Action]:
        """Return the newest actions, the newest first."""
        return journal.recent_actions(self._database, limit)

    def undo(self, *, progress: Progress | None = None) -> HistoryStep | None:
        """Take the newest action back, of an earlier run of the program too.

        Returns:
            What came of it, or None if there is nothing to undo.

        Raises:
            FileOperationError: if another file operation is running.
            StorageError: if it cannot be kept.
        """
        action = self.next_undo
        if action is None:
            return None
        now = self._clock()
        if action.kind.touches_files:
            self._untold += self._xmp.write_pending()  # what waits would change files meanwhile
            return self._files.undo(action, now=now, progress=progress)
        return decision_log.undo_decisions(
            self._database, action, now=now, xmp_policy=action.xmp_policy or self._policy_text()
        )

    def redo(self, *, progress: Progress | None = None) -> HistoryStep | None:
        """Do the last undone action again; see `undo`."""
        action = self.next_redo
        if action is None:
            return None
        now = self._clock()
        if action.kind.touches_files:
            self._untold += self._xmp.write_pending()
            return self._files.redo(action, now=now, progress=progress)
        return decision_log.redo_decisions(
            self._database, action, now=now, xmp_policy=action.xmp_policy or self._policy_text()
        )

    # --- XMP -------------------------------------------------------------------------------

    def read_xmp(
        self,
        units: Iterable[PhotoUnit],
        *,
        labels: LabelNames | None = None,
        embedded: bool = True,
        cancelled: Cancelled = never,
    ) -> tuple[Action | None, list[XmpReading]]:
        """Take over ratings that other programs wrote, as one action that can be undone.

        Call it in the background when a folder is opened. An undecided photo takes over what its
        newest packet says; a decided one only what was changed elsewhere after the decision.
        What differs and was not taken over is in the readings' notes.

        Args:
            units: the photos.
            labels: the label names in use; those of `xmp_policy`, or English ones, if None.
            embedded: whether to look into the photos as well as at their sidecars.
            cancelled: asked now and then; if so, nothing is taken over.

        Returns:
            The action (None if nothing was taken over) and one reading per photo file.
        """
        names = labels or (LabelNames() if self.xmp_policy is None else self.xmp_policy.labels)
        photos = [photo for unit in units for photo in unit.photos]
        return self._xmp.read(photos, names, embedded=embedded, cancelled=cancelled)

    @property
    def pending_xmp_count(self) -> int:
        """How many photos wait for their decision to be written to XMP."""
        return len(pending(self._database))

    def decided_here(self) -> list[Path]:
        """Return the photos that somebody decided about in qpt, wherever they lie."""
        return decided_here(self._database)

    def have_written(self, paths: Iterable[Path]) -> None:
        """Let decisions made earlier wait to be written by the present `xmp_policy`.

        For decisions made under no policy or another one. As with all that waits, a rating that
        somebody gave elsewhere and qpt never read is kept. Without a policy nothing happens.
        """
        if self.xmp_policy is not None:
            self._xmp.have_written(paths, self.xmp_policy)

    def write_pending_xmp(
        self, *, cancelled: Callable[[], bool] | None = None, retry: bool = False
    ) -> list[XmpOutcome]:
        """Write the decisions that wait into XMP, by the policy under which they were made.

        Call it in the background after decisions, undo, redo and `recover`. `plan_*` does it first,
        so that new sidecars are on the list; what came of it is told here the next time. What waits
        is kept over restarts. A photo that failed is tried again when it is decided
        again, in the next session, or with `retry`.

        Returns:
            One outcome per photo that was tried; its notes and problems are to be shown.
        """
        outcomes = self._xmp.write_pending(cancelled=cancelled, retry=retry)
        untold, self._untold = self._untold, []
        return [*untold, *outcomes]

    def write_ratings(
        self, requests: Iterable[RatingRequest], policy: XmpPolicy, *, dry_run: bool = False
    ) -> list[RatingResult]:
        """Decide about photos and write their XMP at once; undoable as one action.

        A part (stars, flag, label) that somebody decided already, here or in XMP, is replaced
        only if `policy.overwrite`; it is named in the result otherwise.

        Args:
            requests: the photos.
            policy: which files, and how.
            dry_run: find out what would be done and change nothing.
        """
        return self._xmp.write_ratings(requests, policy, dry_run=dry_run)

    def _policy_text(self) -> str | None:
        return None if self.xmp_policy is None else self.xmp_policy.to_json()

    # --- files -----------------------------------------------------------------------------

    def plan_move_rejects(
        self, units: Sequence[PhotoUnit], root: Path, choice: PairChoice = PairChoice.BOTH
    ) -> FilePlan:
        """List what moving `units` to `root`/_rejected would do; nothing is touched.

        `choice` says what goes of a RAW+JPEG pair, here and in the other lists.

        Raises:
            FileOperationError: if `root` is no folder or its `_rejected` is a link.
        """
        return plan_rejects_folder(self._with_new_sidecars(units), root, choice)

    def plan_transfer(
        self,
        units: Sequence[PhotoUnit],
        roots: Sequence[Path],
        destination: Path,
        choice: PairChoice = PairChoice.BOTH,
        *,
        copy: bool,
    ) -> FilePlan:
        """List what moving or copying `units` to the folder `destination` would do.

        Raises:
            FileOperationError: if a folder is none.
        """
        fresh = self._with_new_sidecars(units)
        return plan_transfer(fresh, roots, destination, choice, copy=copy)

    def plan_trash(
        self,
        units: Sequence[PhotoUnit],
        roots: Sequence[Path],
        choice: PairChoice = PairChoice.BOTH,
    ) -> FilePlan:
        """List what sending `units` to the trash would do.

        Raises:
            FileOperationError: if a root is no folder.
        """
        return plan_trash(self._with_new_sidecars(units), roots, choice)

    def _with_new_sidecars(self, units: Sequence[PhotoUnit]) -> list[PhotoUnit]:
        """Write what waits, then look again which sidecars the photos have."""
        outcomes = self._xmp.write_pending()
        if not outcomes:
            return list(units)
        self._untold += outcomes
        fresh = find_units([(unit.path, unit.companion) for unit in units])
        return [
            replace(new, sidecars=tuple(dict.fromkeys((*old.sidecars, *new.sidecars))))
            for old, new in zip(units, fresh, strict=True)
        ]

    def execute(
        self,
        plan: FilePlan,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> OperationReport:
        """Do exactly what `plan` lists, or less; journalled first, undoable as one action.

        Args:
            plan: the list that was shown.
            progress: called with photos done and photos in all.
            cancelled: asked before each photo; the rest then stays.

        Raises:
            TrashUnavailableError: if there is no trash; nothing was touched, and the message
                names the folder `_rejected` as the way out.
            FileOperationError: if another operation is running or the space does not suffice.
            StorageError: if the journal cannot be written.
        """
        return self._files.execute(
            plan,
            now=self._clock(),
            progress=progress,
            cancelled=cancelled,
            xmp_policy=self._policy_text(),
        )

    def recover(self) -> list[OperationReport]:
        """Settle what a killed program left half-done. Call it once, right after `open`.

        Returns:
            One report per interrupted operation, to be shown; usually none.
        """
        self._xmp.recover()
        return self._files.recover(now=self._clock())

    # --- closing ---------------------------------------------------------------------------

    def close(self) -> None:
        """Close the database; everything decided is on the disk already."""
        self._database.close()

    def __enter__(self) -> DecisionSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
