"""What a quality head is fitted to: features and scene statistics of whole photos, measured once.

Fine-tuning sees random windows; here every photo is seen exactly as the program sees it, and so
are pairs of one photo in two states. Measuring takes minutes to an hour and is kept in the run's
folder part by part, so that a stopped run goes on where it was.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.encoder import normalise
from qpt_app.core.model_metadata import STATISTICS_VERSION
from qpt_app.core.preprocess import Pixels, PreprocessConfig, Views, fit_to_screen, prepare_views
from qpt_app.core.quality_model import QualityModel
from qpt_app.core.scene_statistics import scene_statistics
from qpt_app.errors import DatasetError
from qpt_train.data.contrastive_set import MAX_NEIGHBOURS_TRIED, read_photo
from qpt_train.data.manifest import Manifest
from qpt_train.degradations.executor import degrade_single
from qpt_train.degradations.types import SEVERITIES
from qpt_train.head_config import PairsConfig
from qpt_train.out_folder import make_folder
from qpt_train.randomness import numpy_generator
from qpt_train.sensitivity import SEVERITIES_APART

PART = 512
"""Photos or pairs measured between two writes."""
_BATCH = 8


class HeadInputs(NamedTuple):
    """What a head reads of N photos, in their order."""

    features: NDArray[np.float32]
    """(N, 2C) as in `QualityOutput.feature`."""
    statistics: NDArray[np.float32]
    """(N, F) as `scene_statistics` gives them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedInputs:
    """M pairs of one photo in two states."""

    better: HeadInputs
    worse: HeadInputs
    """The same photo, `SEVERITIES_APART` severities further on."""


class PairViews(NamedTuple):
    """One pair before it is measured."""

    better: Views
    worse: Views


class PairPlan(NamedTuple):
    """What a pair is made of."""

    photo: int
    """Place among the labelled photos, or behind them among the others."""
    operator: str
    lower: int
    """Severity of the better state; 0: the photo as it is."""
    noise: int
    """Seed of the degradation."""


class DegradedPairSet(Dataset[PairViews]):
    """Pairs of a photo in two states, each a function of (seed, index)."""

    def __init__(
        self,
        labelled: Manifest,
        others: Manifest | None,
        preprocess: PreprocessConfig,
        config: PairsConfig,
        seed: int,
    ) -> None:
        self._labelled = labelled
        self._others = others
        self._preprocess = preprocess
        self._config = config
        self._seed = seed

    def __len__(self) -> int:
        """Return the number of pairs."""
        return self._config.count

    def plan(self, index: int) -> PairPlan:
        """Draw a pair."""
        generator = numpy_generator(self._seed, "head pair", index)
        first, count = 0, len(self._labelled)
        if generator.random() >= self._config.labelled_share and self._others is not None:
            first, count = count, len(self._others)
        photo = first + int(generator.integers(count))
        name = self._config.operators[int(generator.integers(len(self._config.operators)))]
        lower = int(generator.integers(0, len(SEVERITIES) + 1 - SEVERITIES_APART))
        return PairPlan(photo, name, lower, int(generator.integers(2**31)))

    def __getitem__(self, index: int) -> PairViews:
        """Return the views of a pair.

        Raises:
            DatasetError: if none of the photos from the drawn one on can be used.
        """
        plan = self.plan(index)
        fitted = self._usable(plan.photo)
        tensor = torch.from_numpy(np.ascontiguousarray(fitted.transpose(2, 0, 1)))
        views = []
        for severity in (plan.lower, plan.lower + SEVERITIES_APART):
            state = tensor
            if severity:
                state = degrade_single(tensor, plan.operator, severity, plan.noise)
            pixels = np.ascontiguousarray(state.permute(1, 2, 0).numpy())
            views.append(prepare_views(pixels, self._preprocess))
        return PairViews(*views)

    def _usable(self, photo: int) -> Pixels:
        """Return a photo fitted to the screen, or the next one that can be used."""
        manifest, number = self._labelled, photo
        if number >= len(manifest):
            manifest, number = cast(Manifest, self._others), number - len(manifest)
        for step in range(min(MAX_NEIGHBOURS_TRIED, len(manifest))):
            place = manifest[(number + step) % len(manifest)]
            pixels = read_photo(place, self._preprocess.decode_side).pixels
            if pixels is not None:
                fitted = fit_to_screen(pixels, self._preprocess.screen_side)
                if min(fitted.shape[:2]) >= self._preprocess.crop_size:
                    return fitted
        raise DatasetError(f"no photo from {manifest[number].name} on can be used")


