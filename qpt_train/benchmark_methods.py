"""What a benchmark can test: frozen features with ridge, a model as it is, full fine-tuning."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from qpt_train.benchmark import Trial
from qpt_train.checkpoint import list_checkpoints
from qpt_train.data.labelled_split import LabelledSplit
from qpt_train.data.mos_records import MosItem
from qpt_train.data.splits import assign_folds, split_hash
from qpt_train.finetune import RunOptions, finetune
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.photo_scores import score_paths
from qpt_train.ridge import choose_alpha, fit_ridge
from qpt_train.subjects import load_subject

INNER_FOLDS = 5
"""Grouped folds of the training rows that choose ridge's alpha."""
VALIDATION_PARTS = 10
"""One grouped part in so many of the training rows chooses the best epoch of a fine-tuning."""


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
        run = self.folder / trial.name
        finetune(
            replace(self.recipe, seed=self.recipe.seed + trial.number),
            self.labelled_split(trial),
            RunOptions(
                out=run,
                device=self.device,
                num_workers=self.num_workers,
                resume=bool(list_checkpoints(run / "checkpoints")),
                init=self.init,
            ),
        )
        subject = load_subject(str(run), device=self.device.type, weights="best")
        paths = [self.items[row].path for row in trial.test]
        return score_paths(subject.scorer, paths, workers=max(1, self.num_workers)).raw_scores

    def labelled_split(self, trial: Trial) -> LabelledSplit:
        """Take a grouped part of the training rows for validation; the test rows stay outside."""
        folds = inner_folds(self.items, self.groups, trial, VALIDATION_PARTS)
        rows = list(zip(trial.train, folds, strict=True))
        train = [self.items[row] for row, fold in rows if fold != 0]
        validation = [self.items[row] for row, fold in rows if fold == 0]
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


def inner_folds(
    items: Sequence[MosItem], groups: Sequence[int], trial: Trial, folds: int
) -> list[int]:
    """Return the inner fold of each training row; groups stay whole."""
    return assign_folds(
        [items[row].name for row in trial.train],
        [groups[row] for row in trial.train],
        [items[row].subset or "" for row in trial.train],
        folds=folds,
        seed=trial.seed,
    )
