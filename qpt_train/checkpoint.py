"""Checkpoints: everything needed to go on, written atomically, verified before use.

A checkpoint is one file, `step-00000123.pt`, beside a manifest `step-00000123.json` that is
written last: its sha256, its step and the whole recipe in readable form. A file without a
manifest, or that does not match it, does not count. This is the only module that calls
`torch.load`, always with `weights_only=True`.
"""

import hashlib
import io
import json
import pickle
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch

from qpt_app.core.atomic_write import atomic_write
from qpt_app.errors import CheckpointError
from qpt_train.out_folder import make_folder

CHECKPOINT_VERSION = 1


class CheckpointEntry(NamedTuple):
    """A verified-looking checkpoint on disk (its digest is checked when it is loaded)."""

    path: Path
    step: int


def save_checkpoint(
    folder: Path, step: int, state: dict[str, Any], record: dict[str, Any], *, keep: int
) -> Path:
    """Write a checkpoint, then forget all but the newest `keep` (at least 2).

    Args:
        folder: the run's checkpoint folder; made if it is not there.
        step: optimiser steps done.
        state: tensors, numbers, strings, and dicts and lists of them (`weights_only` types).
        record: readable JSON values: the recipe, versions, data digests.
        keep: how many to keep; the newest complete one is never removed.

    Raises:
        StorageError: if it cannot be written; earlier checkpoints stay.
    """
    if keep < 2:
        raise ValueError("keep at least two checkpoints: one may be cut short")
    make_folder(folder)
    stream = io.BytesIO()
    torch.save(state, stream)
    data = stream.getvalue()
    path = folder / f"step-{step:08d}.pt"
    atomic_write(path, data)
    manifest = {
        "version": CHECKPOINT_VERSION,
        "step": step,
        "sha256": hashlib.sha256(data).hexdigest(),
        **record,
    }
    atomic_write(path.with_suffix(".json"), json.dumps(manifest, indent=1))
    for old in list_checkpoints(folder)[:-keep]:
        old.path.with_suffix(".json").unlink(missing_ok=True)
        old.path.unlink(missing_ok=True)
    return path


def list_checkpoints(folder: Path) -> list[CheckpointEntry]:
    """Return the complete checkpoints of a folder, oldest first."""
    entries = [
        CheckpointEntry(path, int(path.stem.removeprefix("step-")))
        for path in folder.glob("step-*.pt")
        if path.with_suffix(".json").is_file()
    ]
    return sorted(entries, key=lambda entry: entry.step)


def load_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read one checkpoint: (state, manifest).

    Raises:
        CheckpointError: if it is missing, cut short, altered or of an unknown version.
    """
    manifest_path = path.with_suffix(".json")
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read checkpoint {path}: {error}") from error
    if manifest.get("version") != CHECKPOINT_VERSION:
        raise CheckpointError(
            f"checkpoint {path} is of version {manifest.get('version')}, "
            f"this qpt reads version {CHECKPOINT_VERSION}"
        )
    if hashlib.sha256(data).hexdigest() != manifest.get("sha256"):
        raise CheckpointError(f"checkpoint {path} does not match its digest; use an older one")
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"checkpoint {path} cannot be loaded: {error}") from error
    return cast(dict[str, Any], state), cast(dict[str, Any], manifest)


def load_given(path: Path) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """Read the checkpoint that a path stands for: (state, manifest, file).

    Args:
        path: a checkpoint, a folder of checkpoints, or the folder of a run.

    Raises:
        CheckpointError: if there is none there that can be used.
    """
    if path.is_dir():
        inner = path / "checkpoints"
        return load_latest(inner if inner.is_dir() else path)
    state, manifest = load_checkpoint(path)
    return state, manifest, path


def load_latest(folder: Path) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """Read the newest checkpoint that verifies, falling back to older ones.

    Raises:
        CheckpointError: if the folder holds none that can be used.
    """
    problems = []
    for entry in reversed(list_checkpoints(folder)):
        try:
            state, manifest = load_checkpoint(entry.path)
        except CheckpointError as error:
            problems.append(str(error))
            continue
        return state, manifest, entry.path
    detail = f": {problems[0]}" if problems else ""
    raise CheckpointError(f"no usable checkpoint in {folder}{detail}")
