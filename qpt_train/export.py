"""A run's checkpoint -> a calibrated model file that the program loads, with a parity check."""

import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qpt_app import __version__
from qpt_app.core.atomic_write import TEMPORARY_SUFFIX, atomic_write, temporary_prefix
from qpt_app.core.model_file import load_model, save_model
from qpt_app.core.model_metadata import WEIGHT_FORMS, ModelMetadata
from qpt_app.core.quality_model import QualityModel, build_quality_model
from qpt_app.core.weight_storage import WeightBits
from qpt_app.errors import CheckpointError, DatasetError, ModelFormatError, UsageError
from qpt_train.calibrate import calibrate
from qpt_train.checkpoint import load_latest
from qpt_train.config import config_to_dict, parse_config
from qpt_train.data.labelled_split import LabelledSplit, split_labelled
from qpt_train.data.mos_records import MosSet
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.predict import predict_raw_scores
from qpt_train.run_log import read_run_log

PARITY_TOLERANCE = 0.02
"""Largest allowed change of a raw score by the file's precision, in standard deviations of MOS."""
PARITY_POINTS = 0.2
"""Largest allowed change of a score by 8-bit weights, in points."""
PARITY_PHOTOS = 64
"""Held-out photos, spread evenly over the list, that are scored again with the written file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parity:
    """How far a written file's scores are from those of the weights it was made of."""

    photos: int
    largest_raw: float
    """In standard deviations of MOS."""
    largest_points: float
    """In points of the score."""
    mean_points: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedRun:
    """A fine-tuning run as its newest checkpoint left it."""

    recipe: FinetuneRecipe
    model: QualityModel
    """The averaged weights: of the best epoch, or of the last one."""
    step: int
    best_epoch: int
    best_srcc: float
    last_srcc: float
    split: dict[str, Any]
    """The split's description, with its hash."""


def check_weights(weights: str) -> None:
    """Refuse what is neither `best` nor `last`, which choose a run's weights.

    Raises:
        UsageError: for anything else.
    """
    if weights not in ("best", "last"):
        raise UsageError(f"--weights is best or last, not {weights!r}")


def load_run(run: Path, *, weights: str = "best") -> FinishedRun:
    """Read a run's newest good checkpoint.

    Args:
        run: the folder given to `finetune --out`.
        weights: `best` (chosen on the validation photos) or `last`.

    Raises:
        UsageError: for other weights.
        CheckpointError: if there is none, or it has no weights of that kind.
    """
    check_weights(weights)
    state, manifest, path = load_latest(run / "checkpoints")
    if "average" not in state:
        raise CheckpointError(f"{path} is not a fine-tuning run's checkpoint")
    recipe = parse_config(manifest["recipe"], FinetuneRecipe)
    chosen = state["average"] if weights == "last" else state["best_weights"]
    if not chosen:
        raise CheckpointError(f"{path} was never validated; use --weights last")
    model = build_quality_model(recipe.encoder, head_hidden=recipe.head_hidden)
    model.load_state_dict(chosen)
    return FinishedRun(
        recipe=recipe,
        model=model.eval(),
        step=state["step"],
        best_epoch=state["best_epoch"],
        best_srcc=state["best_srcc"],
        last_srcc=state["last_srcc"],
        split=manifest["split"],
    )


def started_from(run: Path) -> str:
    """Return what a run's log tells of the weights that it started from: "random", or their name.

    Raises:
        CheckpointError: if the log does not tell.
    """
    log = run / "log.jsonl"
    inits = [
        str(line["init"])
        for line in (read_run_log(log) if log.is_file() else ())
        if line.get("event") == "start" and line.get("step") == 0 and "init" in line
    ]
    if not inits:
        raise CheckpointError(f"{log} does not tell what the run started from; add --init-note")
    path = Path(inits[-1])  # a run that stopped before its first checkpoint may have begun anew
    name = path.parent.name if path.name == "checkpoints" else path.name
    return "random" if inits[-1] == "None" else f"weights of {name}"


def remake_split(run: FinishedRun, mos_set: MosSet, cache_folder: Path | None) -> LabelledSplit:
    """Make the run's split again and refuse if it differs.

    Raises:
        DatasetError: if the photos or the splitting code changed since the run.
    """
    return split_labelled(mos_set, run.recipe.split, recorded=run.split, cache_folder=cache_folder)


