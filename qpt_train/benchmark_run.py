"""Puts a benchmark together: photos, groups, trials, method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpt_app.errors import DatasetError, UsageError
from qpt_train.benchmark import (
    FEW_LABELS,
    BenchmarkResult,
    Method,
    ProtocolName,
    Trial,
    plan_cross,
    plan_few_labels,
    plan_official,
    plan_splits,
    run_trials,
)
from qpt_train.data.mos_records import MosItem
from qpt_train.data.mos_sets import load_mos_set
from qpt_train.data.near_duplicates import PhotoPrints, near_duplicate_pairs, photo_prints
from qpt_train.data.splits import content_groups, group_photos
from qpt_train.group_measures import BootstrapConfig
from qpt_train.subjects import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkOptions:
    """What to benchmark; the same options give the same trials."""

    protocol: ProtocolName
    data: Path
    test_data: Path | None = None
    """The set tested on, for the protocol `cross`."""
    final: bool = False
    """Official test photos may be tested on, by `official` and `cross`; never trained on."""
    grouped: bool = True
    """Near-duplicates and scenes stay together; without, only one pristine content does."""
    leak_check: bool = False
    splits: int = 10
    labels: tuple[int, ...] = FEW_LABELS
    draws: int = 10
    seed: int = 0
    bootstrap: BootstrapConfig = field(default_factory=lambda: BootstrapConfig(resamples=200))


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkPhotos:
    """The photos of a benchmark, their groups and the trials over them."""

    data_name: str
    items: tuple[MosItem, ...]
    groups: tuple[int, ...]
    """Group label of each photo."""
    prints: PhotoPrints | None
    """None if neither groups nor the leak check needed them."""
    trials: tuple[Trial, ...]


def parse_protocol(name: str) -> ProtocolName:
    """Return a protocol's name as given on a command line.

    Raises:
        UsageError: if there is none of that name.
    """
    match name:
        case "official" | "splits" | "few-labels" | "cross":
            return name
    raise UsageError(f"the protocol is official, splits, few-labels or cross, not {name!r}")


def parse_labels(text: str) -> tuple[int, ...]:
    """Return numbers of labels given as `20,50,100`.

    Raises:
        UsageError: if one is not a whole number of at least 2.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= 2 for part in parts):
        raise UsageError(f"numbers of labels are whole numbers from 2, not {text!r}")
    return tuple(int(part) for part in parts)


def plan_benchmark(options: BenchmarkOptions, *, cache_folder: Path) -> BenchmarkPhotos:
    """Read the photos and plan the trials.

    Raises:
        UsageError: for `official` without `final`, `cross` without a second set or with one that
            shares photos with the first.
        DatasetError: if a set cannot be read, is too small or has no official split where one is
            needed.
    """
    name, items, trained = _read_items(options)
    prints = None
    if options.grouped or options.leak_check:
        prints = photo_prints([item.path for item in items], cache_folder=cache_folder)
    if options.grouped and prints is not None:
        groups = group_photos(items, prints).tolist()
    else:
        groups = content_groups(items).tolist()
    match options.protocol:
        case "official":
            trials = plan_official(items, seed=options.seed)
        case "splits":
            trials = plan_splits(items, groups, count=options.splits, seed=options.seed)
        case "few-labels":
            trials = plan_few_labels(
                items, groups, counts=options.labels, draws=options.draws, seed=options.seed
            )
        case "cross":
            trials = plan_cross(trained, len(items) - trained, seed=options.seed)
    for trial in trials:
        if min(len(trial.train), len(trial.test)) < 2:
            raise DatasetError(
                f"{name}: {trial.group} leaves {len(trial.train)} photos to train and "
                f"{len(trial.test)} to test on; two or more of each are needed"
            )
    return BenchmarkPhotos(
        data_name=name, items=items, groups=tuple(groups), prints=prints, trials=tuple(trials)
    )


