"""The single scores that `qpt-train evaluate` wrote, read back so that nothing is scored twice."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

from qpt_app.errors import DatasetError

FILE_NAME = "predictions.csv"
"""Its name in an evaluation's folder."""


class Prediction(NamedTuple):
    """What the model said of one photo."""

    name: str
    """The set's own name of the photo."""
    raw_score: float
    """The network's output."""


def read_predictions(path: Path) -> list[Prediction]:
    """Read the table that an evaluation wrote.

    Args:
        path: the file, or the evaluation's folder.

    Raises:
        DatasetError: if it is not there, not such a table, or empty.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = [
                Prediction(row["name"], float(row["raw_score"])) for row in csv.DictReader(stream)
            ]
    except OSError as error:
        raise DatasetError(f"cannot read predictions {file}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{file} is not a table of `qpt-train evaluate`: {error}") from error
    if len(rows) < 2 or not all(math.isfinite(row.raw_score) for row in rows):
        raise DatasetError(f"{file} holds no predictions, or one that is not finite")
    return rows
