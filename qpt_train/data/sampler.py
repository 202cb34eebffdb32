"""Which photos belong to which step: a pure function of (seed, step), for any number of ranks."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from qpt_train.randomness import numpy_generator


class GlobalOrder:
    """The photos of every step of a run.

    Each epoch is one permutation; what is left over at its end is not used, so that a step never
    holds the same photo twice. Nothing here knows of ranks, workers or restarts.
    """

    def __init__(self, *, count: int, images_per_step: int, seed: int) -> None:
        self.steps_per_epoch = count // images_per_step
        if self.steps_per_epoch == 0:
            raise ValueError(f"{count} photos are less than one step of {images_per_step}")
        self._count = count
        self._images_per_step = images_per_step
        self._seed = seed
        self._epoch = -1
        self._permutation: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def step(self, step: int) -> tuple[int, NDArray[np.int64]]:
        """Return (epoch, photo numbers (B,)) of a step, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            generator = numpy_generator(self._seed, "order", epoch)
            self._permutation = generator.permutation(self._count)
            self._epoch = epoch
        first = place * self._images_per_step
        return epoch, self._permutation[first : first + self._images_per_step]


class GroupSampler(Sampler[list[tuple[int, int]]]):
    """Batches for a DataLoader: one rank's groups of images, step after step.

    Yields lists of (epoch, photo number); `groups_per_step` of them make this rank's part of a
    step.
    """

    def __init__(
        self,
        order: GlobalOrder,
        *,
        images_per_group: int,
        groups_per_step: int,
        rank: int,
        start_step: int,
        stop_step: int,
    ) -> None:
        self._order = order
        self._images_per_group = images_per_group
        self._groups_per_step = groups_per_step
        self._rank = rank
        self._steps = range(start_step, stop_step)

    def __len__(self) -> int:
        """Return the number of groups from the first to the last step."""
        return len(self._steps) * self._groups_per_step

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield this rank's groups."""
        for step in self._steps:
            epoch, numbers = self._order.step(step)
            for group in range(self._groups_per_step):
                place = self._rank * self._groups_per_step + group
                first = place * self._images_per_group
                chosen = numbers[first : first + self._images_per_group]
                yield [(epoch, int(number)) for number in chosen]
