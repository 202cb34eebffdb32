"""One run of `qpt score`: scan, score, filter, write, and the exit code."""

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qpt_app.cli import wiring
from qpt_app.cli.console import Console, is_terminal, wants_color
from qpt_app.cli.interrupts import Interrupts
from qpt_app.cli.options import RowFormat
from qpt_app.cli.output import ReaderGone, Sink, check_output, open_sink
from qpt_app.cli.table import table_lines
from qpt_app.core.status import PhotoStatus
from qpt_app.errors import UsageError
from qpt_app.photos import export, ranking
from qpt_app.photos.app_settings import AppSettings
from qpt_app.photos.results import PhotoResult
from qpt_app.photos.scan import ScanOptions

DRIVE_LOST_AFTER = 20
"""Photos that vanish in a row before the drive counts as gone. Our choice."""

OK, NOTHING_SCORED, UNREADABLE_FILES, BELOW_THRESHOLD, INTERRUPTED = 0, 1, 3, 4, 130
"""Exit codes of `qpt score`; docs/cli.md explains them. 2, wrong usage, comes from the errors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreRequest:
    """What one run is asked to do."""

    paths: tuple[Path, ...]
    scan: ScanOptions
    settings: AppSettings
    sort: bool = False
    """Best first; otherwise by path."""
    top: int | None = None
    """Keep only the best so many."""
    min_score: float | None = None
    """Keep only photos of this score or more."""
    fail_under: float | None = None
    """Exit code 4 if any scored photo is below this."""
    format: RowFormat = RowFormat.JSONL
    raw: bool = False
    """Leave CSV cells as they are, also those that a spreadsheet would run."""
    output: Path | None = None
    """None for standard output."""
    color: bool = True
    """False switches colours off whatever the environment says."""

    @property
    def streams(self) -> bool:
        """Whether rows are written as they come; such rows have neither percentile nor rank."""
        return self.format is RowFormat.JSONL and not self.sort and self.top is None

    @property
    def filters(self) -> bool:
        """Whether rows may be left out; unscored files are then named on stderr."""
        return self.top is not None or self.min_score is not None


@dataclass(kw_only=True, slots=True)
class Tally:
    """What became of the photos of a run."""

    fail_under: float | None
    statuses: Counter[str] = field(default_factory=Counter)
    scored: int = 0
    cached: int = 0
    below: int = 0
    vanished_in_a_row: int = 0
    drive_lost: bool = False
    """Whether so many photos vanished one after the other that their drive must be gone."""

    def add(self, result: PhotoResult) -> None:
        """Count one result."""
        self.statuses[result.status.value] += 1
        vanished = result.status is PhotoStatus.VANISHED
        self.vanished_in_a_row = self.vanished_in_a_row + 1 if vanished else 0
        self.drive_lost |= self.vanished_in_a_row >= DRIVE_LOST_AFTER
        self.cached += result.cached
        if result.score is not None:
            self.scored += 1
            self.below += self.fail_under is not None and result.score < self.fail_under

    @property
    def total(self) -> int:
        """Photos so far."""
        return sum(self.statuses.values())

    def summary(self, seconds: float) -> str:
        """Say in one line how the run went."""
        rate = f"{self.total / seconds:.1f}/s" if seconds > 0 else ""
        parts = [f"{self.scored} of {self.total} photos scored in {seconds:.1f} s ({rate})"]
        if self.cached:
            parts.append(f"{self.cached} from the cache")
        odd = [f"{count} {name}" for name, count in sorted(self.statuses.items()) if name != "ok"]
        if self.below:
            odd.append(f"{self.below} below {self.fail_under:g}")
        return ", ".join([*parts, *odd])

    @property
    def exit_code(self) -> int:
        """The code of a run that went to its end: 1, else 4, else 3, else 0."""
        if self.drive_lost or not self.scored:
            return NOTHING_SCORED
        if self.below:
            return BELOW_THRESHOLD
        return UNREADABLE_FILES if self.scored < self.total else OK


def default_format(output: Path | None) -> RowFormat:
    """Return the format where none is named: by the file's ending, a table only on a terminal."""
    if output is None:
        return RowFormat.TABLE if is_terminal(sys.stdout) else RowFormat.JSONL
    by_ending = {".csv": RowFormat.CSV, ".json": RowFormat.JSON}
    return by_ending.get(output.suffix.lower(), RowFormat.JSONL)


def run_score(request: ScoreRequest, console: Console) -> int:
    """Score the photos of a request, write the rows, and return the exit code.

    An interrupt ends the scoring; what is finished is still written, and the code is 130.

    Raises:
        UsageError: if raw cells are asked for in another format than CSV.
        QptError: for what stops a run, such as a missing path or a broken model.
    """
    if request.raw and request.format is not RowFormat.CSV:
        raise UsageError(f"--raw is for CSV; the format is {request.format.value}")
    check_output(request.output, request.paths)
    started = time.monotonic()
    tally = Tally(fail_under=request.fail_under)
    write = _write_as_they_come if request.streams and request.output is None else _write_at_end
    interrupted = False
    with Interrupts(exit_code=INTERRUPTED) as interrupts:
        try:
            with wiring.open_scoring(request.settings, say=console.warn) as scoring:
                results = _counted(scoring, request, tally, console)
                interrupted = write(results, request, scoring.better, interrupts)
        except KeyboardInterrupt:
            interrupted = True
        except ReaderGone:
            console.detail("standard output was closed by its reader")
    _summarise(tally, request, console, time.monotonic() - started, interrupted)
    return INTERRUPTED if interrupted else tally.exit_code


