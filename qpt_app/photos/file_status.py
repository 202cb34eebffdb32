"""One path -> its photo file, or the status and reason why it cannot be one. Opens nothing."""

import errno
import os
import stat as stat_module
from collections.abc import Callable
from pathlib import Path

from qpt_app.core.file_errors import status_of
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.results import PhotoFile, PhotoResult


def look_at(path: str, ask: Callable[[], os.stat_result] | None = None) -> PhotoFile | PhotoResult:
    """Stat a path, following links, and return its photo file or its failed row.

    Args:
        path: what to look at, in the spelling of `os.fspath(Path(...))`.
        ask: a cheaper way to its stat, such as that of a folder's listing; None for the path's.
    """
    try:
        stat = os.stat(path) if ask is None else ask()  # noqa: PTH116
    except OSError as error:
        if error.errno == errno.ENOENT and os.path.islink(path):  # noqa: PTH114
            return unreadable(path, "a link to nothing")
        return PhotoResult.failed(Path(path), *status_of(error))
    if not stat_module.S_ISREG(stat.st_mode):
        return unreadable(path, f"{_kind(stat.st_mode)}, not a photo")
    return PhotoFile.of(path, stat)


def unreadable(path: str, reason: str) -> PhotoResult:
    """Return the row of something that cannot be read as a photo."""
    return PhotoResult.failed(Path(path), PhotoStatus.UNREADABLE, reason)


def _kind(mode: int) -> str:
    """Name what a file mode says, for a reason."""
    kinds: list[tuple[Callable[[int], bool], str]] = [
        (stat_module.S_ISDIR, "a folder"),
        (stat_module.S_ISFIFO, "a FIFO"),
        (stat_module.S_ISSOCK, "a socket"),
        (stat_module.S_ISCHR, "a device"),
        (stat_module.S_ISBLK, "a device"),
    ]
    return next((name for test, name in kinds if test(mode)), "a special file")
