"""Does the score fall as a degradation grows? Needs clean photos and no labels.

Each photo is fitted to the model's screen first and degraded there, because that is what the
model sees: a blur of two pixels on 24 megapixels is gone after fitting.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qpt_app.core.decode import PHOTO_EXTENSIONS
from qpt_app.core.preprocess import Pixels, fit_to_screen
from qpt_app.core.scorer import Scorer
from qpt_app.errors import DatasetError, UsageError
from qpt_train.data.mos_views import read_pixels
from qpt_train.degradations.executor import degrade_single
from qpt_train.degradations.table import DEGRADATIONS
from qpt_train.degradations.types import SEVERITIES
from qpt_train.metrics import (
    Interval,
    krcc,
    pairwise_accuracy,
    percentile_interval,
    resampled_rows,
)
from qpt_train.photo_scores import score_pixels
from qpt_train.randomness import derive_seed, numpy_generator

SEVERITIES_APART = 2
"""The two versions of a pair differ by this many severities (the undegraded photo counts as 0)."""

EVERYDAY_OPERATORS = (
    "gaussian_blur",
    "lens_blur",
    "motion_blur",
    "white_noise",
    "white_noise_ycbcr",
    "jpeg",
    "brighten",
    "mean_shift_up",
    "darken",
    "mean_shift_down",
)
"""What photographers meet: blur, noise, compression, over- and under-exposure. Our choice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorSensitivity:
    """How a model's score follows one degradation."""

    operator: str
    group: str
    tau: float
    """Mean over photos of Kendall's tau-b between falling score and severity 0..5, -1..1."""
    tau_low: float
    """The 10th percentile over photos: the photos on which the model follows least."""
    pairwise: float
    """Share of pairs two severities apart whose less degraded version scores higher, 0..1."""
    by_photo: tuple[float, ...]
    """The same share for each photo, in their order (sorted by path)."""
    falls: tuple[float, ...]
    """Mean fall of the raw score at severities 1..5, in standard deviations of MOS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensitivity:
    """The result over all operators."""

    model: str
    photos: int
    seed: int
    operators: tuple[OperatorSensitivity, ...]

    @property
    def mean_pairwise(self) -> float:
        """Mean pairwise accuracy over all operators."""
        return float(np.mean([row.pairwise for row in self.operators]))

    @property
    def everyday_pairwise(self) -> float | None:
        """Mean pairwise accuracy over `EVERYDAY_OPERATORS`; None unless all were measured."""
        found = {row.operator: row.pairwise for row in self.operators}
        if not set(EVERYDAY_OPERATORS) <= set(found):
            return None
        return float(np.mean([found[name] for name in EVERYDAY_OPERATORS]))

    @property
    def everyday_interval(self) -> Interval | None:
        """95 % bootstrap interval of `everyday_pairwise` over photos, 1,000 draws by `seed`."""
        if self.everyday_pairwise is None:
            return None
        found = {row.operator: row.by_photo for row in self.operators}
        by_photo = np.mean([found[name] for name in EVERYDAY_OPERATORS], axis=0)
        drawn = resampled_rows(self.photos, resamples=1000, seed=self.seed)
        means = np.asarray([by_photo[rows].mean() for rows in drawn])
        return percentile_interval(means, level=0.95)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "schema": 1,
            **asdict(self),
            "severities_apart": SEVERITIES_APART,
            "mean_pairwise": self.mean_pairwise,
            "everyday_operators": list(EVERYDAY_OPERATORS),
            "everyday_pairwise": self.everyday_pairwise,
            "everyday_interval": self.everyday_interval,
        }


def choose_clean_photos(folder: Path, *, count: int, seed: int) -> list[Path]:
    """Return up to `count` photos of a folder, drawn by the seed, sorted by name.

    Raises:
        DatasetError: if it holds none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_EXTENSIONS)
    if not found:
        raise DatasetError(f"there are no photos in {folder}")
    order = numpy_generator(seed, "clean photos").permutation(len(found))
    return sorted(found[place] for place in order[:count])


def check_operators(names: Sequence[str]) -> tuple[str, ...]:
    """Return the operators to measure: those named, or all.

    Raises:
        UsageError: for an unknown name.
    """
    unknown = [name for name in names if name not in DEGRADATIONS]
    if unknown:
        raise UsageError(f"unknown degradation {unknown[0]!r}; known: {', '.join(DEGRADATIONS)}")
    return tuple(names) or tuple(DEGRADATIONS)


def measure_sensitivity(
    scorer: Scorer,
    paths: Sequence[Path],
    *,
    label: str,
    operators: Sequence[str],
    seed: int = 0,
    on_photo: Callable[[int], object] = lambda _count: None,
) -> Sensitivity:
    """Score every photo undegraded and under every operator at every severity.

    Args:
        scorer: the model.
        paths: clean photos, their shorter side at least 32 pixels.
        label: the model's name for the report.
        operators: names of degradations.
        seed: of the degradations; one photo keeps its noise pattern through all severities.
        on_photo: told 1 after every photo, for a progress bar.

    Raises:
        DatasetError: if a photo has no pixels.
    """
    preprocess = scorer.identity.preprocess
    scores = np.empty((len(operators), len(paths), 1 + len(SEVERITIES)))
    for number, path in enumerate(paths):
        fitted = fit_to_screen(read_pixels(path, preprocess), preprocess.screen_side)
        scores[:, number, 0] = score_pixels(scorer, [fitted])[0]
        for place, name in enumerate(operators):
            row_seed = derive_seed(seed, f"sensitivity {name}", number)
            versions = degraded_versions(fitted, name, row_seed)
            scores[place, number, 1:] = score_pixels(scorer, versions)
        on_photo(1)
    return Sensitivity(
        model=label,
        photos=len(paths),
        seed=seed,
        operators=tuple(
            operator_sensitivity(name, scores[place]) for place, name in enumerate(operators)
        ),
    )


def degraded_versions(pixels: Pixels, name: str, seed: int) -> list[Pixels]:
    """Return the five severities of one degradation of (H, W, 3) uint8 pixels."""
    tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return [
        np.ascontiguousarray(
            degrade_single(tensor, name, severity, seed).numpy().transpose(1, 2, 0)
        )
        for severity in SEVERITIES
    ]


def operator_sensitivity(name: str, scores: NDArray[np.float64]) -> OperatorSensitivity:
    """Summarise the scores of one operator.

    Args:
        name: the operator, a key of `DEGRADATIONS`.
        scores: (P, 6) raw scores of each photo at severity 0 (undegraded) to 5.
    """
    levels = np.arange(scores.shape[1])
    taus = [krcc(-row, levels) for row in scores]
    better, worse = scores[:, :-SEVERITIES_APART], scores[:, SEVERITIES_APART:]
    falls = (scores[:, :1] - scores[:, 1:]).mean(axis=0)
    return OperatorSensitivity(
        operator=name,
        group=DEGRADATIONS[name].group,
        tau=float(np.mean(taus)),
        tau_low=float(np.percentile(taus, 10)),
        pairwise=pairwise_accuracy(better.ravel(), worse.ravel()),
        by_photo=tuple(pairwise_accuracy(*sides) for sides in zip(better, worse, strict=True)),
        falls=tuple(float(value) for value in falls),
    )
