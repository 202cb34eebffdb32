"""Degradation chains: drawn, written down, read back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpt_train.degradations.draws import draw
from qpt_train.degradations.space import DegradationSpace, default_space
from qpt_train.degradations.table import find_degradation
from qpt_train.degradations.types import SEVERITIES


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One degradation of a chain."""

    name: str
    """A key of `table.DEGRADATIONS`."""
    severity: int
    """1 .. 5."""
    seed: int
    """64 bits; everything random inside the operator comes from it."""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: if one is not possible.
        """
        find_degradation(self.name)
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.name}: severity {self.severity} is not in 1 .. 5")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"{self.name}: seed {self.seed} does not fit 64 bits")

    @property
    def params(self) -> tuple[float, ...]:
        """The parameters of this severity."""
        return find_degradation(self.name).severities[self.severity - 1]


@dataclass(frozen=True, slots=True)
class Chain:
    """An ordered list of degradations; empty means untouched. A value: it can be replayed."""

    steps: tuple[Step, ...] = ()

    def key(self) -> tuple[tuple[str, int], ...]:
        """Return what `space.size` counts: the (name, severity) sequence without seeds."""
        return tuple((step.name, step.severity) for step in self.steps)

    def describe(self) -> str:
        """Return a short text such as `gaussian_blur 2 > jpeg 4`."""
        return " > ".join(f"{step.name} {step.severity}" for step in self.steps) or "untouched"

    def to_json(self) -> str:
        """Return one line of JSON, from which `from_json` makes an equal chain."""
        return json.dumps([[step.name, step.severity, step.seed] for step in self.steps])

    @classmethod
    def from_json(cls, text: str) -> "Chain":
        """Read `to_json`'s text.

        Raises:
            ValueError: if it is not a chain, or one of unknown degradations.
        """
        try:
            steps = [
                Step(name=str(name), severity=int(severity), seed=int(seed))
                for name, severity, seed in json.loads(text)
            ]
        except TypeError as error:
            raise ValueError(f"not a degradation chain: {text[:80]!r}") from error
        return cls(tuple(steps))


def draw_chain(
    seed: int, epoch: int, index: int, composition: int, *, space: DegradationSpace | None = None
) -> Chain:
    """Draw the chain of one composition of one image: a pure function of its arguments.

    Args:
        seed: of the run.
        epoch: pass over the images.
        index: of the image in the whole data set, not in the rank's or worker's share.
        composition: 0 .. M - 1, which of the image's chains in this step.
        space: the default space if None.
    """
    return draw_chains(seed, epoch, [index], [composition], space=space)[0]


def draw_chains(
    seed: int,
    epoch: int,
    indices: Sequence[int] | NDArray[np.int64],
    compositions: Sequence[int] | NDArray[np.int64],
    *,
    space: DegradationSpace | None = None,
) -> list[Chain]:
    """Draw the chains of N (index, composition) pairs at once, see `draw_chain`.

    Raises:
        ValueError: if the two lists differ in length or a composition is negative.
    """
    space = space or default_space()
    rows = np.asarray(indices, dtype=np.int64)
    numbers = np.asarray(compositions, dtype=np.int64)
    if rows.shape != numbers.shape or rows.ndim != 1:
        raise ValueError("indices and compositions must be lists of one length")
    if not rows.size:
        return []
    drawn = draw(space, seed, epoch, rows, numbers)
    columns = (array.tolist() for array in drawn)
    return [
        Chain(
            tuple(
                Step(name=space.names[operator], severity=severity, seed=slot_seed)
                for operator, severity, slot_seed in zip(*row, strict=True)
                if operator >= 0
            )
        )
        for row in zip(*columns, strict=True)
    ]
