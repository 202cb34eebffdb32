"""Reads the score tables of labelled sets; every error names the file and the line."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from qpt_app.errors import DatasetError

Row = dict[str, str]


def read_rows(path: Path, columns: Iterable[str]) -> list[Row]:
    """Read a CSV with a header as dicts; names and values are stripped.

    Columns without a name (BIQ2021 has two) are left out; a row of nothing but empty cells is
    skipped.

    Raises:
        DatasetError: if it cannot be read, is not text, lacks a column or has a short row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"cannot read {path}: {error}") from error
    if not lines:
        raise DatasetError(f"{path} is empty")
    header = [cell.strip() for cell in lines[0]]
    missing = [column for column in columns if column not in header]
    if missing:
        raise DatasetError(f"{path} lacks the column {missing[0]!r}; it has {header}")
    named = [position for position, name in enumerate(header) if name]
    rows: list[Row] = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) <= max(named):
            raise DatasetError(f"{path}, line {number}: {len(line)} cells, expected {len(header)}")
        rows.append({header[position]: line[position].strip() for position in named})
    return rows


def parse_number(text: str, where: str) -> float:
    """Return a finite number.

    Raises:
        DatasetError: naming `where` it stands.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DatasetError(f"{where}: {text!r} is not a number")
    return value


class FolderIndex:
    """Finds files of one folder by name, first exactly, then in any letter case.

    BIQ2021's table says `ss02 (1014).jpg`, its file is `ss02 (1014).JPG`; TID2013 mixes `i01` and
    `I01`. The folder is read once.
    """

    def __init__(self, folder: Path) -> None:
        """Read the names in `folder`.

        Raises:
            DatasetError: if the folder cannot be read.
        """
        self._folder = folder
        try:
            names = sorted(entry.name for entry in folder.iterdir())
        except OSError as error:
            raise DatasetError(f"cannot read {folder}: {error.strerror or error}") from error
        self._exact = frozenset(names)
        self._folded = {name.casefold(): name for name in names}

    def find(self, name: str) -> Path:
        """Return the path of `name`.

        Raises:
            DatasetError: if there is no such file.
        """
        if name in self._exact:
            return self._folder / name
        other = self._folded.get(name.casefold())
        if other is None:
            raise DatasetError(f"{self._folder} lacks the photo {name!r}")
        return self._folder / other


class PhotoTree:
    """Finds photos by their path relative to a folder, in any letter case of the file's name."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder; the folders below it are read when first asked for."""
        self._folder = folder
        self._indexes: dict[Path, FolderIndex] = {}

    def find(self, relative: str) -> Path:
        """Return the path of a photo.

        Raises:
            DatasetError: if its folder cannot be read or lacks it.
        """
        path = self._folder / relative
        if path.parent not in self._indexes:
            self._indexes[path.parent] = FolderIndex(path.parent)
        return self._indexes[path.parent].find(path.name)


def whole_lines(path: Path) -> list[str]:
    """Return the lines of a small text file that are not empty, stripped.

    Raises:
        DatasetError: if it cannot be read or is not text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read {path}: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
