"""The model that an evaluation is about: a model file, a training run, or a bare encoder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from qpt_app.core.calibration import Calibration
from qpt_app.core.encoder import Encoder
from qpt_app.core.model_file import load_model
from qpt_app.core.model_library import find_model
from qpt_app.core.model_metadata import ModelMetadata, read_metadata
from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.core.quality_model import build_quality_model
from qpt_app.core.scorer import Scorer
from qpt_app.core.torch_scorer import TorchScorer, choose_device, load_scorer
from qpt_app.errors import CheckpointError, ModelFormatError, ModelNotFoundError
from qpt_train.batch_norm_statistics import scoring_batches, settle_batch_norm
from qpt_train.checkpoint import list_checkpoints, load_given
from qpt_train.encoder_weights import load_encoder_weights
from qpt_train.export import check_weights, load_run, training_record
from qpt_train.randomness import seed_initialisation

UNCALIBRATED = Calibration(raw_knots=(-1.0, 1.0), level_knots=(0.25, 0.75))
"""Stands in for the calibration of a run that was not exported; monotone, and nothing else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A model under evaluation."""

    label: str
    """Name and digest, or the run's folder and step."""
    scorer: Scorer
    """The model behind the runtime's own door."""
    digest: str
    """Hexadecimal digest of its weights; features cached under it belong to this model."""
    training: dict[str, Any]
    """What it says of its training: `split`, `recipe`, `seed` and so on; may be empty."""

    @property
    def split(self) -> dict[str, Any] | None:
        """The split it was trained with (`set`, `seed`, `folds`, `heldout_fold`, `hash`)."""
        split = self.training.get("split")
        return split if isinstance(split, dict) else None


def load_subject(
    name_or_path: str,
    *,
    device: str = "auto",
    batch_size: int | None = None,
    weights: str = "best",
) -> Subject:
    """Load a model to evaluate.

    Args:
        name_or_path: a shipped model's name, a model file, or the folder of a fine-tuning run.
        device: `auto`, `cpu`, `cuda` or `mps`.
        batch_size: photos per forward pass; None for the device's default.
        weights: of a run: `best` (chosen on its validation photos) or `last`.

    Raises:
        UsageError: for other weights.
        ModelError: if the model file cannot be used.
        CheckpointError: if the run holds no usable checkpoint.
        DeviceError: if the device is not there.
    """
    check_weights(weights)
    folder = Path(name_or_path)
    if folder.is_dir() and list_checkpoints(folder / "checkpoints"):
        return _run_subject(folder, device=device, batch_size=batch_size, weights=weights)
    path = find_model(name_or_path)
    metadata = read_metadata(path)
    return Subject(
        label=metadata.identity.label,
        scorer=load_scorer(path, device=device, batch_size=batch_size),
        digest=metadata.digest,
        training=metadata.training,
    )


def load_encoder_subject(
    encoder: str,
    *,
    init: Path | None = None,
    seed: int = 0,
    settle_on: Sequence[Path] = (),
    device: str = "auto",
    batch_size: int | None = None,
) -> Subject:
    """Put an encoder without a quality head behind the scorer; only its features mean something.

    Args:
        encoder: as in `qpt_app.core.encoder.encoder_names()`.
        init: a pre-training run's folder, a checkpoint, encoder weights or a model file; None for
            random weights.
        seed: of the random weights.
        settle_on: photos whose pixels give random weights their batch-norm statistics.
        device: `auto`, `cpu`, `cuda` or `mps`.
        batch_size: photos per forward pass; None for the device's default.

    Raises:
        UsageError: for an unknown encoder.
        CheckpointError: if `init` is not usable for this encoder.
        DeviceError: if the device is not there.
    """
    seed_initialisation(seed)
    model = build_quality_model(encoder, head_hidden=1)
    training: dict[str, Any] = {}
    if init is not None:
        start = f"{_load_encoder(model.encoder, init)} of {init.name}"
        training = training_of(init)
    else:
        start = f"random weights, seed {seed}"
        settle_batch_norm(model.encoder, scoring_batches(settle_on, PreprocessConfig()))
    metadata = ModelMetadata(
        name=encoder,
        encoder=encoder,
        head_hidden=1,
        preprocess=PreprocessConfig(),
        calibration=UNCALIBRATED,
        training=training,
        licence="",
        digest="",
    )
    digest = weights_digest(model.encoder)
    scorer = TorchScorer(model, metadata, device=choose_device(device), batch_size=batch_size)
    return Subject(label=f"{encoder}, {start}", scorer=scorer, digest=digest, training=training)


def training_of(path: Path) -> dict[str, Any]:
    """Return what weights to start from tell of labels they were trained on; empty without any.

    Args:
        path: whatever `load_initial_weights` reads.

    Raises:
        CheckpointError: if a run's folder or a checkpoint cannot be used.
    """
    if path.is_dir() or path.suffix == ".pt":
        _, manifest, _ = load_given(path)
        return {"split": manifest["split"]} if "split" in manifest else {}
    try:
        return read_metadata(path).training
    except (ModelFormatError, ModelNotFoundError):  # bare encoder weights
        return {}


def _load_encoder(encoder: Encoder, path: Path) -> str:
    """Copy the encoder of a model file, or bare encoder weights; return what they were."""
    try:
        other, metadata = load_model(path)
    except (ModelFormatError, ModelNotFoundError):  # a run, a checkpoint or bare weights
        return load_encoder_weights(encoder, path)
    if metadata.encoder != encoder.name:
        raise CheckpointError(f"{path} holds a {metadata.encoder}, not a {encoder.name}")
    encoder.load_state_dict(other.encoder.state_dict())
    return f"encoder of {metadata.identity.label}"


def weights_digest(model: nn.Module) -> str:
    """Return the sha256 (hexadecimal) over names and values of a model's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _run_subject(folder: Path, *, device: str, batch_size: int | None, weights: str) -> Subject:
    """Put the newest checkpoint of a run behind the scorer."""
    run = load_run(folder, weights=weights)
    metadata = ModelMetadata(
        name=folder.name,
        encoder=run.recipe.encoder,
        head_hidden=run.recipe.head_hidden,
        preprocess=run.recipe.preprocess,
        calibration=UNCALIBRATED,
        training=training_record(run, {}),
        licence="",
        digest="",
    )
    digest = weights_digest(run.model)
    scorer = TorchScorer(run.model, metadata, device=choose_device(device), batch_size=batch_size)
    return Subject(
        label=f"{folder.name}, {weights} weights at step {run.step}",
        scorer=scorer,
        digest=digest,
        training=metadata.training,
    )
