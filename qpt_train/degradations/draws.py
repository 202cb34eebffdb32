"""Draws many chains at once, each a pure function of (seed, epoch, index, composition).

The numbers are SplitMix64 outputs (Steele, Lea, Flood 2014) of a key that hashes the four
arguments, so there is no generator state and nothing depends on who draws or in which order.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpt_train.degradations.counter_noise import mix_words
from qpt_train.degradations.space import DegradationSpace

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MOST_ATTEMPTS = 32
"""Redraws of a chain that equals an earlier composition's; a space with fewer chains than
compositions keeps the repetition."""

_IMAGE, _CHAIN, _SLOT = 1, 2, 3
"""Purposes that keep the three kinds of numbers apart."""

Words = NDArray[np.uint64]


class Draws(NamedTuple):
    """N chains as arrays, steps packed to the left."""

    operators: NDArray[np.int64]
    """(N, S) positions in `DegradationSpace.names`, -1 past the end of a chain."""
    severities: NDArray[np.int64]
    """(N, S) in 1 .. 5, 0 past the end."""
    seeds: Words
    """(N, S): the seed of each slot."""


def draw(
    space: DegradationSpace,
    seed: int,
    epoch: int,
    indices: NDArray[np.int64],
    compositions: NDArray[np.int64],
) -> Draws:
    """Draw the chains of N (index, composition) pairs.

    The compositions of one image differ: one that equals an earlier composition's is drawn
    again, so the image's negatives are true ones. To know, the earlier ones are drawn too.

    Raises:
        ValueError: if a composition is negative.
    """
    if compositions.size and compositions.min() < 0:
        raise ValueError("a composition counts from 0")
    images, image_of_row = np.unique(indices, return_inverse=True)
    drawn: list[Draws] = []
    for composition in range(int(compositions.max(initial=0)) + 1):
        drawn.append(_draw_unlike(space, (seed, epoch), images, composition, drawn))
    stacked = (np.stack(parts) for parts in zip(*drawn, strict=True))
    return Draws(*(array[compositions, image_of_row] for array in stacked))


def _draw_unlike(
    space: DegradationSpace,
    place: tuple[int, int],
    images: NDArray[np.int64],
    composition: int,
    earlier: list[Draws],
) -> Draws:
    """Draw one composition of every image, again where it equals an earlier one."""
    result = _draw_once(space, place, images, composition, 0)
    for attempt in range(1, _MOST_ATTEMPTS):
        again = np.zeros(len(images), dtype=bool)
        for other in earlier:
            same = (result.operators == other.operators) & (result.severities == other.severities)
            again |= same.all(axis=1)
        if not again.any():
            break
        fresh = _draw_once(space, place, images[again], composition, attempt)
        for array, part in zip(result, fresh, strict=True):
            array[again] = part
    return result


def _draw_once(
    space: DegradationSpace,
    place: tuple[int, int],
    images: NDArray[np.int64],
    composition: int,
    attempt: int,
) -> Draws:
    """Draw one composition of every image; `place` is (seed, epoch)."""
    config = space.config
    key = _key(_CHAIN, *place, images, composition, attempt)
    groups = len(space.groups)
    parts = [_draw_round(space, key, number) for number in range(config.most_rounds)]
    another = _uniforms(key, config.most_rounds, offset=0) < config.next_round_probability
    reached = np.logical_and.accumulate(another, axis=1)
    for number in range(1, config.most_rounds):
        parts[number][0][~reached[:, number - 1]] = -1
    operators, severities = (np.concatenate(both, axis=1) for both in zip(*parts, strict=True))
    if composition == 0:
        pristine = _uniforms(_key(_IMAGE, *place, images), 1)[:, 0] < config.untouched
        operators[pristine] = -1
    packed = np.argsort(operators < 0, axis=1, kind="stable")
    operators = np.take_along_axis(operators, packed, axis=1)
    severities = np.take_along_axis(severities, packed, axis=1)
    slots = _key(_SLOT, *place, images, composition)
    seeds = _words(slots, groups * config.most_rounds)
    return Draws(operators, np.where(operators < 0, 0, severities), seeds)


def _draw_round(
    space: DegradationSpace, key: Words, number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw (N, G) operators and severities of one round, -1 and any where skipped."""
    config, groups = space.config, len(space.groups)
    draws = _uniforms(key, 4 * groups, offset=1000 * (number + 1))
    keep, order, choice, level = np.split(draws, 4, axis=1)
    kept = np.ones_like(keep, dtype=bool)
    if config.skip:
        kept = keep < config.keep_probability
        kept |= (keep == keep.min(axis=1, keepdims=True)) & ~kept.any(axis=1, keepdims=True)
    first = np.cumsum(space.group_sizes) - space.group_sizes
    operators = first + (choice * space.group_sizes).astype(np.int64)
    in_use = np.array(config.severities)
    severities = in_use[np.searchsorted(space.severity_limits, level, side="right")]
    operators[~kept] = -1
    if config.shuffle:
        turn = np.argsort(order, axis=1)
        operators = np.take_along_axis(operators, turn, axis=1)
        severities = np.take_along_axis(severities, turn, axis=1)
    return operators, severities


def row_seeds(seed: int, count: int) -> list[int]:
    """Return the 64-bit seeds of the rows of a batch that stands alone."""
    return [int(word) for word in _key(_SLOT, seed, 0, np.arange(count), 0)]


def _key(*parts: int | NDArray[np.int64]) -> Words:
    """Hash whole numbers (scalars or (N,) arrays) to (N,) 64-bit keys."""
    key = np.zeros(1, dtype=np.uint64)
    for part in parts:
        word = np.atleast_1d(np.asarray(part)).astype(np.int64).view(np.uint64)
        key = mix_words(key + _STEP ^ mix_words(word + _STEP))
    return key


def _words(key: Words, count: int, offset: int = 0) -> Words:
    """Return (N, count) words: numbers offset .. offset + count - 1 of each key's sequence."""
    position = np.arange(offset + 1, offset + count + 1, dtype=np.uint64)
    return mix_words(key[:, None] + position * _STEP)


def _uniforms(key: Words, count: int, offset: int = 0) -> NDArray[np.float64]:
    """Return (N, count) numbers uniform on [0, 1)."""
    return (_words(key, count, offset) >> np.uint64(11)).astype(np.float64) * 2.0**-53
