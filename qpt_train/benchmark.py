"""Benchmark protocols: who trains on what and is tested on what. Planning is pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from qpt_app.errors import DatasetError, UsageError
from qpt_train.data.mos_records import MosItem
from qpt_train.data.splits import draw_part, split_hash
from qpt_train.group_measures import BootstrapConfig, SplitMeasure, measure_split
from qpt_train.randomness import derive_seed, numpy_generator

ProtocolName = Literal["official", "splits", "few-labels", "cross"]

FEW_LABELS = (20, 50, 100, 200)
TEST_SHARE = 0.2
"""A fifth of the photos is tested on: the usual 80/20."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One training and one test of a protocol, as rows of the benchmark's photos."""

    group: str
    """What it is summarised with, such as `200 labels` or `80/20`."""
    number: int
    """Which repetition."""
    train: Rows
    """Rows to train on, choosing of anything included."""
    test: Rows
    """Rows to test on; nothing is chosen on them."""
    seed: int
    """Seed of the trial: inner folds, initial weights."""

    @property
    def name(self) -> str:
        """A name that is also a folder's."""
        return f"{self.group.replace('/', '-').replace(' ', '-')}-{self.number}"


class Method(Protocol):
    """Something that learns from a trial's training rows and predicts its test rows."""

    @property
    def title(self) -> str:
        """What it is, for the report."""
        ...

    def predict(self, trial: Trial) -> NDArray[np.float64]:
        """Return predictions of `trial.test`, higher is better."""
        ...

    def remarks(self, trials: Sequence[Trial]) -> tuple[str, ...]:
        """Return what a reader must know of how these trials were learnt from."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialResult:
    """The measures of one trial."""

    group: str
    number: int
    trained_on: int
    split_hash: str
    """Of the pairs (name, 1 for tested or 0 for trained on)."""
    measures: SplitMeasure
    leaked: int | None = None
    """Tested photos with a near-duplicate in the training rows; None if not looked for."""
    without_leaks: SplitMeasure | None = None
    """Measures of the others; None also where fewer than two are left."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "group": self.group,
            "number": self.number,
            "trained_on": self.trained_on,
            "split_hash": self.split_hash,
            "measures": self.measures.to_dict(),
            "leaked": self.leaked,
            "without_leaks": self.without_leaks.to_dict() if self.without_leaks else None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkResult:
    """All trials of one protocol."""

    protocol: ProtocolName
    method: str
    model: str
    data: str
    seed: int
    final: bool
    """Whether official test photos were tested on."""
    trials: tuple[TrialResult, ...]
    cautions: tuple[str, ...] = field(default=())
    """What a reader must know before comparing the figures."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "schema": 1,
            "protocol": self.protocol,
            "method": self.method,
            "model": self.model,
            "data": self.data,
            "seed": self.seed,
            "final": self.final,
            "cautions": list(self.cautions),
            "trials": [trial.to_dict() for trial in self.trials],
        }


def plan_official(items: Sequence[MosItem], *, seed: int) -> list[Trial]:
    """Train on everything but the official test part, test on that.

    Raises:
        DatasetError: if there is no official split among the photos.
    """
    tested = np.asarray([item.official_part == "test" for item in items])
    if not tested.any() or tested.all():
        raise DatasetError("the set has no official split into train and test")
    return [_trial("official split", 0, ~tested, tested, seed)]


def plan_splits(
    items: Sequence[MosItem], groups: Sequence[int], *, count: int, seed: int
) -> list[Trial]:
    """Draw `count` 80/20 splits; groups stay whole, subsets are spread evenly.

    Args:
        items: the photos.
        groups: (N,) group label of each photo.
        count: how many splits.
        seed: split k depends on it and on k alone.
    """
    return [
        _trial("80/20", number, ~tested, tested, derive_seed(seed, "benchmark trial", number))
        for number in range(count)
        for tested in [fifth_to_test(items, groups, derive_seed(seed, "80/20", number))]
    ]


def plan_few_labels(
    items: Sequence[MosItem],
    groups: Sequence[int],
    *,
    counts: Sequence[int],
    draws: int,
    seed: int,
) -> list[Trial]:
    """Draw few labels from four fifths of the photos and test on the last fifth, always the same.

    Args:
        items: the photos.
        groups: (N,) group label of each photo.
        counts: numbers of labels.
        draws: how many draws of each number.
        seed: of the split and the draws.

    Raises:
        UsageError: if more labels are wanted than photos are left.
    """
    tested = fifth_to_test(items, groups, seed)
    rest = np.flatnonzero(~tested)
    if max(counts) > len(rest):
        raise UsageError(f"{max(counts)} labels are wanted, but only {len(rest)} photos are left")
    trials = []
    for count in counts:
        for draw in range(draws):
            chosen = numpy_generator(seed, "few labels", count, draw).permutation(rest)[:count]
            trials.append(
                Trial(
                    group=f"{count} labels",
                    number=draw,
                    train=np.sort(chosen),
                    test=np.flatnonzero(tested),
                    seed=derive_seed(seed, "few-label trial", count, draw),
                )
            )
    return trials


def plan_cross(trained: int, tested: int, *, seed: int) -> list[Trial]:
    """Train on the first `trained` rows, one set, and test on the next `tested`, another."""
    rows = np.arange(trained + tested)
    return [_trial("cross-dataset", 0, rows < trained, rows >= trained, seed)]


def fifth_to_test(items: Sequence[MosItem], groups: Sequence[int], seed: int) -> NDArray[np.bool_]:
    """Return which photos, (N,) bool, are the fifth to test on."""
    drawn = draw_part(
        [item.name for item in items],
        groups,
        [item.subset or "" for item in items],
        share=TEST_SHARE,
        seed=seed,
    )
    return np.asarray(drawn)


def run_trials(
    items: Sequence[MosItem],
    trials: Sequence[Trial],
    method: Method,
    *,
    bootstrap: BootstrapConfig,
    groups: Sequence[int] | None = None,
    leaked: Callable[[Trial], NDArray[np.bool_]] | None = None,
    on_trial: Callable[[int], object] = lambda _count: None,
) -> tuple[TrialResult, ...]:
    """Run every trial and measure it.

    Args:
        items: the photos; rows of the trials.
        trials: what to do.
        method: who does it.
        bootstrap: of the intervals.
        groups: (N,) group label of each photo, drawn as wholes by the bootstrap; None for photos.
        leaked: tells for each tested photo whether it has a near-duplicate in the training rows;
            None for no leak check.
        on_trial: told 1 after every trial.
    """
    results = []
    for trial in trials:
        predicted = method.predict(trial)
        marks = leaked(trial) if leaked is not None else None
        results.append(measure_trial(items, trial, predicted, bootstrap, marks, groups))
        on_trial(1)
    return tuple(results)


def measure_trial(
    items: Sequence[MosItem],
    trial: Trial,
    predicted: NDArray[np.float64],
    bootstrap: BootstrapConfig,
    leaked: NDArray[np.bool_] | None,
    groups: Sequence[int] | None = None,
) -> TrialResult:
    """Measure one trial's predictions, (T,), with and without the leaked photos, (T,) bool."""
    tested = [items[row] for row in trial.test]
    labels = None if groups is None else np.asarray(groups)[trial.test]

    def measure(kept: NDArray[np.bool_]) -> SplitMeasure:
        chosen = [item for item, keep in zip(tested, kept, strict=True) if keep]
        return measure_split(
            predicted[kept],
            [item.mos for item in chosen],
            [item.subset for item in chosen],
            bootstrap,
            groups=None if labels is None else labels[kept],
        )

    everything = np.ones(len(tested), dtype=bool)
    enough = leaked is not None and np.count_nonzero(~leaked) >= 2
    involved = [*tested, *(items[row] for row in trial.train)]
    return TrialResult(
        group=trial.group,
        number=trial.number,
        trained_on=len(trial.train),
        split_hash=split_hash(involved, [1] * len(trial.test) + [0] * len(trial.train)),
        measures=measure(everything),
        leaked=None if leaked is None else int(leaked.sum()),
        without_leaks=measure(~leaked) if leaked is not None and enough else None,
    )


def _trial(
    group: str,
    number: int,
    train: NDArray[np.bool_],
    test: NDArray[np.bool_],
    seed: int,
) -> Trial:
    """Return a trial of two masks."""
    return Trial(
        group=group,
        number=number,
        train=np.flatnonzero(train),
        test=np.flatnonzero(test),
        seed=seed,
    )
