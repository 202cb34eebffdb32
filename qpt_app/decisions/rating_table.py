"""Reads tables of ratings (CSV or JSON lines) that are to be written to photos."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qpt_app.decisions.decision import KEEP, MAX_STARS, DecisionChange, Flag, Keep, Label
from qpt_app.decisions.safe_paths import inside
from qpt_app.errors import FileOperationError, UsageError

_FIELDS: Final = ("path", "path_b64", "stars", "flag", "label", "score")

_MAX_TABLE_BYTES: Final = 512 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingRow:
    """One row of a table."""

    path: Path
    change: DecisionChange
    score: float | None
    """0 to 100, None if the row has none."""


def read_rating_table(table: Path, root: Path) -> list[RatingRow]:
    """Return the rows of a CSV (with a header) or JSON lines file.

    Columns: `path` (or `path_b64`, the name's bytes in base64), and any of `stars` (0 to 5, empty
    for no stars), `flag` (pick, reject, none), `label` (a colour or none), `score`. A column that
    is missing leaves that part as it is; others are ignored, so the output of `qpt score` works.

    Args:
        table: the file; `.csv` is read as CSV, anything else as JSON lines.
        root: the folder that the photos lie in; relative paths count from it.

    Raises:
        UsageError: if a row is wrong, naming its line, or a path leads out of `root`.
    """
    try:
        if table.stat().st_size > _MAX_TABLE_BYTES:
            raise UsageError(f"{table}: larger than {_MAX_TABLE_BYTES >> 20} MB")
        text = table.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {table}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{table}: is not UTF-8") from error
    is_csv = table.suffix.lower() == ".csv"
    rows: list[RatingRow] = []
    for line, values in _csv_rows(text) if is_csv else _json_rows(text, table):
        try:
            rows.append(_row(values, root))
        except (ValueError, FileOperationError) as error:
            raise UsageError(f"{table}, line {line}: {error}") from error
    return rows


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for row in reader:
        yield reader.line_num, {key: value for key, value in row.items() if key in _FIELDS}


def _json_rows(text: str, table: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{table}, line {number}: is no JSON") from error
            if not isinstance(values, dict):
                raise UsageError(f"{table}, line {number}: is no JSON object")
            yield number, values


def _row(values: Mapping[str, Any], root: Path) -> RatingRow:
    path = _path(values)
    path = path if path.is_absolute() else root / path
    inside(path, [root])
    stars: int | Keep | None = _stars(values["stars"]) if "stars" in values else KEEP
    flag: Flag | Keep = _flag(values["flag"]) if "flag" in values else KEEP
    label: Label | Keep | None = _label(values["label"]) if "label" in values else KEEP
    return RatingRow(
        path=path,
        change=DecisionChange(stars=stars, flag=flag, label=label),
        score=_score(values.get("score")),
    )


def _path(values: Mapping[str, Any]) -> Path:
    encoded = values.get("path_b64")
    if encoded:
        try:
            return Path(os.fsdecode(base64.b64decode(str(encoded), validate=True)))
        except binascii.Error as error:
            raise ValueError("path_b64 is no base64") from error
    path = values.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        raise ValueError("the path is missing")
    return Path(path)


def _stars(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_STARS:
        raise ValueError(f"stars must be 0 to {MAX_STARS}, not {value!r}")
    return value


def _flag(value: Any) -> Flag:
    if value is None or value == "":
        return Flag.NONE
    try:
        return Flag(str(value).strip().lower())
    except ValueError as error:
        raise ValueError(f"flag must be pick, reject or none, not {value!r}") from error


def _label(value: Any) -> Label | None:
    if value is None or str(value).strip().lower() in ("", "none"):
        return None
    try:
        return Label(str(value).strip().lower())
    except ValueError as error:
        names = ", ".join(label.value for label in Label)
        raise ValueError(f"label must be {names} or none, not {value!r}") from error


def _score(value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        score = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"score must be a number, not {value!r}") from error
    if not math.isfinite(score) or not 0 <= score <= 100:
        raise ValueError(f"score must be 0 to 100, not {value!r}")
    return score
