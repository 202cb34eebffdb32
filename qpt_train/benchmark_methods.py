"""What a benchmark can test: frozen features with ridge, a model as it is, full fine-tuning."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.quality_model import build_quality_model
from qpt_app.errors import CheckpointError
from qpt_train.benchmark import Trial
from qpt_train.checkpoint import list_checkpoints
from qpt_train.data.labelled_split import LabelledSplit
from qpt_train.data.mos_records import MosItem
from qpt_train.data.splits import assign_folds, draw_part, split_hash
from qpt_train.finetune import finetune
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.finetune_state import RunOptions
from qpt_train.initial_weights import load_initial_weights
from qpt_train.out_folder import make_folder
from qpt_train.photo_scores import score_paths
from qpt_train.randomness import seed_initialisation
from qpt_train.ridge import choose_alpha, fit_ridge
from qpt_train.subjects import load_subject, weights_digest

INNER_FOLDS = 5
"""Grouped folds of the training rows that choose ridge's alpha."""
VALIDATION_SHARE = 0.1
"""Share of the training rows, whole groups, that chooses the best epoch of a fine-tuning."""
LEAST_VALIDATION = 10
"""Where that share is of fewer photos, none choose and the last weights count. Our choice: the
best of a dozen rank correlations of five photos is mostly luck, and the labels are missed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RidgeMethod:
    """Frozen encoder + ridge."""

    items: Sequence[MosItem]
    features: NDArray[np.float32]
    """(N, C) of all photos."""
    groups: Sequence[int]
    """(N,) group label; inner folds keep groups whole."""

    @property
    def title(self) -> str:
        """What it is, for the report."""
        return "frozen encoder + ridge"

    def predict(self, trial: Trial) -> NDArray[np.float64]:
        """Choose alpha inside the training rows, fit on all of them, predict the test rows."""
        mos = np.asarray([self.items[row].mos for row in trial.train])
        folds = inner_folds(self.items, self.groups, trial, INNER_FOLDS)
        train = self.features[trial.train]
        alpha = choose_alpha(train, mos, folds)
        return fit_ridge(train, mos, alpha).predict(self.features[trial.test])

    def remarks(self, trials: Sequence[Trial]) -> tuple[str, ...]:
        """Return nothing: every trial is learnt from alike."""
        return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AsItIsMethod:
    """A finished model's own raw scores; nothing is trained."""

    raw_scores: NDArray[np.float64]
    """(N,) of all photos."""

    @property
    def title(self) -> str:
        """What it is, for the report."""
        return "the model as it is"

    def predict(self, trial: Trial) -> NDArray[np.float64]:
        """Return the test rows' scores."""
        return self.raw_scores[trial.test]

    def remarks(self, trials: Sequence[Trial]) -> tuple[str, ...]:
        """Return nothing: no trial is learnt from."""
        return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneMethod:
    """Full fine-tuning by a recipe; each trial is a run of its own that can be gone on with."""

    items: Sequence[MosItem]
    groups: Sequence[int]
    recipe: FinetuneRecipe
    folder: Path
    """Holds a run's folder per trial."""
    device: torch.device
    init: Path | None = None
    """Weights to start every trial from; None for random ones (the recipe's seed)."""
    num_workers: int = 2

    @property
    def title(self) -> str:
        """What it is, for the report."""
        start = f"from {self.init.name}" if self.init else "from random weights"
        return f"full fine-tuning of {self.recipe.encoder} {start}"

    def predict(self, trial: Trial) -> NDArray[np.float64]:
        """Fine-tune on the training rows (or go on with it) and score the test rows."""
        run, split = self.folder / trial.name, self.labelled_split(trial)
        self._check_start(run)
        finetune(
            replace(self.recipe, seed=self.recipe.seed + trial.number),
            split,
            RunOptions(
                out=run,
                device=self.device,
                num_workers=self.num_workers,
                resume=bool(list_checkpoints(run / "checkpoints")),
                init=self.init,
            ),
        )
        weights = "best" if split.validation else "last"
        subject = load_subject(str(run), device=self.device.type, weights=weights)
        paths = [self.items[row].path for row in trial.test]
        return score_paths(subject.scorer, paths, workers=max(1, self.num_workers)).raw_scores

    def remarks(self, trials: Sequence[Trial]) -> tuple[str, ...]:
        """Tell which numbers of labels were too few to choose an epoch by."""
        counts = sorted({len(t.train) for t in trials if not any(self._validates(t))})
        if not counts:
            return ()
        listed = ", ".join(map(str, counts))
        return (
            f"With {listed} labels no photos chose the epoch: all were trained on, and the last "
            "weights were tested.",
        )

    def _check_start(self, run: Path) -> None:
        """Write down what the run starts from; refuse to go on with one that began elsewhere.

        Raises:
            CheckpointError: if the run began from other weights, or does not say from which.
        """
        start = "random" if self.init is None else self._init_digest(self.init)
        note = run / "start.txt"
        if not note.exists():
            if list_checkpoints(run / "checkpoints"):
                raise CheckpointError(
                    f"{run} does not say what it began from; choose another --out"
                )
            make_folder(run)
            atomic_write(note, start.encode())
        elif note.read_text() != start:
            raise CheckpointError(f"{run} began from other weights; choose another --out")

    def _init_digest(self, init: Path) -> str:
        """Return the digest of the weights that `init` gives the recipe's network."""
        seed_initialisation(self.recipe.seed)
        model = build_quality_model(self.recipe.encoder, head_hidden=self.recipe.head_hidden)
        load_initial_weights(model, init)
        return weights_digest(model)

    def labelled_split(self, trial: Trial) -> LabelledSplit:
        """Take a grouped part of the training rows for validation, unless it would be tiny.

        The test rows stay outside.
        """
        rows = list(zip(trial.train, self._validates(trial), strict=True))
        train = [self.items[row] for row, part in rows if not part]
        validation = [self.items[row] for row, part in rows if part]
        mos = np.asarray([item.mos for item in train])
        return LabelledSplit(
            train=train,
            validation=validation,
            heldout=[],
            mos_mean=float(mos.mean()),
            mos_std=float(mos.std()) or 1.0,
            description={
                "set": f"benchmark {trial.name}",
                "hash": split_hash([*train, *validation], [0] * len(train) + [1] * len(validation)),
                "train": len(train),
                "validation": len(validation),
                "heldout": 0,
            },
        )

    def _validates(self, trial: Trial) -> list[bool]:
        """Return for each training row whether it chooses the epoch instead of being trained on."""
        none = [False] * len(trial.train)
        if len(trial.train) * VALIDATION_SHARE < LEAST_VALIDATION:
            return none
        drawn = draw_part(
            *_columns(self.items, self.groups, trial), share=VALIDATION_SHARE, seed=trial.seed
        )
        return drawn if sum(drawn) >= 2 else none  # a single photo has no order


def inner_folds(
    items: Sequence[MosItem], groups: Sequence[int], trial: Trial, folds: int
) -> list[int]:
    """Return the inner fold of each training row; groups stay whole."""
    return assign_folds(*_columns(items, groups, trial), folds=folds, seed=trial.seed)


def _columns(
    items: Sequence[MosItem], groups: Sequence[int], trial: Trial
) -> tuple[list[str], list[int], list[str]]:
    """Return name, group and subset of each training row."""
    return (
        [items[row].name for row in trial.train],
        [groups[row] for row in trial.train],
        [items[row].subset or "" for row in trial.train],
    )