def run_benchmark(
    options: BenchmarkOptions,
    photos: BenchmarkPhotos,
    method: Method,
    subject: Subject | None,
    *,
    seen: Mapping[str, Any] | None = None,
    on_trial: Callable[[int], object] = lambda _count: None,
) -> BenchmarkResult:
    """Run all trials.

    Args:
        options: the benchmark's.
        photos: planned from them.
        method: what is tested.
        subject: its model; None where the method trains its own encoder.
        seen: the split with whose labels the weights were trained before; None without labels.
        on_trial: told 1 after every trial.
    """
    leaked = None
    if options.leak_check and photos.prints is not None:
        prints = photos.prints

        def leaked(trial: Trial) -> NDArray[np.bool_]:
            return leaked_rows(prints, trial)

    tested = {int(row) for trial in photos.trials for row in trial.test}
    return BenchmarkResult(
        protocol=options.protocol,
        method=method.title,
        model=subject.label if subject is not None else method.title,
        data=photos.data_name,
        seed=options.seed,
        final=any(photos.items[row].official_part == "test" for row in tested),
        trials=run_trials(
            photos.items,
            photos.trials,
            method,
            groups=photos.groups,
            bootstrap=options.bootstrap,
            leaked=leaked,
            on_trial=on_trial,
        ),
        cautions=(
            *cautions(options, seen),
            *shared_contents(options, photos),
            *method.remarks(photos.trials),
        ),
    )


def leaked_rows(prints: PhotoPrints, trial: Trial) -> NDArray[np.bool_]:
    """Return, (T,), which tested photos have a near-duplicate in the training rows."""
    pairs = near_duplicate_pairs(prints.hashes[trial.test], prints.hashes[trial.train])
    marks = np.zeros(len(trial.test), dtype=bool)
    marks[pairs[:, 0]] = True
    return marks


def cautions(options: BenchmarkOptions, seen: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return what a reader must know before comparing the figures."""
    found = []
    if not options.grouped:
        found.append("Scenes and near-duplicates may lie on both sides of a split.")
    if seen is not None:
        found.append(
            f"The model was fine-tuned on labels of {seen.get('set', 'some set')}: on "
            "photos of that set these figures are too good."
        )
    return tuple(found)


def shared_contents(options: BenchmarkOptions, photos: BenchmarkPhotos) -> tuple[str, ...]:
    """Tell of photos of the second set whose group holds photos of the first; empty for none.

    Other protocols keep groups whole, or test on an official part as it is.
    """
    if options.protocol != "cross":
        return ()
    groups = np.asarray(photos.groups)
    (trial,) = photos.trials
    shared = int(np.isin(groups[trial.test], groups[trial.train]).sum())
    if not shared:
        return ()
    what = "content" if photos.prints is None or not options.grouped else "content or scene"
    return (
        f"{shared} of {len(trial.test)} tested photos show a {what} of the set trained on: on them "
        "these figures are too good.",
    )


def _read_items(options: BenchmarkOptions) -> tuple[str, tuple[MosItem, ...], int]:
    """Return the benchmark's name, its photos and how many of them are the first set's."""
    if options.protocol == "official" and not options.final:
        raise UsageError(
            "the official test photos are for a final number only; add --final if this is one"
        )
    if options.final and options.protocol not in ("official", "cross"):
        raise UsageError(
            f"--final goes with official or cross; {options.protocol} would train on test photos"
        )
    if (options.protocol == "cross") != (options.test_data is not None):
        raise UsageError("the protocol cross, and no other, needs --test-data")
    if options.test_data is not None and options.test_data.resolve() == options.data.resolve():
        raise UsageError("--test-data is the set trained on; for one set, use --protocol splits")
    first = load_mos_set(options.data, part="all" if options.final else "train")
    if options.test_data is None:
        return first.name, first.items, len(first.items)
    first = first.only("train")
    second = load_mos_set(options.test_data, part="all" if options.final else "train")
    trained = {item.path.resolve() for item in first.items}
    if both := sum(item.path.resolve() in trained for item in second.items):
        raise UsageError(
            f"{both} photos of {options.test_data} are trained on as photos of {options.data}; "
            "cross needs two sets without a photo in common"
        )
    return f"{first.name} -> {second.name}", (*first.items, *second.items), len(first.items)
