"""Finds the assets in a source tree, an installed wheel or a frozen build."""

import sys
from pathlib import Path

from qpt_app.errors import QptError


def assets_dir() -> Path:
    """Return the folder that holds `models/` and `samples/`.

    Raises:
        QptError: if the installation lacks its assets.
    """
    package = Path(__file__).resolve().parent
    candidates = [package / "assets", package.parent / "assets"]
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen is not None:
        candidates.insert(0, Path(frozen) / "qpt_app" / "assets")
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise QptError("this installation of qpt lacks its assets folder; install it again")


def models_dir() -> Path:
    """Return the folder of the model files that ship with qpt."""
    return assets_dir() / "models"


def samples_dir() -> Path:
    """Return the folder of the rendered sample photos."""
    return assets_dir() / "samples"
