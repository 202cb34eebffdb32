"""Photos -> source windows and crop places. Runs in DataLoader workers; uint8 all the way.

A source window is cut from the photo at random, never resized beyond the one fit to the screen
that the product makes too. It is degraded later, on the device, and only then cut into the two
crops (so that both show one degraded image) and flipped.
"""

import hashlib
import itertools
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from qpt_app.core.decode import DecodedPhoto, decode_photo
from qpt_app.core.preprocess import Pixels, fit_to_screen
from qpt_app.errors import DatasetError
from qpt_train.data.crop_pairs import draw_crop_pairs
from qpt_train.data.manifest import WHOLE_FILE, Manifest, PhotoPlace
from qpt_train.degradations.chain import Chain, draw_chains
from qpt_train.degradations.space import DegradationSpace
from qpt_train.randomness import numpy_generator

MAX_NEIGHBOURS_TRIED = 50
"""Unusable photos in a row before the run is stopped: by then the folder itself is at fault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewConfig:
    """How a photo becomes pairs of crops. Sizes in pixels; none of them is from the paper."""

    crop_size: int = 224
    """Side of the crops that the encoder sees."""
    source_size: int = 352
    """Side of the window that is degraded; 22 JPEG blocks of 16 for 224 crops."""
    screen_side: int = 720
    """Larger photos are first fitted to this long side, as the program does; 0 keeps them."""
    max_overlap: float = 0.3
    """Largest shared part of the two crops' area (Re-IQA: .1 to .3)."""
    compositions: int = 2
    """M: degradation chains per image and step, at least 2 for degradation-based negatives."""

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: if they do not fit together.
        """
        if not 32 <= self.crop_size <= self.source_size:
            raise ValueError("crop_size must be at least 32 and at most source_size")
        if self.screen_side and self.screen_side < self.source_size:
            raise ValueError("screen_side must be 0 or at least source_size")
        if not 0 <= self.max_overlap <= 1:
            raise ValueError("max_overlap must lie in 0..1")
        if self.compositions < 1:
            raise ValueError("compositions must be at least 1")


class Skipped(NamedTuple):
    """A photo that could not be used; its neighbour in the manifest took its place."""

    number: int
    reason: str
    """Its status, and more if more is known."""


class SourceWindow(NamedTuple):
    """What a worker makes of one photo."""

    pixels: Pixels
    """(S, S, 3) uint8."""
    number: int
    """The photo's number in the manifest: its image id."""
    epoch: int
    crops: NDArray[np.int64]
    """(M, 2, 2): composition, query or key, top and left."""
    flips: NDArray[np.bool_]
    """(M, 2): whether each crop is mirrored left to right, after the degradation."""
    skipped: tuple[Skipped, ...]


class SourceGroup(NamedTuple):
    """Source windows of the images of one group, as tensors."""

    sources: Tensor
    """(B, 3, S, S) uint8."""
    image_ids: Tensor
    """(B,) int64, the photos' numbers in the manifest."""
    crops: Tensor
    """(B, M, 2, 2) int64."""
    flips: Tensor
    """(B, M, 2) bool."""
    chains: list[Chain]
    """B * M chains, that of image i and composition m at i * M + m."""
    chain_ids: Tensor
    """(B * M,) int64, equal for equal chains."""
    skipped: tuple[Skipped, ...]


