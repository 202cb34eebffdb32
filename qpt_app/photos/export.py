"""Results -> rows of jsonl, json and CSV. One row per photo, one schema for every format.

JSON and JSON lines are lossless: a name that is not UTF-8 is shown with replacement characters and
its exact bytes stand beside it in base64. CSV is for spreadsheets: a cell that a spreadsheet would
run as a formula gets a leading apostrophe, unless the table is asked for raw.
"""

import base64
import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from qpt_app.photos.results import PhotoResult
from qpt_app.photos.safe_text import terminal_text

ROW_SCHEMA_VERSION = 1
"""The `schema` of every row. Raised when a field is removed or changes its meaning; new fields may
join within a version. The JSON Schema is docs/row.schema.json."""

SCORE_DECIMALS = 3
"""Published scores are rounded once, before ranking, so that equal printed scores are real ties."""

ROW_FIELDS = (
    "schema",
    "path",
    "path_b64",
    "status",
    "score",
    "uncertainty",
    "percentile",
    "rank",
    "reason",
    "width",
    "height",
    "format",
    "model",
    "cached",
    "companion",
    "companion_b64",
)
"""The fields of a row in their order; CSV has a column for each."""

OPTIONAL_FIELDS = frozenset({"path_b64", "companion_b64"})
"""Only there where the name is not UTF-8."""

_FORMULA_START = re.compile(r"\s*[=+\-@\t\r]")
_JSON_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""DEL, C1, line separators and bidi controls: legal in JSON, unwelcome on a terminal."""


def published(result: PhotoResult) -> PhotoResult:
    """Return the result as it is ranked and written: scores rounded, the feature left out."""
    return replace(
        result,
        score=_rounded(result.score),
        uncertainty=_rounded(result.uncertainty),
        feature=None,
    )


def row_of(result: PhotoResult) -> dict[str, object]:
    """Return the row of a result: `ROW_FIELDS` in order, None where there is no value."""
    row: dict[str, object] = {
        "schema": ROW_SCHEMA_VERSION,
        **_name_fields("path", result.path),
        "status": result.status.value,
        "score": _rounded(result.score),
        "uncertainty": _rounded(result.uncertainty),
        "percentile": _rounded(result.percentile),
        "rank": result.rank,
        "reason": result.reason,
        "width": result.width,
        "height": result.height,
        "format": result.format,
        "model": result.model,
        "cached": result.cached,
        **_name_fields("companion", result.companion),
    }
    return row


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return JSON that is exact for a parser and harmless on a terminal."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return _JSON_UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def jsonl_line(result: PhotoResult) -> bytes:
    """Return one row as a line of JSON, UTF-8, with its newline."""
    return json_text(row_of(result)).encode("utf-8") + b"\n"


def json_chunks(results: Iterable[PhotoResult]) -> Iterator[bytes]:
    """Yield a JSON array with one row a line, UTF-8."""
    opening = b"[\n"
    for result in results:
        yield opening + json_text(row_of(result)).encode("utf-8")
        opening = b",\n"
    yield b"\n]\n" if opening == b",\n" else b"[]\n"


def csv_chunks(
    results: Iterable[PhotoResult], *, for_terminal: bool = False, raw: bool = False
) -> Iterator[bytes]:
    """Yield a CSV table, UTF-8, header first; every cell is safe in a spreadsheet.

    Args:
        results: the rows in order.
        for_terminal: also escape what could steer a terminal.
        raw: leave cells as they are, also those that a spreadsheet would run.
    """
    yield _csv_line(ROW_FIELDS, for_terminal=False)
    for result in results:
        row = row_of(result)
        cell = _plain_cell if raw else safe_cell
        yield _csv_line([cell(row.get(field)) for field in ROW_FIELDS], for_terminal=for_terminal)


def safe_cell(value: object) -> object:
    """Return a CSV cell that no spreadsheet runs as a formula; numbers stay numbers."""
    if isinstance(value, str) and _FORMULA_START.match(value):
        return f"'{value}"
    return _plain_cell(value)


def _name_fields(field: str, path: Path | None) -> dict[str, object]:
    """Return the field of a path and, where the name is not UTF-8, its bytes in base64."""
    if path is None:
        return {field: None}
    name = os.fspath(path)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raw = os.fsencode(name)
        shown = raw.decode("utf-8", errors="replace")
        return {field: shown, f"{field}_b64": base64.b64encode(raw).decode("ascii")}
    return {field: name}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, SCORE_DECIMALS)


def _plain_cell(value: object) -> object:
    """Spell truth values as JSON does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _csv_line(cells: Iterable[object], *, for_terminal: bool) -> bytes:
    buffer = io.StringIO()
    if for_terminal:
        cells = [terminal_text(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)  # so that it quotes both in a name
    return buffer.getvalue().removesuffix("\r\n").encode("utf-8") + b"\n"
