"""Reads the MATLAB files of the LIVE sets."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from qpt_app.errors import DatasetError


def read_matlab(path: Path) -> dict[str, Any]:
    """Return the variables of a .mat file.

    Raises:
        DatasetError: if it cannot be read.
    """
    try:
        return dict(loadmat(str(path)))  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        raise DatasetError(f"cannot read {path}: {error}") from error


def vector(variables: dict[str, Any], name: str) -> list[float]:
    """Return a numeric variable as a flat list.

    Raises:
        DatasetError: if there is none of that name or a value is not finite.
    """
    if name not in variables:
        raise DatasetError(f"the MATLAB file lacks the variable {name!r}")
    values = np.asarray(variables[name], dtype=np.float64).ravel()
    if not np.isfinite(values).all():
        raise DatasetError(f"the MATLAB variable {name!r} holds values that are not numbers")
    return [float(value) for value in values]


def text_cells(variables: dict[str, Any], name: str) -> list[str]:
    """Return a cell array of strings as a flat list.

    Raises:
        DatasetError: if there is none of that name.
    """
    if name not in variables:
        raise DatasetError(f"the MATLAB file lacks the variable {name!r}")
    return [str(np.asarray(cell).ravel()[0]) for cell in np.asarray(variables[name]).ravel()]