class ContrastiveSet(Dataset[SourceWindow]):
    """The photos of a manifest, asked for by (epoch, photo number)."""

    def __init__(self, manifest: Manifest, config: ViewConfig, seed: int) -> None:
        self._manifest = manifest
        self._config = config
        self._seed = seed
        self._min_side = 2 * config.screen_side if config.screen_side else None

    def __len__(self) -> int:
        """Return the number of photos."""
        return len(self._manifest)

    def __getitem__(self, place: tuple[int, int]) -> SourceWindow:
        """Return the window of photo `place[1]` in epoch `place[0]`, a pure function of both.

        A photo that cannot be read, or is smaller than a crop, is replaced by the next one in
        the manifest that can be used.

        Raises:
            DatasetError: if too many photos in a row cannot be used.
        """
        epoch, wanted = place
        skipped: list[Skipped] = []
        for step in range(min(MAX_NEIGHBOURS_TRIED, len(self._manifest))):
            number = (wanted + step) % len(self._manifest)
            pixels, reason = self._pixels(number)
            if pixels is not None:
                generator = numpy_generator(self._seed, "window", epoch, wanted)
                return self._cut(pixels, number, epoch, generator, tuple(skipped))
            skipped.append(Skipped(number, reason))
        first = self._manifest[skipped[0].number].name
        raise DatasetError(
            f"{len(skipped)} photos in a row cannot be used, from {first} "
            f"({skipped[0].reason}) on; is this the right folder?"
        )

    def _pixels(self, number: int) -> tuple[Pixels | None, str]:
        """Return the fitted pixels, or None and the reason."""
        photo = read_photo(self._manifest[number], self._min_side)
        if photo.pixels is None:
            return None, f"{photo.status}: {photo.reason}" if photo.reason else str(photo.status)
        pixels = photo.pixels
        if self._config.screen_side:
            pixels = fit_to_screen(pixels, self._config.screen_side)
        if min(pixels.shape[:2]) < self._config.crop_size:
            return None, f"too small: {pixels.shape[1]} x {pixels.shape[0]}"
        return pixels, ""

    def _cut(
        self,
        pixels: Pixels,
        number: int,
        epoch: int,
        generator: np.random.Generator,
        skipped: tuple[Skipped, ...],
    ) -> SourceWindow:
        """Cut the source window and draw where its crops will be."""
        config = self._config
        window, area = cut_window(pixels, config.source_size, generator)
        crops = draw_crop_pairs(
            generator,
            area=area,
            crop_size=config.crop_size,
            max_overlap=config.max_overlap,
            count=config.compositions,
        )
        flips = generator.integers(0, 2, size=(config.compositions, 2)).astype(bool)
        return SourceWindow(window, number, epoch, crops, flips, skipped)


def read_photo(place: PhotoPlace, min_side: int | None) -> DecodedPhoto:
    """Decode a photo of a manifest through the program's one decoder; a bad one is a value.

    That decoder opens files only, so a tar member is first copied, as it is, to a temporary one.
    """
    if place.offset == WHOLE_FILE:
        return decode_photo(place.path, min_side=min_side)
    with place.path.open("rb") as stream:
        stream.seek(place.offset)
        content = stream.read(place.size)
    descriptor, name = tempfile.mkstemp(prefix="qpt-", suffix=Path(place.name).suffix.lower())
    copy = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        return decode_photo(copy, min_side=min_side)
    finally:
        copy.unlink()


def cut_window(
    pixels: Pixels, size: int, generator: np.random.Generator
) -> tuple[Pixels, tuple[int, int, int, int]]:
    """Cut a random window of `size` from (H, W, 3); mirror the borders of a smaller photo.

    Returns:
        The window, (size, size, 3), and the part of it that holds true pixels as (top, left,
        height, width): crops are cut from that part only.
    """
    height, width = pixels.shape[:2]
    top = int(generator.integers(0, max(0, height - size) + 1))
    left = int(generator.integers(0, max(0, width - size) + 1))
    window = pixels[top : top + size, left : left + size]
    held, wide = window.shape[:2]
    down, right = (size - held) // 2, (size - wide) // 2
    if held < size or wide < size:
        border = ((down, size - held - down), (right, size - wide - right), (0, 0))
        window = np.pad(window, border, mode="symmetric")
    return window, (down, right, held, wide)


class GroupCollate:
    """Stacks the windows of one group and draws their chains; runs in the worker, too."""

    def __init__(self, space: DegradationSpace, compositions: int, seed: int) -> None:
        self._space = space
        self._compositions = compositions
        self._seed = seed

    def __call__(self, windows: Sequence[SourceWindow]) -> SourceGroup:
        """Return the windows as tensors, with one chain for each image and composition."""
        pixels = np.stack([window.pixels for window in windows])
        numbers = np.array([window.number for window in windows])
        epoch = windows[0].epoch
        chains = draw_chains(
            self._seed,
            epoch,
            np.repeat(numbers, self._compositions),
            np.tile(np.arange(self._compositions), len(windows)),
            space=self._space,
        )
        return SourceGroup(
            sources=torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
            image_ids=torch.from_numpy(numbers),
            crops=torch.from_numpy(np.stack([window.crops for window in windows])),
            flips=torch.from_numpy(np.stack([window.flips for window in windows])),
            chains=chains,
            chain_ids=torch.tensor([chain_id(chain) for chain in chains]),
            skipped=tuple(itertools.chain.from_iterable(w.skipped for w in windows)),
        )


def chain_id(chain: Chain) -> int:
    """Return a 63-bit number that is equal for chains of the same steps, whatever their seeds."""
    digest = hashlib.blake2b(repr(chain.key()).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
