"""The count of chains against brute force, and the checks of a configuration."""

import itertools

import pytest

from qpt_train.degradations.space import (
    DegradationSpace,
    SpaceConfig,
    default_space,
    describe_space,
    size,
)
from qpt_train.degradations.table import names_by_group

TINY = ("gaussian_blur", "jpeg")
UNEVEN = ("gaussian_blur", "lens_blur", "jpeg", "darken")
FOUR = ("gaussian_blur", "jpeg", "darken", "quantise")


def enumerate_chains(config: SpaceConfig) -> set[tuple[tuple[str, int], ...]]:
    """Write down every chain that the rules of `SpaceConfig` allow."""
    groups = names_by_group(config.operators)
    choices = {
        group: list(itertools.product(names, config.severities)) for group, names in groups.items()
    }
    rounds: set[tuple[tuple[str, int], ...]] = set()
    for length in range(1, len(groups) + 1):
        if not config.skip and length < len(groups):
            continue
        orders = itertools.permutations if config.shuffle else itertools.combinations
        for kept in orders(groups, length):
            rounds.update(itertools.product(*(choices[group] for group in kept)))
    chains: set[tuple[tuple[str, int], ...]] = set()
    longer: set[tuple[tuple[str, int], ...]] = {()}
    for _ in range(config.rounds if config.high_order else 1):
        longer = {before + after for before in longer for after in rounds}
        chains |= longer
    return chains | ({()} if config.untouched > 0 else set())


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("high_order", [True, False])
@pytest.mark.parametrize(
    ("operators", "severities", "rounds", "untouched"),
    [
        (TINY, (1, 2, 3, 4, 5), 2, 0.1),
        (TINY, (1, 3), 3, 0.0),
        (UNEVEN, (1,), 2, 0.0),
        (UNEVEN, (2, 4), 2, 0.1),
        (FOUR, (5,), 3, 0.1),
    ],
)
def test_size_equals_brute_force(
    operators, severities, rounds, untouched, shuffle, skip, high_order
):
    """Each chain once, also where one and two rounds give the same steps."""
    config = SpaceConfig(
        operators=operators,
        severities=severities,
        rounds=rounds,
        untouched=untouched,
        shuffle=shuffle,
        skip=skip,
        high_order=high_order,
    )
    assert size(config) == len(enumerate_chains(config))


def test_collisions_are_counted_once():
    """Two operators, one severity, two rounds: the product of rounds has repetitions."""
    config = SpaceConfig(operators=TINY, severities=(1,), untouched=0.0)
    one_round = 4
    assert size(config) < one_round + one_round**2
    assert size(config) == len(enumerate_chains(config))


def test_published_count_of_one_round():
    """The counting rule of method.md, 4.2: groups of 3, 4, 2, 4, 3, 5, 3 at five severities."""
    names = names_by_group()
    counts = {"blur": 3, "colour": 4, "compression": 2, "noise": 4, "brightness": 3}
    counts |= {"spatial": 5, "sharpness_contrast": 3}
    chosen = tuple(name for group, count in counts.items() for name in names[group][:count])
    config = SpaceConfig(operators=chosen, high_order=False, untouched=0.0)
    assert size(config) == 1_811_302_888_820


def test_default_space_is_large_enough():
    """At least 2e7 chains, also with each step of the composition switched off."""
    assert default_space().size() >= 2 * 10**7
    for step in ("shuffle", "skip", "high_order"):
        assert size(SpaceConfig(**{step: False})) >= 2 * 10**7
    assert f"{default_space().size():,}" in describe_space(default_space())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"operators": ("blurr",)}, "unknown degradation 'blurr'"),
        ({"severities": ()}, "severities"),
        ({"severities": (0, 1)}, "severities"),
        ({"severities": (2, 1)}, "rise"),
        ({"keep_probability": 1.0}, "keep_probability"),
        ({"next_round_probability": 0.0}, "next_round_probability"),
        ({"untouched": 1.5}, "untouched"),
        ({"rounds": 0}, "rounds"),
        ({"severity_spread": 0.0}, "severity_spread"),
    ],
)
def test_bad_configurations_are_refused(fields, message):
    """The message names the field."""
    with pytest.raises(ValueError, match=message):
        SpaceConfig(**fields)


def test_severity_shares_are_those_of_arniqa():
    """.293, .270, .213, .143, .081 (method.md, 4.1)."""
    limits = DegradationSpace(SpaceConfig()).severity_limits
    shares = [limits[0], *(limits[1:] - limits[:-1])]
    assert shares == pytest.approx([0.293, 0.270, 0.213, 0.143, 0.081], abs=0.001)
