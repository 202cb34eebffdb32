"""A shoot on disk, a clock that is told the time, and a trash that can be looked into."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from qpt_app.decisions.session import DecisionSession
from qpt_app.errors import FileOperationError, TrashUnavailableError


@dataclass
class HandClock:
    """A clock that moves one second per look."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class FolderTrash:
    """A trash that is a folder; `full` makes it refuse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.full = False
        folder.mkdir(parents=True, exist_ok=True)

    def send(self, path: Path) -> None:
        if self.full:
            raise TrashUnavailableError(f"no trash for {path}; use _rejected")
        path.rename(self.folder / f"{path.lstat().st_ino}")

    def find(self, path: Path, inode: int) -> Path | None:
        place = self.folder / f"{inode}"
        return place if place.exists() else None

    def restore(self, trashed: Path, target: Path) -> None:
        if not trashed.exists():
            raise FileOperationError(f"{target}: the trash was emptied")
        if os.path.lexists(target):
            raise FileExistsError(target)
        trashed.rename(target)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def trash(tmp_path: Path) -> FolderTrash:
    return FolderTrash(tmp_path / "trash")


@pytest.fixture
def session(data_folder: Path, clock: HandClock, trash: FolderTrash):
    with DecisionSession.open(data_folder, clock, trash=trash) as opened:
        yield opened


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    """A folder with a RAW+JPEG pair with sidecars, two single photos and a subfolder."""
    root = tmp_path / "shoot"
    (root / "day2").mkdir(parents=True)
    for name in (
        *("a.jpg", "a.cr2", "a.xmp", "a.jpg.xmp", "a.cr2.xmp"),
        *("b.jpg", "c.png", "c.png.xmp", "day2/a.jpg"),
    ):
        (root / name).write_bytes(f"content of {name}".encode())
        os.utime(root / name, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    return root


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder: content and time stamp."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(name="tree")
def _tree():
    return tree