def measure_in_parts(
    model: QualityModel,
    views: Dataset[Views] | Dataset[PairViews],
    count: int,
    *,
    folder: Path,
    key: str,
    device: torch.device,
    num_workers: int,
    on_part: Callable[[int], object] = lambda _count: None,
) -> HeadInputs:
    """Measure a data set's `count` entries, or read back what an earlier call measured.

    Args:
        model: whose encoder is used; left in eval mode.
        views: gives `Views`, or pairs of them, which come out one behind the other.
        count: entries, 1 or more.
        folder: where parts are kept.
        key: names model, photos and settings; parts of another key are measured anew.
        device: where to run the encoder.
        num_workers: decoding processes.
        on_part: told how many entries were just measured or read.

    Raises:
        DatasetError: if a photo cannot be read.
        StorageError: if a part cannot be written.
    """
    model.eval()
    digest = hashlib.sha256(f"{key} statistics {STATISTICS_VERSION}".encode()).hexdigest()[:16]
    parts: list[HeadInputs] = []
    for start in range(0, count, PART):
        stop = min(start + PART, count)
        path = folder / f"{digest}-{start:06d}-{stop:06d}.npz"
        part = _read_part(path)
        if part is None:
            part = _measure(model, views, range(start, stop), device, num_workers)
            _write_part(path, part)
        parts.append(part)
        on_part(stop - start)
    return HeadInputs(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def split_pairs(inputs: HeadInputs) -> PairedInputs:
    """Take apart what `measure_in_parts` gave for pairs."""
    better, worse = (HeadInputs(*(array[place::2] for array in inputs)) for place in (0, 1))
    return PairedInputs(better=better, worse=worse)


def _measure(
    model: QualityModel,
    views: Dataset[Views] | Dataset[PairViews],
    places: range,
    device: torch.device,
    num_workers: int,
) -> HeadInputs:
    """Measure some entries of a data set."""
    loader: DataLoader[Views | PairViews] = DataLoader(
        views,
        sampler=places,
        batch_size=_BATCH,
        num_workers=num_workers,
        collate_fn=list,
    )
    features, statistics = [], []
    for batch in loader:
        for entry in batch:
            for photo in entry if isinstance(entry, PairViews) else [entry]:
                overview = _to_tensor(photo.global_view[None], device)
                crops = _to_tensor(photo.crops, device)[None]
                with torch.inference_mode():
                    features.append(model.encode(overview, crops).cpu().numpy())
                    statistics.append(scene_statistics(overview, crops).cpu().numpy())
    return HeadInputs(np.concatenate(features), np.concatenate(statistics))


def _to_tensor(images: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Turn (N, H, W, 3) uint8 into (N, 3, H, W) normalised, channels last."""
    tensor = torch.from_numpy(images.copy()).to(device).permute(0, 3, 1, 2)
    return normalise(tensor).contiguous(memory_format=torch.channels_last)


def _read_part(path: Path) -> HeadInputs | None:
    """Return a part that was written whole, or None."""
    try:
        with path.open("rb") as stream, np.load(stream) as kept:
            return HeadInputs(kept["features"], kept["statistics"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _write_part(path: Path, part: HeadInputs) -> None:
    """Keep a part; it is there whole or not at all."""
    stream = io.BytesIO()
    np.savez(stream, features=part.features, statistics=part.statistics)
    make_folder(path.parent)
    atomic_write(path, stream.getvalue())
