"""A finished pre-training run -> encoder weights with torchvision's names."""

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from qpt_app import __version__
from qpt_app.errors import CheckpointError, UsageError
from qpt_train.checkpoint import load_given
from qpt_train.encoder_weights import write_encoder_weights
from qpt_train.out_folder import make_folder

BRANCHES = ("encoder", "momentum")


class TrainedEncoder(NamedTuple):
    """An encoder out of a checkpoint."""

    weights: dict[str, Tensor]
    """torchvision's names, without a classifier."""
    description: dict[str, Any]
    """Encoder, step, start, photos: what the weights file will say of itself."""


def read_trained_encoder(path: Path, *, branch: str = "encoder") -> TrainedEncoder:
    """Read the encoder of a run.

    Args:
        path: a run's folder (its newest good checkpoint) or one checkpoint.
        branch: `encoder` for the trained one, `momentum` for its slow copy.

    Raises:
        UsageError: for another branch.
        CheckpointError: if there is no pre-training checkpoint.
    """
    if branch not in BRANCHES:
        raise UsageError(f"branch is one of {', '.join(BRANCHES)}, not {branch!r}")
    state, manifest, used = load_given(path)
    name = "encoder" if branch == "encoder" else "momentum_encoder"
    if name not in state or "projector" not in state:
        raise CheckpointError(f"{used} is not a pre-training checkpoint")
    weights = dict(state[name])
    if branch == "momentum":
        # The slow copy has no running statistics of its own; those of the trained one are near.
        weights |= {k: v for k, v in state["encoder"].items() if "running_" in k}
    return TrainedEncoder(
        weights,
        {
            "encoder": manifest["recipe"]["encoder"],
            "branch": branch,
            "step": manifest["step"],
            "started_from": manifest["started_from"],
            "photos": manifest["photos"],
            "seed": manifest["recipe"]["seed"],
            "qpt": __version__,
        },
    )


def export_encoder(
    run: Path, out: Path, *, branch: str = "encoder", half: bool = False, shard_mb: float = 0.0
) -> list[Path]:
    """Write a run's encoder as safetensors; return the files.

    Args:
        run: a run's folder or one checkpoint.
        out: file to write, ending in .safetensors.
        branch: `encoder` or `momentum`.
        half: as float16.
        shard_mb: most megabytes (10^6 bytes) in one file, 0 for a single file.

    Raises:
        UsageError: for another branch or ending.
        CheckpointError: if the run cannot be read.
        StorageError: if a file cannot be written.
    """
    if out.suffix != ".safetensors":
        raise UsageError(f"the weights file must end in .safetensors, not {out.name}")
    trained = read_trained_encoder(run, branch=branch)
    make_folder(out.parent)
    return write_encoder_weights(
        trained.weights,
        out,
        description=trained.description,
        half=half,
        shard_bytes=int(shard_mb * 1_000_000),
    )
