"""Labelled photos -> the views of a training step. No augmentation that changes quality."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from qpt_app.core.decode import decode_photo
from qpt_app.core.preprocess import (
    Pixels,
    PreprocessConfig,
    Views,
    fit_to_screen,
    global_view,
    pad_to,
    prepare_views,
)
from qpt_app.errors import DatasetError
from qpt_train.data.cut_mix import MixWindow, choose_partners, draw_window, paste_window
from qpt_train.degradations.executor import degrade_single
from qpt_train.randomness import numpy_generator


class TrainingViews(NamedTuple):
    """The views of one photo."""

    global_view: Tensor
    """(3, G, G) uint8."""
    crops: Tensor
    """(K, 3, S, S) uint8."""


class TrainingPhoto(NamedTuple):
    """One labelled photo of a step."""

    views: TrainingViews
    degraded: TrainingViews | None
    """The same windows of a degraded copy."""
    severity: int
    """Of the degraded copy, 1 to 5; 0 without one."""
    target: float
    """Standardised MOS."""
    group: int
    """Which subset the photo is of."""
    position: int
    """The photo's position in the data set."""
    mix: MixWindow | None = None
    """Window that another photo of the step is pasted into."""


class TrainingBatch(NamedTuple):
    """N photos and the M degraded copies that some of them brought."""

    global_views: Tensor
    """(N + M, 3, G, G) uint8, the degraded copies last."""
    crops: Tensor
    """(N + M, K, 3, S, S) uint8."""
    targets: Tensor
    """(N,) float32, standardised MOS; of a mixed photo, its parts' by area."""
    degraded_rows: Tensor
    """(M,) int64: which of the N photos each copy was made from."""
    severities: Tensor
    """(M,) float32, 1 to 5."""
    groups: Tensor
    """(N,) int64: which subset each photo is of."""
    positions: Tensor
    """(N,) int64."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankingConfig:
    """Degraded copies of the training photos: the score has to fall as the severity rises."""

    share: float = 0.0
    """Share of the photos of an epoch that bring a degraded copy; 0 leaves the term out."""
    weight: float = 1.0
    """Weight of the hinge loss."""
    margin: float = 0.15
    """Least fall of the raw score per step of severity, in standard deviations of MOS."""
    operators: tuple[str, ...] = (
        "gaussian_blur",
        "lens_blur",
        "motion_blur",
        "white_noise",
        "white_noise_ycbcr",
        "multiplicative_noise",
        "impulse_noise",
        "jpeg",
        "rescale_bicubic",
        "pixelate",
        "quantise",
    )
    """Only those that make any photo worse: brightening, say, can mend one."""
    harsh_operators: tuple[str, ...] = ("brighten", "darken", "contrast_squeeze")
    """Used from `harsh_from` on only, where they mend few photos or none."""
    harsh_from: int = 4
    """The lowest severity of those, 1 to 5. From 4 on, they mend no photo any more."""

    def __post_init__(self) -> None:
        """Check the severity.

        Raises:
            ValueError: if it is out of range.
        """
        if not 1 <= self.harsh_from <= 5:
            raise ValueError("harsh_from must lie in 1..5")


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewSampling:
    """How training views are cut."""

    preprocess: PreprocessConfig
    crops_per_photo: int
    crop_size: int
    """Side of the crops."""
    global_crop: int
    """Side of the window cut from the global view; 0 keeps all of it."""
    seed: int
    ranking: RankingConfig
    cut_mix_share: float = 0.0
    """Share of the photos that another one is pasted into; those with a degraded copy never."""


class TrainingViewSet(Dataset[TrainingPhoto]):
    """Random crops and flips of labelled photos; asked for by (epoch, index)."""

    def __init__(
        self,
        paths: list[Path],
        targets: np.ndarray,
        sampling: ViewSampling,
        *,
        groups: Sequence[int] | None = None,
    ) -> None:
        self._paths = paths
        self._targets = targets
        self._sampling = sampling
        self._groups = [0] * len(paths) if groups is None else list(groups)

    def __len__(self) -> int:
        """Return the number of photos."""
        return len(self._paths)

    def __getitem__(self, place: tuple[int, int]) -> TrainingPhoto:
        """Return photo `place[1]` as epoch `place[0]` sees it, a pure function of both."""
        epoch, index = place
        sampling = self._sampling
        pixels = read_pixels(self._paths[index], sampling.preprocess)
        fitted = fit_to_screen(pixels, sampling.preprocess.screen_side)
        degraded, severity = self._degrade(fitted, epoch, index)
        return TrainingPhoto(
            self._cut(fitted, epoch, index),
            None if degraded is None else self._cut(degraded, epoch, index),
            severity,
            float(self._targets[index]),
            self._groups[index],
            index,
            None if degraded is not None else self._draw_mix(epoch, index),
        )

    def _draw_mix(self, epoch: int, index: int) -> MixWindow | None:
        """Return the window of (epoch, index) for the share of photos that are mixed."""
        generator = numpy_generator(self._sampling.seed, "cut-mix", epoch, index)
        if generator.random() >= self._sampling.cut_mix_share:
            return None
        return draw_window(generator)

    def _cut(self, fitted: Pixels, epoch: int, index: int) -> TrainingViews:
        """Cut the windows of (epoch, index); the same ones from a photo and its degraded copy."""
        sampling = self._sampling
        generator = numpy_generator(sampling.seed, "training-views", epoch, index)
        overview = global_view(fitted, sampling.preprocess)
        if sampling.global_crop:
            overview = random_crop(overview, sampling.global_crop, generator)
        crops = [
            random_flip(random_crop(fitted, sampling.crop_size, generator), generator)
            for _ in range(sampling.crops_per_photo)
        ]
        return TrainingViews(
            _to_tensor(random_flip(overview, generator)),
            torch.stack([_to_tensor(crop) for crop in crops]),
        )

    def _degrade(self, fitted: Pixels, epoch: int, index: int) -> tuple[Pixels | None, int]:
        """Return a degraded copy and its severity, for the share of photos that bring one."""
        ranking = self._sampling.ranking
        generator = numpy_generator(self._sampling.seed, "degraded-copy", epoch, index)
        if generator.random() >= ranking.share:
            return None, 0
        names = (*ranking.operators, *ranking.harsh_operators)
        name = names[int(generator.integers(len(names)))]
        lowest = ranking.harsh_from if name in ranking.harsh_operators else 1
        severity = int(generator.integers(lowest, 6))
        degraded = degrade_single(
            _to_tensor(fitted), name, severity, int(generator.integers(2**31))
        )
        pixels: Pixels = degraded.permute(1, 2, 0).numpy()
        return pixels, severity


def collate_photos(photos: list[TrainingPhoto]) -> TrainingBatch:
    """Stack photos, mixed where they ask for it, and behind them the copies that some brought."""
    rows = [row for row, photo in enumerate(photos) if photo.degraded is not None]
    copies = [photo.degraded for photo in photos if photo.degraded is not None]
    views = [photo.views for photo in photos] + copies
    global_views = torch.stack([view.global_view for view in views])
    crops = torch.stack([view.crops for view in views])
    return TrainingBatch(
        global_views,
        crops,
        _mix(photos, global_views, crops),
        torch.tensor(rows, dtype=torch.int64),
        torch.tensor([float(photos[row].severity) for row in rows]),
        torch.tensor([photo.group for photo in photos]),
        torch.tensor([photo.position for photo in photos]),
    )


def _mix(photos: list[TrainingPhoto], global_views: Tensor, crops: Tensor) -> Tensor:
    """Paste partners' windows into the stacked views, in place; return the (N,) targets."""
    targets = [photo.target for photo in photos]
    partners = choose_partners([photo.group for photo in photos])
    for row, (photo, partner) in enumerate(zip(photos, partners, strict=True)):
        if photo.mix is not None:
            whole = photos[partner]
            paste_window(global_views[row], whole.views.global_view, photo.mix)
            paste_window(crops[row], whole.views.crops, photo.mix)
            targets[row] += photo.mix.area * (whole.target - photo.target)
    return torch.tensor(targets, dtype=torch.float32)


