"""Lets one file operation run at a time, over all programs that share a data folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from qpt_app.errors import FileOperationError, StorageError

_LOCK_NAME: Final = "operations.lock"


@contextlib.contextmanager
def operation_lock(folder: Path) -> Iterator[None]:
    """Hold the lock in `folder` during the block. The system drops it when the process dies.

    Raises:
        FileOperationError: if another file operation holds it, here or in another program.
        StorageError: if the lock file cannot be opened.
    """
    try:
        descriptor = os.open(folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StorageError(f"cannot open {folder / _LOCK_NAME}: {error.strerror}") from error
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            raise FileOperationError("another file operation is still running") from error
        yield
    finally:
        os.close(descriptor)


if os.name == "nt":  # pragma: no cover - the other half is tested on its own system

    def _lock(descriptor: int) -> None:
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:

    def _lock(descriptor: int) -> None:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
