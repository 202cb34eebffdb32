"""Reads the cells of a simple .xlsx table (SPAQ, BID and CSIQ publish their scores so)."""

import re
import zipfile
from pathlib import Path
from typing import Any

from qpt_app.errors import DatasetError

MAX_PART_BYTES = 64 << 20
"""Largest XML part that is read; the real tables are below 2 MB."""

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_CELL = re.compile(r"^([A-Z]{1,3})\d+$")


def read_sheet(path: Path, sheet: str | None = None) -> list[dict[str, str]]:
    """Read a sheet whose header is its first row with at least two filled cells.

    Args:
        path: the .xlsx file.
        sheet: the sheet's name; None for the first one.

    Returns:
        One dict per row below the header: column title -> text ("" for an empty cell). Numbers
        are the text that the file holds.

    Raises:
        DatasetError: if it is not such a file, or the package defusedxml is missing.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            strings = _shared_strings(archive)
            part = _sheet_part(archive, sheet, path)
            grid = [_row_cells(row, strings) for row in part.iter(f"{_MAIN}row")]
    except (OSError, KeyError, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise DatasetError(f"cannot read the table {path}: {error}") from error
    return _as_table(grid, path)


def _as_table(grid: list[dict[int, str]], path: Path) -> list[dict[str, str]]:
    """Turn rows of column number -> text into dicts by column title."""
    for place, cells in enumerate(grid):
        titles = {column: text.strip() for column, text in cells.items() if text.strip()}
        if len(titles) >= 2:
            return [
                {title: row.get(column, "").strip() for column, title in titles.items()}
                for row in grid[place + 1 :]
                if any(row.get(column, "").strip() for column in titles)
            ]
    raise DatasetError(f"the table {path} has no header")


def _sheet_part(archive: zipfile.ZipFile, sheet: str | None, path: Path) -> Any:
    """Return the parsed XML of a sheet."""
    workbook = _parse(archive, "xl/workbook.xml")
    targets = {
        relation.get("Id"): relation.get("Target")
        for relation in _parse(archive, "xl/_rels/workbook.xml.rels")
    }
    for entry in workbook.iter(f"{_MAIN}sheet"):
        if sheet is None or entry.get("name") == sheet:
            target = str(targets[entry.get(_RELATION)])
            return _parse(archive, target.lstrip("/") if target[0] == "/" else f"xl/{target}")
    raise DatasetError(f"the table {path} has no sheet {sheet!r}")


def _row_cells(row: Any, strings: list[str]) -> dict[int, str]:
    """Return column number -> text of one row."""
    cells: dict[int, str] = {}
    for place, cell in enumerate(row.iter(f"{_MAIN}c")):
        match = _CELL.match(cell.get("r") or "")
        column = _column_number(match.group(1)) if match else place
        kind = cell.get("t")
        if kind == "inlineStr":
            cells[column] = "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
            continue
        value = cell.find(f"{_MAIN}v")
        text = (value.text or "") if value is not None else ""
        cells[column] = strings[int(text)] if kind == "s" and text else text
    return cells


def _column_number(letters: str) -> int:
    """Return 0 for A, 25 for Z, 26 for AA."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


def _shared_strings(archive: zipfile.ZipFile) -> list[str]:
    """Return the strings that cells refer to by number."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    return [
        "".join(text.text or "" for text in entry.iter(f"{_MAIN}t"))
        for entry in _parse(archive, "xl/sharedStrings.xml").iter(f"{_MAIN}si")
    ]


def _parse(archive: zipfile.ZipFile, name: str) -> Any:
    """Parse one XML part, entities and oversized parts refused."""
    try:
        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import ParseError, fromstring
    except ImportError as error:
        raise DatasetError(
            "reading an .xlsx table needs the package defusedxml (python -m pip install defusedxml)"
        ) from error
    if archive.getinfo(name).file_size > MAX_PART_BYTES:
        raise ValueError(f"{name} is too large")
    try:
        return fromstring(archive.read(name))
    except (ParseError, DefusedXmlException) as error:
        raise ValueError(f"{name}: {error}") from error
