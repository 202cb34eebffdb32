"""Keeps decisions and moves files in one thread, in the order asked; the window never waits."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from qpt_app.decisions.action import OperationReport
from qpt_app.decisions.decision import UNDECIDED, Decision, DecisionChange
from qpt_app.decisions.file_plan import FilePlan
from qpt_app.decisions.photo_unit import PhotoUnit
from qpt_app.decisions.restore import begin_anew, restore_backup, restore_offer
from qpt_app.decisions.session import DecisionSession
from qpt_app.decisions.xmp_exchange import problems_of
from qpt_app.decisions.xmp_policy import XmpPolicy, XmpProfile
from qpt_app.errors import DecisionsError, NewerSchemaError, QptError
from qpt_app.gui.counts import and_more
from qpt_app.gui.desk_messages import Pair, PlanRequest, Stepped, make_plan
from qpt_app.gui.value_texts import action_text


class DecisionDesk(QObject):
    """The window's door to `DecisionSession`. Answers come as signals in the GUI thread."""

    kept = Signal(object)
    """Decisions are on the disk; carries what holds now, by path."""
    unkept = Signal(object)
    """Decisions could not be kept, `failed` says why; carries what holds, by path."""
    stepped = Signal(object)
    """A `Stepped`, or None where there was nothing to undo or redo."""
    looked_up = Signal(object)
    """What holds now, by path, of photos that `look_up` was asked about."""
    adopted = Signal(object)
    """Decisions by path that were taken over from elsewhere."""
    noticed = Signal(str)
    """One line about something that is not an error, such as a sidecar left alone."""
    earlier = Signal(object)
    """Photos, by path, whose decisions were made before they were to be written to XMP."""
    planned = Signal(object, object)
    """A `PlanRequest` and the frozen `FilePlan` to show before anything is done."""
    unplanned = Signal(object)
    """A `PlanRequest` that came to nothing; `failed` says why."""
    executed = Signal(object)
    """An `OperationReport`."""
    progressed = Signal(int, int)
    """Photos done and photos in all of a file operation."""
    recovered = Signal(list)
    """Reports of what a killed run left half-done; only if there are any."""
    damaged = Signal(str, object)
    """The database cannot be read: the reason, and a `RestoreOffer`."""
    restored = Signal()
    """The database was replaced: read the decisions again."""
    failed = Signal(str)
    """One line for the user; what was shown may not be what is kept: read it again."""

    def __init__(
        self,
        open_session: Callable[[], DecisionSession],
        data_folder: Path,
        parent: QObject | None = None,
    ) -> None:
        """Open the decisions in a thread; `data_folder` is where they are kept."""
        super().__init__(parent)
        self._open_session = open_session
        self._data_folder = data_folder
        self.damage: str | None = None
        """Why decisions cannot be read or kept, once that is known."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="qpt-decisions")
        self._profile: str | None = None
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="qpt-xmp")
        self._waiting = 0
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self._stop = threading.Event()
        self._look = 0
        self._closed = False
        self._session: Future[DecisionSession] = Future()

    def start(self) -> None:
        """Open the database; call it once, when the signals are connected."""
        self._executor.submit(self._settle, self._session)

    @property
    def is_idle(self) -> bool:
        """Whether everything asked for is done."""
        return self._waiting == 0 and self._session.done()

    def set_xmp_profile(self, profile: str | None) -> None:
        """Write decisions to XMP by this profile from now on; `off` and None write nothing.

        What an earlier run of the program left unwritten is written now.
        """
        if profile == self._profile:
            return
        self._profile = profile

        def work(session: DecisionSession) -> None:
            session.xmp_policy = _policy(profile)
            self._write_xmp(left_over=True)

        self._do(work)

    def write_earlier(self, photos: Sequence[Path]) -> None:
        """Write what was decided about photos before the present profile was chosen."""

        def write(session: DecisionSession) -> None:
            session.have_written(photos)
            self._write_pending(session, left_over=False)

        self._do(lambda _: self._do_beside(write))  # the profile may be on its way

    def look_for_earlier(self, *, besides: Sequence[Path] = ()) -> None:
        """Find photos decided about before the present profile was chosen: `earlier` has them."""

        def look(session: DecisionSession) -> None:
            if session.xmp_policy is None:
                return
            found = set(session.decided_here()) - set(besides)
            here = [
                one for one in sorted(found) if not self._stop.is_set() and os.path.lexists(one)
            ]
            if here and not self._stop.is_set():
                self._emit(self.earlier, here)

        self._do(lambda _: self._do_beside(look))

    # -- decisions -------------------------------------------------------------------------

    def decide(self, changes: Sequence[tuple[Pair, DecisionChange]], *, title: str) -> None:
        """Keep changes as one action that undo takes back as one.

        The answer is either `kept` or `unkept`.
        """
        units = [(PhotoUnit(path=path, companion=raw), change) for (path, raw), change in changes]
        photos = [unit for unit, _ in units]

        def work(session: DecisionSession) -> None:
            session.decide_each(units, title=title)
            self._emit(self.kept, session.decisions_of(photos))
            self._write_xmp()
            files = [file for unit in photos for file in unit.photos]
            self._do_beside(lambda later: self._remember(later, files, self._stop.is_set))

        self._do(work, otherwise=lambda: self._emit(self.unkept, self._decisions_of(photos)))

    def look_up(self, list_pairs: Callable[[], Sequence[Pair]]) -> None:
        """Find out what holds once all that was asked before is done; `looked_up` has it.

        `list_pairs` gives the photos; it is called in the thread.
        """
        if self.damage is not None:
            return

        def work(session: DecisionSession) -> None:
            self._emit(self.looked_up, session.decisions_of(_units(list_pairs())))

        self._do(work)

    def undo(self) -> None:
        """Take the newest action back."""
        self._do(lambda session: self._step(session, is_undo=True))

    def redo(self) -> None:
        """Do the action taken back last once more."""
        self._do(lambda session: self._step(session, is_undo=False))

    def take_over(self, list_pairs: Callable[[], Sequence[Pair]]) -> None:
        """Look for decisions made elsewhere: photos that were moved, ratings of other programs.

        `list_pairs` gives the photos; it is called in the thread. A newer call ends an older one.
        """
        self._look += 1
        mine = self._look

        def cancelled() -> bool:
            return self._stop.is_set() or self._look != mine

        def work(session: DecisionSession) -> None:
            units = _units(list_pairs())
            photos = [photo for unit in units for photo in unit.photos]
            changed = set(session.find_moved(photos, cancelled=cancelled))
            _, readings = session.read_xmp(units, cancelled=cancelled)
            changed |= {one.photo for one in readings if one.change is not None}
            if changed:
                taken = [unit for unit in units if not changed.isdisjoint(unit.photos)]
                self._emit(self.adopted, session.decisions_of(taken))
            self._remember(session, photos, cancelled)

        self._do_beside(work)

    def _remember(
        self, session: DecisionSession, photos: Sequence[Path], cancelled: Callable[[], bool]
    ) -> None:
        """Learn what decided photos contain, so that they are known again when they were moved."""
        session.remember_content(photos, cancelled=cancelled)

    def decisions_below(self, folder: Path) -> dict[bytes, Decision]:
        """Return the decisions about photos in a folder and below, by the bytes of their paths.

        For background threads: it waits for the database. An unusable one was reported already and
        counts as one without decisions.
        """
        try:
            return self._session.result().decisions_below(folder)
        except QptError:
            return {}

    def _decisions_of(self, photos: Sequence[PhotoUnit]) -> dict[Path, Decision]:
        """Return what holds; as long as that cannot be read, photos count as undecided."""
        try:
            return self._session.result().decisions_of(photos)
        except QptError:
            return dict.fromkeys((unit.path for unit in photos), UNDECIDED)

    # -- files -----------------------------------------------------------------------------

    def plan(self, request: PlanRequest) -> None:
        """List what a file operation would do; the answer is either `planned` or `unplanned`."""

        def work(session: DecisionSession) -> None:
            self._emit(self.planned, request, make_plan(session, request))

        self._do(work, otherwise=lambda: self._emit(self.unplanned, request))

    def execute(self, plan: FilePlan) -> None:
        """Do what the shown list says."""
        self._cancel.clear()

        def work(session: DecisionSession) -> None:
            report = session.execute(plan, progress=self._progress, cancelled=self._cancel.is_set)
            self._emit(self.executed, report)
            self._write_xmp()  # of what one half of a pair took over from the other

        self._do(work)

    def cancel_files(self) -> None:
        """Stop the running file operation after the photo at hand."""
        self._cancel.set()

    # -- life ------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish what was asked for, then close.

        Decisions are kept; a file operation stops after the photo at hand.
        """
        with self._lock:
            self._closed = True
        self._cancel.set()
        self._stop.set()
        self._beside.shutdown(wait=True, cancel_futures=True)
        self._executor.submit(self._close_session)
        self._executor.shutdown(wait=True)

    def offer_restore(self) -> None:
        """Find out what can be done about a damaged database; `damaged` carries the answer."""
        self._executor.submit(self._offer)

    def restore(self) -> None:
        """Put the newest sound backup in place, or begin anew where there is none."""
        with self._lock:
            if self._closed:
                return
        self._executor.submit(self._restore)

    def _offer(self) -> None:
        try:
            offer = restore_offer(self._data_folder, now=time.time())
        except QptError as error:
            self._emit(self.failed, str(error))
        else:
            self._emit(self.damaged, self.damage or "", offer)

    def _restore(self) -> None:
        try:
            now = time.time()
            if restore_offer(self._data_folder, now=now).backup is None:
                begin_anew(self._data_folder, now=now)
            else:
                restore_backup(self._data_folder, now=now)
        except QptError as error:
            self._emit(self.failed, str(error))
            return
        session: Future[DecisionSession] = Future()
        self._settle(session)
        self._session = session
        if session.exception() is None:
            self.damage = None
            session.result().xmp_policy = _policy(self._profile)
            self._write_xmp(left_over=True)
            self._emit(self.restored)

    def _settle(self, session: "Future[DecisionSession]") -> None:
        """Give a future the opened database, or why there is none."""
        try:
            session.set_result(self._open())
        except Exception as error:  # noqa: BLE001 (the thread's edge: whoever asks gets it)
            session.set_exception(error)

    def _open(self) -> DecisionSession:
        """Open the database and settle what a killed run left."""
        try:
            session = self._open_session()
            reports = session.recover()
        except QptError as error:
            self.damage = str(error)
            self._emit(self.failed, str(error))
            if isinstance(error, DecisionsError) and not isinstance(error, NewerSchemaError):
                self._offer()
            raise
        shown = [report for report in reports if _is_worth_telling(report)]
        if shown:
            self._emit(self.recovered, shown)
        return session

    def _do(
        self,
        work: Callable[[DecisionSession], None],
        *,
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Run something after all that was asked before; `otherwise` runs if it fails."""
        with self._lock:
            if self._closed:
                return
            self._waiting += 1
        self._executor.submit(self._guarded, work, otherwise)

    def _do_beside(self, work: Callable[[DecisionSession], None]) -> None:
        """Run something that reads or writes many files, beside the decisions."""
        with self._lock:
            if self._closed:
                return
            self._waiting += 1
        self._beside.submit(self._guarded, work)

    def _write_xmp(self, *, left_over: bool = False) -> None:
        """Have the decisions written that wait for it; `left_over` from an earlier run."""
        if self._profile in tuple(XmpProfile):
            self._do_beside(lambda session: self._write_pending(session, left_over=left_over))

    def _write_pending(self, session: DecisionSession, *, left_over: bool) -> None:
        outcomes = session.write_pending_xmp(cancelled=self._stop.is_set)
        if left_over:  # photos on a drive that is away wait on; that is no news at every start
            outcomes = [outcome for outcome in outcomes if os.path.lexists(outcome.photo)]
        problems = problems_of(outcomes)
        if problems:  # one line: a second one would take the first off the screen
            first = f"{problems[0].path.name}: {problems[0].reason}"
            self._emit(self.noticed, and_more(first, len(problems) - 1))

    def _guarded(
        self,
        work: Callable[[DecisionSession], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        try:
            work(self._session.result())
        except Exception as error:  # noqa: BLE001 (the thread's edge: the window shows it)
            if otherwise is not None:
                otherwise()
            self._emit(self.failed, str(error) or type(error).__name__)
        finally:
            with self._lock:
                self._waiting -= 1

    def _step(self, session: DecisionSession, *, is_undo: bool) -> None:
        step = session.undo() if is_undo else session.redo()
        if step is None:
            self._emit(self.stepped, None)
            return
        answer = Stepped(
            is_undo=is_undo,
            title=action_text(step.action),
            touched_files=step.action.kind.touches_files,
            paths=step.paths,
            decisions=session.decisions_beside(step.paths),
            problems=tuple(f"{problem.path.name}: {problem.reason}" for problem in step.problems),
        )
        self._emit(self.stepped, answer)
        self._write_xmp()

    def _progress(self, done: int, total: int) -> None:
        self._emit(self.progressed, done, total)

    def _close_session(self) -> None:
        with contextlib.suppress(QptError):
            self._session.result().close()

    def _emit(self, signal: Any, *values: object) -> None:
        """Emit from the thread, unless the window went away."""
        with contextlib.suppress(RuntimeError):
            signal.emit(*values)


def _units(pairs: Iterable[Pair]) -> list[PhotoUnit]:
    return [PhotoUnit(path=path, companion=raw) for path, raw in pairs]


def _policy(profile: str | None) -> XmpPolicy | None:
    """Return the policy of a profile's name; None for `off` and None."""
    wanted = profile is not None and profile in tuple(XmpProfile)
    return XmpPolicy(profile=XmpProfile(str(profile))) if wanted else None


def _is_worth_telling(report: OperationReport) -> bool:
    return bool(report.transferred or report.problems or report.left)
