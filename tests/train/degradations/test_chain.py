"""Drawn chains: pure, spread as configured, written down and read back."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qpt_train.degradations.chain import Chain, Step, draw_chain, draw_chains
from qpt_train.degradations.space import DegradationSpace, SpaceConfig, default_space, size
from qpt_train.degradations.table import DEGRADATIONS
from qpt_train.degradations.types import GROUPS

MANY = 4000

FROZEN = (
    "colour_shift 1 > gaussian_blur 1 > change_aspect 2 > mean_shift_up 1",
    "lens_blur 5 > colour_diffusion 2",
)


def many(config: SpaceConfig | None = None, composition: int = 1) -> list[Chain]:
    """Draw one composition of many images."""
    space = DegradationSpace(config or SpaceConfig())
    return draw_chains(11, 2, list(range(MANY)), [composition] * MANY, space=space)


def groups_of(chain: Chain) -> list[str]:
    """Return the groups of a chain's steps."""
    return [DEGRADATIONS[step.name].group for step in chain.steps]


def test_vectorised_equals_single_in_any_order():
    """Any share of the images, in any order, gives each the same chain."""
    pairs = [(index, composition) for index in (0, 7, 10**12, 3) for composition in (2, 0, 1)]
    drawn = draw_chains(5, 1, [i for i, _ in pairs], [c for _, c in pairs])
    assert drawn == [draw_chain(5, 1, index, composition) for index, composition in pairs]
    assert drawn[::-1] == draw_chains(
        5, 1, [i for i, _ in pairs[::-1]], [c for _, c in pairs[::-1]]
    )


def test_every_argument_matters():
    """Another seed, epoch, index or composition gives other chains and other noise."""
    base = [draw_chain(1, 2, index, 1) for index in range(50)]
    others = [
        [draw_chain(9, 2, index, 1) for index in range(50)],
        [draw_chain(1, 3, index, 1) for index in range(50)],
        [draw_chain(1, 2, index + 50, 1) for index in range(50)],
        [draw_chain(1, 2, index, 2) for index in range(50)],
    ]
    for other in others:
        assert sum(a.key() == b.key() for a, b in zip(base, other, strict=True)) <= 2
    seeds = [step.seed for chains in (base, *others) for chain in chains for step in chain.steps]
    assert len(set(seeds)) == len(seeds)


def test_a_chain_is_fixed_for_ever():
    """Chains of a given seed must not change between versions: runs would not resume."""
    assert draw_chain(1, 0, 1, 1).describe() == FROZEN[0]
    assert draw_chain(1, 0, 2, 3).describe() == FROZEN[1]


def test_only_composition_0_is_ever_untouched():
    """At the configured share of the images."""
    share = np.mean([not chain.steps for chain in many(composition=0)])
    assert share == pytest.approx(0.1, abs=0.02)
    assert all(chain.steps for chain in many(composition=1))
    assert all(chain.steps for chain in many(SpaceConfig(untouched=0.0), composition=0))
    assert not any(chain.steps for chain in many(SpaceConfig(untouched=1.0), composition=0))


def test_groups_are_kept_with_their_probability():
    """One round: each group equally often, 30 % and what the empty rounds add."""
    config = SpaceConfig(high_order=False, untouched=0.0)
    counts = Counter(group for chain in many(config) for group in groups_of(chain))
    expected = 0.3 + 0.7**9 / 9
    for group in GROUPS:
        assert counts[group] / MANY == pytest.approx(expected, abs=0.035)
    assert all(len(set(groups_of(chain))) == len(chain.steps) for chain in many(config))


def test_operators_and_severities_follow_their_shares():
    """Operators of a group equally often, severities as the half Gaussian."""
    chains = many()
    steps = [step for chain in chains for step in chain.steps]
    colour = Counter(s.name for s in steps if DEGRADATIONS[s.name].group == "colour")
    assert stats.chisquare(list(colour.values())).pvalue > 0.001
    assert len(colour) == 4
    limits = default_space().severity_limits
    shares = np.diff(limits, prepend=0.0)
    levels = np.bincount([step.severity for step in steps], minlength=6)[1:]
    assert stats.chisquare(levels, shares * levels.sum()).pvalue > 0.001