class ScoringViewSet(Dataset[Views]):
    """The fixed views of photos, exactly as the program sees them."""

    def __init__(self, paths: list[Path], preprocess: PreprocessConfig) -> None:
        self._paths = paths
        self._preprocess = preprocess

    def __len__(self) -> int:
        """Return the number of photos."""
        return len(self._paths)

    def __getitem__(self, index: int) -> Views:
        """Return the views of one photo."""
        return prepare_views(read_pixels(self._paths[index], self._preprocess), self._preprocess)


class StepSampler(Sampler[list[tuple[int, int]]]):
    """Yields the (epoch, index) pairs of each step from `start_step` to the last.

    The order within an epoch depends on (seed, epoch) alone, so a resumed run sees the same
    batches; the incomplete last batch of an epoch is left out.
    """

    def __init__(
        self, *, count: int, batch_size: int, epochs: int, seed: int, start_step: int = 0
    ) -> None:
        self._count = count
        self._batch_size = batch_size
        self._epochs = epochs
        self._seed = seed
        self._start_step = start_step

    def __len__(self) -> int:
        """Return the number of steps still to do."""
        return self._epochs * (self._count // self._batch_size) - self._start_step

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield one list of (epoch, index) per step."""
        steps_per_epoch = self._count // self._batch_size
        for epoch in range(self._start_step // steps_per_epoch, self._epochs):
            order = numpy_generator(self._seed, "photo-order", epoch).permutation(self._count)
            first = max(0, self._start_step - epoch * steps_per_epoch)
            for step in range(first, steps_per_epoch):
                chosen = order[step * self._batch_size : (step + 1) * self._batch_size]
                yield [(epoch, int(index)) for index in chosen]


def read_pixels(path: Path, preprocess: PreprocessConfig) -> Pixels:
    """Decode a labelled photo exactly as the program does.

    Raises:
        DatasetError: if it has no pixels; a labelled set must be whole.
    """
    photo = decode_photo(path, min_side=preprocess.decode_side)
    if photo.pixels is None:
        raise DatasetError(f"labelled photo {path} cannot be read: {photo.status} {photo.reason}")
    return photo.pixels


def random_crop(pixels: Pixels, size: int, generator: np.random.Generator) -> Pixels:
    """Cut a square of `size` at a uniform place; a smaller photo is extended by mirroring."""
    padded = pad_to(pixels, size)
    top = int(generator.integers(0, padded.shape[0] - size + 1))
    left = int(generator.integers(0, padded.shape[1] - size + 1))
    return padded[top : top + size, left : left + size]


def random_flip(pixels: Pixels, generator: np.random.Generator) -> Pixels:
    """Mirror left to right with probability one half."""
    if generator.random() < 0.5:
        pixels = pixels[:, ::-1]
    return pixels


def _to_tensor(pixels: Pixels) -> Tensor:
    """(H, W, 3) -> (3, H, W) uint8, its own memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
