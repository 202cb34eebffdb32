"""Weights between two runs, or between a run and the model file that it started from.

Between the two often lies what neither has alone ("robust fine-tuning by weight averaging",
Wortsman et al., CVPR 2022).
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qpt_app.core.model_file import load_model
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import CheckpointError
from qpt_train.data.labelled_split import SplitConfig
from qpt_train.data.recorded_splits import heldout_letter
from qpt_train.export import FinishedRun, load_run
from qpt_train.subjects import training_of


def average_with(
    run: FinishedRun, path: Path, share: float, *, weights: str
) -> tuple[FinishedRun, str]:
    """Average a run with what lies at `path`; return it and a note for the training record.

    Args:
        run: the run.
        path: the folder of a run that was started from this one or from the same weights; or a
            model file that this one started from.
        share: the other one's part, 0 to 1.
        weights: of another run, as of `load_run`.

    Raises:
        CheckpointError: if they cannot be averaged.
        ModelError: if there is no such model or it was altered.
    """
    if path.is_file():
        average = average_runs(run, model_as_run(path, run), share)
        return average, f"{1 - share:g} of this run, the rest of the model that it started from"
    average = average_runs(run, load_run(path, weights=weights), share)
    return average, f"{share:g} of this run, the rest of another one of the same network and split"


def average_runs(run: FinishedRun, other: FinishedRun, share: float) -> FinishedRun:
    """Return `run` with weights moved towards those of `other`, by `share` in 0..1.

    The record and the held-out photos are those of `other`, which was started from `run`.

    Raises:
        CheckpointError: if the two are of different networks, or `run` trained on photos that
            `other` holds out.
    """
    ours, theirs = run.model.state_dict(), other.model.state_dict()
    if {k: v.shape for k, v in ours.items()} != {k: v.shape for k, v in theirs.items()}:
        raise CheckpointError("only runs of the same network can be averaged")
    if not holds_out_as_much(run.split, other.split):
        raise CheckpointError(
            "only runs of the same split can be averaged: one trained on what the other holds out"
        )
    model = build_quality_model(run.recipe.encoder, head_hidden=run.recipe.head_hidden)
    model.load_state_dict(
        {
            name: value.lerp(theirs[name], share) if value.is_floating_point() else value
            for name, value in ours.items()
        }
    )
    unmeasured = -math.inf  # the runs' validation figures are not the average's
    return replace(other, model=model.eval(), best_srcc=unmeasured, last_srcc=unmeasured)


def model_as_run(path: Path, run: FinishedRun) -> FinishedRun:
    """Return a model file as something that `average_runs` can average a run with.

    Args:
        path: the file; a run's ancestor, usually what it was started from.
        run: the run, whose record the average will have.

    Raises:
        ModelError: if there is no such model or it was altered.
        CheckpointError: if it was trained on photos that the run holds out.
    """
    model, metadata = load_model(path)
    if not holds_out_as_much(metadata.training.get("split", {}), run.split):
        raise CheckpointError(f"{path} was trained on another split than the run")
    return replace(run, model=model.eval())


def recorded_split(path: Path, config: SplitConfig) -> dict[str, Any]:
    """Return the split that a model file or a run was trained with, to be made again.

    Raises:
        CheckpointError: if it tells of none, or its folds are not those of the recipe.
    """
    split = training_of(path).get("split")
    if not isinstance(split, dict) or "assignment" not in split:
        raise CheckpointError(f"{path} does not say which photos its training held out")
    for name in ("folds", "heldout_fold"):
        if split.get(name) != getattr(config, name):
            raise CheckpointError(
                f"the split of {path} has {name} {split.get(name)}; add --set "
                f"split.{name}={split.get(name)}"
            )
    return split


def require_unseen(seen: object, split: Mapping[str, Any], init: Path) -> None:
    """Stop a run whose held-out or validation photos its initial weights were trained on.

    Records made before each photo's part was written down tell of the held-out photos only.

    Args:
        seen: the description of the split that the weights were trained with; anything but a
            mapping for weights that saw no labels.
        split: of the run.
        init: where the weights lie, for the message.

    Raises:
        CheckpointError: if photos that the run holds out or validates on are among those.
    """
    if not isinstance(seen, Mapping) or seen.get("set") != split["set"]:
        return
    if not holds_out_as_much(seen, split):
        raise CheckpointError(
            f"{init} was trained on photos that this run holds out; add --same-split-as {init}, or "
            "use other weights"
        )
    pairs = zip(str(seen.get("parts", "")), str(split.get("parts", "")), strict=False)
    if ("t", "v") in set(pairs):
        raise CheckpointError(
            f"{init} was trained on photos that this run would choose its epoch by; use its split "
            "(validation_share too), validation_share=0, or other weights"
        )


def holds_out_as_much(split: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether every photo that `other` holds out is held out by `split` too.

    Both are descriptions of splits. The hash is of the folds alone, whichever of them is held out;
    where a photo's fold is not written down, only hash and held-out fold together tell.
    """
    same_fold = split.get("heldout_fold") == other.get("heldout_fold")
    if split.get("hash") == other["hash"] and same_fold:
        return True
    letters, others = split.get("assignment", ""), other.get("assignment", "")
    if split.get("set") != other["set"] or not letters or len(letters) != len(others):
        return False
    mine, theirs = (heldout_letter(description) for description in (split, other))
    return all(a == mine for a, b in zip(letters, others, strict=True) if b == theirs)
