"""The space of degradation chains: which chains can be drawn, and how many there are."""

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpt_train.degradations.table import DEGRADATIONS, names_by_group
from qpt_train.degradations.types import SEVERITIES


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceConfig:
    """How chains are drawn. Not from the QPT paper, whose values are not known to us."""

    operators: tuple[str, ...] = ()
    """Names of the degradations in use; empty means all."""
    severities: tuple[int, ...] = SEVERITIES
    """Severities in use, of 1 .. 5."""
    shuffle: bool = True
    """Put the groups of a round in random order; else in the order of `types.GROUPS`."""
    skip: bool = True
    """Leave groups out at random; else every group acts in every round."""
    high_order: bool = True
    """Repeat the round with fresh draws, up to `rounds` times."""
    keep_probability: float = 0.3
    """With which each group is kept in a round, in (0, 1); our choice: 2.7 of 9 groups, near the
    2.5 of 7 that ARNIQA draws. A round that would be empty keeps one group."""
    next_round_probability: float = 0.25
    """With which another round follows, in (0, 1); our choice."""
    rounds: int = 2
    """Most rounds of a chain (Real-ESRGAN's "second order")."""
    untouched: float = 0.1
    """Share of images whose composition 0 stays pristine, in [0, 1]. With two compositions per
    image that is 5 % of the views, the share of ARNIQA, and never two of one image."""
    severity_spread: float = 2.5
    """Standard deviation of the half Gaussian over severity - 1 (ARNIQA: 2.5)."""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: if one is out of range; the message names it.
        """
        names_by_group(self.operators)
        if not self.severities or not set(self.severities) <= set(SEVERITIES):
            raise ValueError(f"severities must be some of {list(SEVERITIES)}")
        if tuple(sorted(set(self.severities))) != self.severities:
            raise ValueError("severities must rise and not repeat")
        for name in ("keep_probability", "next_round_probability"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ValueError(f"{name} must lie between 0 and 1; switch the step off instead")
        if not 0.0 <= self.untouched <= 1.0:
            raise ValueError("untouched must lie in [0, 1]")
        if self.rounds < 1 or self.severity_spread <= 0.0:
            raise ValueError("rounds must be at least 1 and severity_spread above 0")

    @property
    def most_rounds(self) -> int:
        """Rounds that a chain can have."""
        return self.rounds if self.high_order else 1


class DegradationSpace:
    """A configuration with its operators laid out for drawing."""

    def __init__(self, config: SpaceConfig) -> None:
        self.config = config
        self.groups = names_by_group(config.operators)
        self.names = tuple(itertools.chain.from_iterable(self.groups.values()))
        """Degradations of the space; a drawn operator is a position in this tuple."""
        self.group_sizes: NDArray[np.int64] = np.array([len(g) for g in self.groups.values()])
        self.severity_limits = _severity_limits(config)
        """Upper ends of the severities' shares of [0, 1), one per severity in use."""

    @property
    def most_steps(self) -> int:
        """Steps of the longest chain."""
        return self.config.most_rounds * len(self.groups)

    def size(self) -> int:
        """Return the exact number of distinct chains, see `size`."""
        return size(self.config)


@functools.cache
def default_space() -> DegradationSpace:
    """Return the space of the default configuration."""
    return DegradationSpace(SpaceConfig())


def size(config: SpaceConfig) -> int:
    """Count the distinct flattened (operator, severity) sequences that can be drawn.

    A sequence counts once however its steps fall into rounds: "blur, noise" drawn in one round is
    the same chain as "blur" followed by a second round "noise". The empty chain counts if some
    images stay untouched. Parameters drawn from the seed (an angle, a sign, noise) do not count.

    Any part of a possible round is a possible round, so a sequence of groups fits into R rounds
    exactly if cutting it greedily (a new round where the next group cannot join the present one)
    needs at most R. The sum runs over the greedy cuts, which are unique.
    """
    per_group = [
        len(names) * len(config.severities) for names in names_by_group(config.operators).values()
    ]
    empty = 1 if config.untouched > 0.0 else 0
    if not config.skip:
        one_round: int = math.prod(per_group)
        if config.shuffle:
            one_round *= math.factorial(len(per_group))
        counts: list[int] = [one_round**rounds for rounds in range(1, config.most_rounds + 1)]
        return empty + sum(counts)
    subsets = [
        frozenset(members)
        for length in range(1, len(per_group) + 1)
        for members in itertools.combinations(range(len(per_group)), length)
    ]
    weights = [math.prod(per_group[group] for group in subset) for subset in subsets]
    ending = [
        weight * (math.factorial(len(subset)) if config.shuffle else 1)
        for subset, weight in zip(subsets, weights, strict=True)
    ]
    total = sum(ending)
    for _ in range(config.most_rounds - 1):
        ending = [
            weight
            * sum(
                count * _orders_after(before, subset, shuffle=config.shuffle)
                for before, count in zip(subsets, ending, strict=True)
            )
            for subset, weight in zip(subsets, weights, strict=True)
        ]
        total += sum(ending)
    return empty + total


def _orders_after(before: frozenset[int], subset: frozenset[int], *, shuffle: bool) -> int:
    """Count the orders of `subset` whose first group cannot join the round `before`."""
    if shuffle:
        return len(before & subset) * math.factorial(len(subset) - 1)
    return 1 if min(subset) <= max(before) else 0


def _severity_limits(config: SpaceConfig) -> NDArray[np.float64]:
    """Return the cumulative shares of the severities in use, the last one exactly 1."""
    index = np.array(config.severities, dtype=np.float64) - 1.0
    shares = np.exp(-0.5 * (index / config.severity_spread) ** 2)
    limits = np.cumsum(shares / shares.sum())
    limits[-1] = 1.0
    return limits


def describe_space(space: DegradationSpace) -> str:
    """Return one line for the start of a run and its record."""
    config = space.config
    steps = [name for name in ("shuffle", "skip", "high_order") if getattr(config, name)]
    return (
        f"degradation space: {len(space.names)} of {len(DEGRADATIONS)} operators in "
        f"{len(space.groups)} groups, {len(config.severities)} severities, "
        f"{' + '.join(steps) or 'fixed order'}: {space.size():,} distinct chains"
    )
