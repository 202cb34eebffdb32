"""Keeps file operations inside the folders that were chosen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from qpt_app.decisions.photo_records import absolute
from qpt_app.errors import FileOperationError


def inside(path: Path, roots: Sequence[Path]) -> Path:
    """Return the root that `path` lies in, having looked at every folder on the way.

    Args:
        path: a file or folder, which need not exist.
        roots: the folders that were chosen; each may itself be reached through a link.

    Raises:
        FileOperationError: if the path has a `..`, lies in no root, or a folder between the root
            and the file is a link.
    """
    refuse_parent_steps(path)
    whole = absolute(path)
    for root in map(absolute, roots):
        if whole != root and whole.is_relative_to(root):
            _refuse_links(root, whole)
            return root
    raise FileOperationError(f"{path}: outside of the folders that were chosen")


def refuse_parent_steps(path: Path) -> None:
    """Refuse a path with `..` in it.

    Raises:
        FileOperationError: if it has one.
    """
    if ".." in Path(path).parts:
        raise FileOperationError(f"{path}: a path with .. is refused")


def make_folder(folder: Path, root: Path) -> None:
    """Make `folder` and the folders above it up to `root`, which exists; none may be a link.

    Raises:
        FileOperationError: if a part is a link or no folder, or cannot be made.
    """
    folder, root = absolute(folder), absolute(root)
    if folder != root:
        inside(folder, [root])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileOperationError(f"cannot make the folder {folder}: {error.strerror}") from error
    if folder != root:
        _refuse_links(root, folder / "x")


def _refuse_links(root: Path, path: Path) -> None:
    """Refuse a link, or a Windows junction, between `root` and the last part of `path`."""
    step = root
    for part in path.relative_to(root).parts[:-1]:
        step = step / part
        if step.is_symlink() or _is_junction(step):
            raise FileOperationError(f"{path}: the folder {step} is a link")


def _is_junction(folder: Path) -> bool:
    is_junction = getattr(os.path, "isjunction", None)
    return bool(is_junction is not None and is_junction(folder))
