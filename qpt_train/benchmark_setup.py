"""Builds the method that a benchmark's command line names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qpt_app.core.torch_scorer import choose_device
from qpt_app.errors import UsageError
from qpt_train.benchmark import Method
from qpt_train.benchmark_features import photo_features
from qpt_train.benchmark_methods import AsItIsMethod, FinetuneMethod, RidgeMethod
from qpt_train.benchmark_run import BenchmarkPhotos
from qpt_train.config import load_recipe
from qpt_train.finetune_config import FinetuneRecipe
from qpt_train.subjects import Subject, load_encoder_subject, load_subject, training_of


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodOptions:
    """Which method, on which weights, where."""

    method: str
    """`ridge`, `finetune` or `as-is`."""
    model: str | None
    """A model with a head: name, file or run's folder."""
    encoder: str | None
    """A bare encoder instead, for `ridge`."""
    init: Path | None
    """Weights for `encoder`, or that every fine-tuning starts from."""
    init_seed: int
    """Seed of random weights for `encoder`."""
    recipe: str
    """Recipe of `finetune`."""
    overrides: tuple[str, ...]
    """Overrides of the recipe."""
    device: str
    batch_size: int | None
    workers: int
    folder: Path
    """Where features and runs are kept."""
    weights: str = "best"
    """Of a run given as `model`: `best` or `last`."""


def build_method(
    options: MethodOptions,
    photos: BenchmarkPhotos,
    *,
    on_photo: Callable[[int], object] = lambda _count: None,
) -> tuple[Method, Subject | None]:
    """Return the method and the model it rests on; None where each trial trains its own.

    Raises:
        UsageError: for an unknown method or options that do not go together.
    """
    if options.method == "finetune":
        return _finetune_method(options, photos), None
    subject = _subject(options, [item.path for item in photos.items])
    found = photo_features(
        subject,
        photos.items,
        cache_folder=options.folder,
        workers=options.workers,
        on_photo=on_photo,
    )
    if options.method == "as-is":
        return AsItIsMethod(raw_scores=found.raw_scores), subject
    method = RidgeMethod(items=photos.items, features=found.features, groups=photos.groups)
    return method, subject


def labels_seen(options: MethodOptions, subject: Subject | None) -> dict[str, Any] | None:
    """Return the split that the weights were trained on with labels; None if on none.

    Raises:
        CheckpointError: if `options.init` is a run without a usable checkpoint.
    """
    if subject is not None:
        return subject.split
    split = training_of(options.init).get("split") if options.init is not None else None
    return split if isinstance(split, dict) else None


def _finetune_method(options: MethodOptions, photos: BenchmarkPhotos) -> FinetuneMethod:
    """Return full fine-tuning by a recipe."""
    if options.model is not None or options.encoder is not None:
        raise UsageError("--method finetune takes its encoder from --recipe, its start from --init")
    recipe = load_recipe(options.recipe, FinetuneRecipe, options.overrides)
    method = FinetuneMethod(
        items=photos.items,
        groups=photos.groups,
        recipe=recipe,
        folder=options.folder / "runs",
        device=choose_device(options.device),
        init=options.init,
        num_workers=options.workers,
    )
    for trial in photos.trials:
        trained = len(method.labelled_split(trial).train)
        if trained < recipe.batch_size:
            raise UsageError(
                f"{trained} photos to train on, of {len(trial.train)} labels, are less than a "
                f"batch of {recipe.batch_size}; add --set batch_size=8 or ask for more by --labels"
            )
    return method


def _subject(options: MethodOptions, paths: Sequence[Path]) -> Subject:
    """Return the model that features or scores come from; `paths` are the photos' of the set."""
    if options.method not in ("ridge", "as-is"):
        raise UsageError(f"the method is ridge, finetune or as-is, not {options.method!r}")
    if (options.model is None) == (options.encoder is None):
        raise UsageError(f"--method {options.method} needs either --model or --encoder")
    if options.encoder is None:
        if options.init is not None:
            raise UsageError("--init goes with --encoder; a --model has its own weights")
        return load_subject(
            str(options.model),
            device=options.device,
            batch_size=options.batch_size,
            weights=options.weights,
        )
    if options.method == "as-is":
        raise UsageError("a bare encoder has no scores of its own; use --method ridge")
    return load_encoder_subject(
        options.encoder,
        init=options.init,
        seed=options.init_seed,
        settle_on=paths,
        device=options.device,
        batch_size=options.batch_size,
    )
