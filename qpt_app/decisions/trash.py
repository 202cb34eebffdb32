"""The system's trash: putting a file in, finding it there, taking it out again."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote_to_bytes

from qpt_app.decisions.file_transfer import move_file
from qpt_app.decisions.photo_records import absolute
from qpt_app.errors import FileOperationError, TrashUnavailableError

_INFO_SUFFIX: Final = ".trashinfo"

_MAX_INFO: Final = 64 * 1024
"""Bytes of a .trashinfo file that are read; they have about 100."""


class Trash(Protocol):
    """Where deleted photos go."""

    def send(self, path: Path) -> None:
        """Put one file into the trash, or raise `TrashUnavailableError` and leave it."""

    def find(self, path: Path, inode: int) -> Path | None:
        """Return where the trash keeps the file that lay at `path`, or None."""

    def restore(self, trashed: Path, target: Path) -> None:
        """Take a file out again; raise `FileExistsError` if `target` exists."""


class SystemTrash:
    """The trash of the desktop, through Send2Trash."""

    def send(self, path: Path) -> None:
        """Put one file into the trash.

        Raises:
            TrashUnavailableError: if its volume has no trash; the file stays where it is.
        """
        import send2trash

        try:
            send2trash.send2trash(os.fspath(absolute(path)))  # type: ignore[no-untyped-call]
        except OSError as error:  # TrashPermissionError is one
            if not os.path.lexists(path):
                return
            raise TrashUnavailableError(
                f"no trash for {path} ({error.strerror or error}); nothing was deleted: "
                "move the rejects to a _rejected folder instead"
            ) from error
        if os.path.lexists(path):
            raise TrashUnavailableError(
                f"the trash did not take {path}; move the rejects to a _rejected folder instead"
            )

    def find(self, path: Path, inode: int) -> Path | None:
        """Return where the trash keeps the file: by its inode, else by its .trashinfo."""
        named: Path | None = None
        for candidate, original in _trashed_files(absolute(path)):
            with contextlib.suppress(OSError):
                if candidate.lstat().st_ino == inode and original in (None, absolute(path)):
                    return candidate
                if original == absolute(path):
                    named = candidate
        return named

    def restore(self, trashed: Path, target: Path) -> None:
        """Take a file out of the trash.

        Raises:
            FileExistsError: if something is at `target`.
            FileOperationError: if the trash no longer has it.
        """
        if not os.path.lexists(trashed):
            raise FileOperationError(f"{target}: the trash was emptied, it cannot be restored")
        move_file(trashed, target)
        if trashed.parent.name == "files":
            info = trashed.parent.parent / "info" / (trashed.name + _INFO_SUFFIX)
            with contextlib.suppress(OSError):
                info.unlink(missing_ok=True)


def where_trash_is() -> str:
    """Name the trash in words, for a file that only the person can take out again."""
    if sys.platform == "win32":
        return "the Recycle Bin"
    if sys.platform == "darwin":
        return "the Trash in the Dock"
    return "the trash of the file manager"


def _trashed_files(path: Path) -> Iterator[tuple[Path, Path | None]]:
    """Every file in a trash that `path` could have gone to, with its old path where known."""
    for folder in _trash_folders(path):
        info = folder / "info"
        files = folder / "files" if info.is_dir() else folder
        with contextlib.suppress(OSError):
            for candidate in files.iterdir():
                note = info / (candidate.name + _INFO_SUFFIX)
                yield candidate, _original(note, folder) if info.is_dir() else None


def _trash_folders(path: Path) -> Iterator[Path]:
    """The trash folders of the home and of the volume (freedesktop 1.0, and those of macOS)."""
    home = Path.home()
    data = os.environ.get("XDG_DATA_HOME") or home / ".local" / "share"
    yield Path(data) / "Trash"
    if sys.platform == "win32":
        return
    yield home / ".Trash"
    mount = path.parent
    while not os.path.ismount(mount) and mount != mount.parent:
        mount = mount.parent
    user = str(os.getuid())
    yield mount / ".Trash" / user
    yield mount / f".Trash-{user}"
    yield mount / ".Trashes" / user


def _original(note: Path, folder: Path) -> Path | None:
    """Return the path that a .trashinfo names; relative ones count from the volume."""
    try:
        with note.open("rb") as stream:
            content = stream.read(_MAX_INFO)
    except OSError:
        return None
    for line in content.splitlines():
        if line.startswith(b"Path="):
            named = Path(os.fsdecode(unquote_to_bytes(line.removeprefix(b"Path="))))
            top = folder.parent.parent if folder.parent.name == ".Trash" else folder.parent
            return absolute(named if named.is_absolute() else top / named)
    return None