def _counted(
    scoring: wiring.OpenScoring, request: ScoreRequest, tally: Tally, console: Console
) -> Iterator[PhotoResult]:
    """Yield the results as they are published, counting them and moving the bar."""
    files: Iterable[wiring.PhotoEntry] = wiring.list_photos(request.paths, request.scan)
    if console.shows_progress and not (request.streams and is_terminal(sys.stdout)):
        files = list(files)
        console.open_progress(len(files))
    try:
        for result in scoring.score(files):
            row = export.published(result)
            tally.add(row)
            console.advance()
            if row.score is None and request.filters:
                console.line(_failure(row))
            elif row.score is None or row.reason:
                console.detail(_failure(row))
            yield row
    finally:
        console.close_progress()


def _write_as_they_come(
    results: Iterator[PhotoResult],
    request: ScoreRequest,
    _better: ranking.Preference,
    interrupts: Interrupts,
) -> bool:
    """Write each row as soon as it is there; return whether the run was interrupted."""
    with open_sink(None) as sink:
        try:
            for row in results:
                if _kept(row, request.min_score):
                    with interrupts.held():
                        sink.write(export.jsonl_line(row))
        except KeyboardInterrupt:
            return True
    return False


def _write_at_end(
    results: Iterator[PhotoResult],
    request: ScoreRequest,
    better: ranking.Preference,
    interrupts: Interrupts,
) -> bool:
    """Gather the rows, then order, filter and write them; return whether it was interrupted."""
    rows: list[PhotoResult] = []
    interrupted = False
    try:
        for row in results:
            rows.append(row)
    except KeyboardInterrupt:
        interrupted = True
    if interrupted and not rows and request.output is not None:
        return True  # nothing new to say: an older file keeps what it says
    if not request.streams:
        rows = ranking.with_ranks(ranking.with_percentiles(rows), better)
    whole = contextlib.nullcontext() if request.output is None else interrupts.held()
    with whole, open_sink(request.output) as sink:
        _write(selected(rows, request), request, sink)
    return interrupted


def selected(rows: list[PhotoResult], request: ScoreRequest) -> list[PhotoResult]:
    """Return the rows that the request keeps, in its order."""
    rows = [row for row in rows if _kept(row, request.min_score)]
    if request.top is not None:
        rows = ranking.top(rows, request.top)
    return ranking.rank(rows) if request.sort else ranking.by_path(rows)


def _kept(row: PhotoResult, min_score: float | None) -> bool:
    return min_score is None or (row.score is not None and row.score >= min_score)


def _write(rows: list[PhotoResult], request: ScoreRequest, sink: Sink) -> None:
    """Write gathered rows in the request's format."""
    to_terminal = request.output is None and is_terminal(sys.stdout)
    if request.format is RowFormat.JSON:
        chunks: Iterable[bytes] = export.json_chunks(rows)
    elif request.format is RowFormat.CSV:
        chunks = export.csv_chunks(rows, for_terminal=to_terminal, raw=request.raw)
    elif request.format is RowFormat.JSONL:
        chunks = map(export.jsonl_line, rows)
    else:
        chunks = _table_chunks(rows, request)
    for chunk in chunks:
        sink.write(chunk)


def _table_chunks(rows: list[PhotoResult], request: ScoreRequest) -> Iterator[bytes]:
    """Yield the table in the encoding of standard output, or UTF-8 for a file."""
    if not rows:
        return
    to_file = request.output is not None
    encoding = "utf-8" if to_file else (sys.stdout.encoding or "utf-8")
    color = request.color and not to_file and wants_color(sys.stdout, os.environ)
    unicode = encoding.lower().replace("-", "").startswith("utf")
    for line in table_lines(rows, color=color, unicode=unicode):
        yield f"{line}\n".encode(encoding, errors="backslashreplace")


def _failure(row: PhotoResult) -> str:
    return f"{row.path}: {row.status.value}" + (f": {row.reason}" if row.reason else "")


def _summarise(
    tally: Tally, request: ScoreRequest, console: Console, seconds: float, interrupted: bool
) -> None:
    """Say on stderr how the run ended."""
    if interrupted:
        console.line(f"interrupted; {tally.total} photos were finished")
        return
    if not tally.total:
        hint = "" if request.scan.recursive else "; -r also looks in subfolders"
        console.line(f"no photos found{hint}")
        return
    console.note(tally.summary(seconds))
    if tally.drive_lost:
        console.warn(
            f"{DRIVE_LOST_AFTER} or more photos in a row have vanished: is their drive still "
            "there? Run it again; what was scored is in the cache"
        )
