"""Finds model files by name: those that ship with qpt, and the user's own by path. No torch."""

from pathlib import Path
from typing import NamedTuple

from qpt_app.errors import ModelNotFoundError
from qpt_app.resources import models_dir

DEFAULT_MODEL = "qpt-small"
MODEL_SUFFIX = ".safetensors"


class ModelEntry(NamedTuple):
    """A model file that ships with qpt."""

    name: str
    path: Path


def list_models() -> list[ModelEntry]:
    """Return the shipped models, the default first, then by name."""
    entries = [
        ModelEntry(path.name.removesuffix(MODEL_SUFFIX), path)
        for path in models_dir().glob(f"*{MODEL_SUFFIX}")
    ]
    return sorted(entries, key=lambda entry: (entry.name != DEFAULT_MODEL, entry.name))


def find_model(name_or_path: str | None = None) -> Path:
    """Return the path of a model: a shipped name, a path, or None for the default.

    Raises:
        ModelNotFoundError: if there is none; the message lists the shipped names.
    """
    wanted = name_or_path or DEFAULT_MODEL
    entries = list_models()
    for entry in entries:
        if entry.name == wanted:
            return entry.path
    path = Path(wanted).expanduser()
    if path.is_file():
        return path
    names = ", ".join(entry.name for entry in entries) or "none"
    raise ModelNotFoundError(f"no model {wanted!r}; shipped models: {names}; or give a file's path")
