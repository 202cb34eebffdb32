"""What the command line says beside its data: notes, warnings and progress, all on stderr."""

import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from qpt_app.photos.safe_text import terminal_text

if TYPE_CHECKING:
    from tqdm import tqdm


def say(text: str) -> None:
    """Print one line to stderr, prefixed with the program's name; never fails."""
    with contextlib.suppress(OSError, ValueError):
        print(f"qpt: {terminal_text(text)}", file=sys.stderr, flush=True)  # noqa: T201


def wants_color(stream: IO[str], environment: Mapping[str, str]) -> bool:
    """Whether to colour text on a stream: NO_COLOR wins, then FORCE_COLOR, then the terminal."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and environment.get("TERM") != "dumb"


def wants_progress(stream: IO[str], environment: Mapping[str, str]) -> bool:
    """Whether a progress bar is welcome: only on a terminal that can move its cursor, not in CI."""
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return is_terminal(stream) and environment.get("TERM") != "dumb" and not in_ci


def is_terminal(stream: IO[str]) -> bool:
    """Whether a stream is a terminal; a closed stream is none."""
    try:
        return stream.isatty()
    except ValueError:
        return False


class Console:
    """Notes and progress of one command. A context manager, so that the bar is always closed."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self._bar: tqdm[Any] | None = None
        self._handler = _NoteHandler(self)

    def __enter__(self) -> Self:
        """Route the library's log to this console."""
        level = logging.INFO if self.verbose else logging.ERROR if self.quiet else logging.WARNING
        self._logger = logging.getLogger("qpt_app")
        self._old = (self._logger.level, self._logger.propagate)
        self._logger.setLevel(level)
        self._logger.propagate = False
        self._logger.addHandler(self._handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the bar and give the log back."""
        self.close_progress()
        self._logger.removeHandler(self._handler)
        self._logger.level, self._logger.propagate = self._old

    @property
    def shows_progress(self) -> bool:
        """Whether this command may show a progress bar."""
        return not self.quiet and wants_progress(sys.stderr, os.environ)

    def note(self, text: str) -> None:
        """Say something useful; nothing under -q."""
        if not self.quiet:
            self.line(text)

    def warn(self, text: str) -> None:
        """Say what went differently than asked; also under -q."""
        self.line(text)

    def detail(self, text: str) -> None:
        """Say something that only -v asks for."""
        if self.verbose:
            self.line(text)

    def line(self, text: str) -> None:
        """Print a line to stderr without spoiling the bar."""
        if self._bar is not None:
            self._bar.clear()
        say(text)
        if self._bar is not None:
            self._bar.refresh()

    def open_progress(self, total: int) -> None:
        """Start a bar with rate and time left."""
        import threading

        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no thread of its own
        tqdm.set_lock(threading.RLock())
        self._bar = tqdm(
            total=total, unit=" photos", file=sys.stderr, dynamic_ncols=True, leave=False
        )

    def advance(self) -> None:
        """One photo is done."""
        if self._bar is not None:
            self._bar.update()

    def close_progress(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _NoteHandler(logging.Handler):
    """Prints log records as notes."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record's message as one line."""
        self._console.line(record.getMessage())