def export_run(
    run: FinishedRun,
    split: LabelledSplit,
    out: Path,
    *,
    name: str,
    licence: str,
    notes: dict[str, Any],
    num_workers: int,
    weight_bits: WeightBits = 16,
    progress: bool = False,
) -> tuple[ModelMetadata, Parity]:
    """Calibrate a run on its held-out photos and write the model file.

    The file is written beside `out` first and takes its place once its scores are those of the run.

    Args:
        run: what to export.
        split: its split, made again.
        out: the file.
        name: the model's name.
        licence: of the weights.
        notes: more for the training record.
        num_workers: decoding processes.
        weight_bits: 16 for half precision, 8 for 8 bits per channel.
        progress: whether to show a bar.

    Returns:
        The description as read back, and how far the file's scores are from the run's.

    Raises:
        DatasetError: if the run holds no photos out.
        ModelFormatError: if they are further than the tolerance; what was at `out` stays.
        StorageError: if it cannot be written; what was at `out` stays.
    """
    if not split.heldout:
        raise DatasetError("calibration needs held-out photos; the run held none out")
    paths = [item.path for item in split.heldout]
    raw_scores = predict_raw_scores(
        run.model,
        paths,
        run.recipe.preprocess,
        device=torch.device("cpu"),
        num_workers=num_workers,
        progress=progress,
    )
    calibration = calibrate(
        raw_scores,
        split.heldout,
        mos_mean=split.mos_mean,
        mos_std=split.mos_std,
        name=split.description["set"],
    )
    chosen = np.unique(np.linspace(0, len(paths) - 1, PARITY_PHOTOS).astype(int))
    draft = out.with_name(f"{temporary_prefix(out)}export{TEMPORARY_SUFFIX}")
    try:
        metadata = save_model(
            draft,
            run.model,
            name=name,
            preprocess=run.recipe.preprocess,
            calibration=calibration,
            training=training_record(run, notes),
            licence=licence,
            weight_bits=weight_bits,
        )
        parity = check_parity(draft, [paths[place] for place in chosen], raw_scores[chosen])
        atomic_write(out, draft.read_bytes())
    finally:
        draft.unlink(missing_ok=True)
    return metadata, parity


def training_record(run: FinishedRun, notes: dict[str, Any]) -> dict[str, Any]:
    """Return what a model file tells about its training, as JSON values."""
    return {
        "recipe": config_to_dict(run.recipe),
        "seed": run.recipe.seed,
        "split": run.split,
        "steps": run.step,
        "best_epoch": run.best_epoch,
        "validation_srcc": {
            "best": _finite_or_none(run.best_srcc),
            "last": _finite_or_none(run.last_srcc),
        },
        "qpt_version": __version__,
        "git_revision": git_revision(),
        "torch_version": torch.__version__,
        **notes,
    }


def _finite_or_none(value: float) -> float | None:
    """JSON has no infinities: a run that was never validated has no figure."""
    return value if math.isfinite(value) else None


def check_parity(path: Path, photos: list[Path], expected: NDArray[np.float64]) -> Parity:
    """Score photos with the written file and compare with the run's own raw scores.

    Raises:
        ModelFormatError: if a raw score moves by more than `PARITY_TOLERANCE`, or, with 8-bit
            weights, a score by `PARITY_POINTS` or more.
    """
    model, metadata = load_model(path)
    actual = predict_raw_scores(
        model, photos, metadata.preprocess, device=torch.device("cpu"), num_workers=0
    )
    score = metadata.calibration.score
    points = np.asarray(
        [abs(score(a) - score(e)) for a, e in zip(actual.tolist(), expected.tolist(), strict=True)]
    )
    parity = Parity(
        photos=len(photos),
        largest_raw=float(np.abs(actual - expected).max()),
        largest_points=float(points.max()),
        mean_points=float(points.mean()),
    )
    if not parity.largest_raw <= PARITY_TOLERANCE:
        raise ModelFormatError(
            f"{metadata.weights} weights would change raw scores by {parity.largest_raw:.4f}, "
            f"more than {PARITY_TOLERANCE}; no file was written"
        )
    if metadata.weights == WEIGHT_FORMS[8] and not parity.largest_points < PARITY_POINTS:
        raise ModelFormatError(
            f"8-bit weights would move scores by up to {parity.largest_points:.3f} points (mean "
            f"{parity.mean_points:.3f}), {PARITY_POINTS} or more; no file was written, keep half "
            "precision"
        )
    return parity


def git_revision() -> str | None:
    """Return the commit that this code stands at, or None outside a checkout.

    It ends in "-dirty" where a file of `qpt_app` or `qpt_train` differs from the commit.
    """
    try:
        commit = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--", "qpt_app", "qpt_train")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}-dirty" if changes else commit


def _git(*arguments: str) -> str:
    """Return what git prints, in the folder that holds the packages."""
    folder = Path(__file__).parent.parent
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