def test_shuffle_skip_and_high_order_can_be_switched_off():
    """Order fixed; every group present; one round only."""
    fixed = many(SpaceConfig(shuffle=False, high_order=False))
    places = [[GROUPS.index(group) for group in groups_of(chain)] for chain in fixed]
    assert all(place == sorted(place) for place in places)
    full = many(SpaceConfig(skip=False))
    assert {len(chain.steps) for chain in full} == {9, 18}
    assert np.mean([len(chain.steps) == 18 for chain in full]) == pytest.approx(0.25, abs=0.03)
    orders = Counter(tuple(groups_of(chain)[:2]) for chain in full)
    assert len(orders) == 72
    single = many(SpaceConfig(high_order=False))
    assert all(len(set(groups_of(chain))) == len(chain.steps) for chain in single)
    assert any(len(set(groups_of(chain))) < len(chain.steps) for chain in many())


def test_compositions_of_one_image_differ():
    """No two of an image's chains are equal, even in a space of six."""
    config = SpaceConfig(operators=("jpeg",), severities=(1, 2), untouched=0.0, rounds=2)
    space = DegradationSpace(config)
    assert size(config) == 6
    for index in range(200):
        chains = draw_chains(3, 0, [index] * 4, [0, 1, 2, 3], space=space)
        assert len({chain.key() for chain in chains}) == 4


def test_a_space_too_small_still_draws():
    """Five compositions of a space with two chains repeat instead of searching for ever."""
    config = SpaceConfig(operators=("jpeg",), severities=(1, 2), untouched=0.0, high_order=False)
    chains = draw_chains(3, 0, [0] * 5, list(range(5)), space=DegradationSpace(config))
    assert len({chain.key() for chain in chains}) == 2


def test_small_spaces_are_reached_everywhere():
    """Drawing reaches each of the chains that `size` counts, and no other."""
    config = SpaceConfig(
        operators=("jpeg", "darken"),
        severities=(1, 2),
        keep_probability=0.7,
        next_round_probability=0.8,
        untouched=0.2,
    )
    drawn = {chain.key() for chain in many(config, composition=0)}
    assert len(drawn) == size(config)


def test_arguments_are_checked():
    """Lists of different length and negative compositions are refused; none gives none."""
    with pytest.raises(ValueError, match="one length"):
        draw_chains(0, 0, [1, 2], [0])
    with pytest.raises(ValueError, match="counts from 0"):
        draw_chain(0, 0, 1, -1)
    assert draw_chains(0, 0, [], []) == []


STEPS = st.builds(
    Step,
    name=st.sampled_from(sorted(DEGRADATIONS)),
    severity=st.integers(1, 5),
    seed=st.integers(0, 2**64 - 1),
)


@given(st.lists(STEPS, max_size=6))
def test_json_round_trip(steps):
    """A chain comes back equal from its text."""
    chain = Chain(tuple(steps))
    assert Chain.from_json(chain.to_json()) == chain


@pytest.mark.parametrize(
    "text", ["", "3", "[3]", '[["jpeg", 9, 1]]', '[["jpg", 1, 1]]', '[["jpeg", 1, -1]]', "[[1, 2]]"]
)
def test_bad_json_is_refused(text):
    """A ValueError, never a half-read chain."""
    with pytest.raises(ValueError, match=r".+"):
        Chain.from_json(text)


def test_descriptions():
    """Steps in order, or untouched."""
    step = Step(name="jpeg", severity=4, seed=1)
    assert Chain((step, Step(name="darken", severity=1, seed=2))).describe() == "jpeg 4 > darken 1"
    assert Chain().describe() == "untouched"
    assert step.params == (7.0,)
