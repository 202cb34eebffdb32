"""The measures agree with scipy, closed forms and slow re-derivations."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qpt_train import metrics
from qpt_train.metrics import LogisticFit


def noisy_pair(count=60, noise=0.5, seed=0, ties=False):
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=count)
    predicted = truth + noise * generator.normal(size=count)
    if ties:
        truth, predicted = np.round(truth, 1), np.round(predicted, 1)
    return predicted, truth


def slow_tau_b(x, y):
    concordant = discordant = only_x = only_y = 0
    for i, j in combinations(range(len(x)), 2):
        a, b = np.sign(x[i] - x[j]), np.sign(y[i] - y[j])
        concordant += a * b > 0
        discordant += a * b < 0
        only_x += a != 0 and b == 0
        only_y += a == 0 and b != 0
    pairs = concordant + discordant
    return (concordant - discordant) / math.sqrt((pairs + only_x) * (pairs + only_y))


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_equal_scipy_and_slow_forms(ties):
    x, y = noisy_pair(ties=ties)
    assert metrics.srcc(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert metrics.plcc(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert metrics.krcc(x, y) == pytest.approx(slow_tau_b(x, y), abs=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30, unique=True), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_rank_measures_are_symmetric_and_blind_to_monotone_maps(values, seed):
    y = np.random.default_rng(seed).permutation(len(values)).astype(float)
    ranks = np.argsort(np.argsort(values)).astype(float)
    for measure in (metrics.srcc, metrics.krcc):
        assert measure(values, y) == pytest.approx(measure(y, values), abs=1e-12)
        assert measure(values, y) == pytest.approx(measure(np.exp(ranks / 10), y), abs=1e-12)
        assert measure(values, y) == pytest.approx(-measure(-np.asarray(values), y), abs=1e-12)


def test_perfect_and_inverted_order_are_the_ends_of_the_scale():
    y = np.arange(10.0)
    for measure in (metrics.srcc, metrics.plcc, metrics.krcc):
        assert measure(3 * y + 1, y) == pytest.approx(1.0, abs=1e-12)
        assert measure(-y, y) == pytest.approx(-1.0, abs=1e-12)


def test_a_constant_prediction_agrees_with_nobody():
    y = np.arange(10.0)
    found = metrics.agreement(np.full(10, 3.0), y)
    assert (found.srcc, found.plcc, found.krcc, found.plcc_logistic) == (0, 0, 0, 0)
    assert found.rmse == pytest.approx(np.std(y))


def test_rmse_closed_form():
    assert metrics.rmse([0.0, 0.0, 0.0, 0.0], [1.0, -1.0, 1.0, -1.0]) == 1.0
    assert metrics.rmse([1.0, 2.0], [4.0, 6.0]) == pytest.approx(math.sqrt(12.5))


def test_logistic_has_its_closed_form():
    fit = LogisticFit(5.0, 1.0, 2.0, -0.5)
    assert fit([2.0])[0] == pytest.approx(3.0)
    assert fit([1e9, -1e9]) == pytest.approx([5.0, 1.0])
    assert fit([2.5])[0] == pytest.approx(1 + 4 / (1 + math.exp(-1)))


@pytest.mark.parametrize("truth", [(1.0, 0.0, 40.0, 8.0), (0.9, 0.2, -3.0, 0.1), (0, 1, 5, 2)])
def test_fit_recovers_the_curve_that_made_the_scores(truth):
    centre, width = truth[2], truth[3]
    x = np.linspace(centre - 4 * width, centre + 4 * width, 80)
    y = LogisticFit(*map(float, truth))(x)
    fit = metrics.fit_logistic(x, y)
    assert fit(x) == pytest.approx(y, abs=1e-5)
    assert metrics.plcc_logistic(x, y) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_fit_is_at_least_as_good_as_a_line(seed):
    x, y = noisy_pair(seed=seed, noise=1.0)
    line = np.polyval(np.polyfit(x, y, 1), x)
    assert metrics.rmse(metrics.fit_logistic(x, y)(x), y) <= metrics.rmse(line, y) * 1.002
    assert metrics.plcc_logistic(x, y) >= metrics.plcc(x, y) - 0.002


def test_fit_does_not_depend_on_the_scale_of_the_predictions():
    x, y = noisy_pair()
    small, large = metrics.agreement(x, y), metrics.agreement(1e4 * x - 77, y)
    assert small.rmse == pytest.approx(large.rmse, rel=1e-4)
    assert small.plcc_logistic == pytest.approx(large.plcc_logistic, abs=1e-4)


def test_agreement_collects_the_single_measures():
    x, y = noisy_pair()
    found = metrics.agreement(x, y)
    assert found.to_dict() == {
        "count": 60,
        "srcc": metrics.srcc(x, y),
        "plcc": metrics.plcc(x, y),
        "plcc_logistic": metrics.plcc_logistic(x, y),
        "krcc": metrics.krcc(x, y),
        "rmse": metrics.rmse(metrics.fit_logistic(x, y)(x), y),
    }


def test_few_points_are_no_error():
    found = metrics.agreement([1.0, 2.0], [3.0, 5.0])
    assert found.srcc == pytest.approx(1.0)
    assert math.isfinite(found.rmse)


@pytest.mark.parametrize(
    ("x", "y"),
    [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, math.nan], [1.0, 2.0]), ([[1.0]], [[1.0]])],
)
def test_unusable_input_is_refused(x, y):
    for measure in (metrics.srcc, metrics.plcc, metrics.krcc, metrics.rmse, metrics.agreement):
        with pytest.raises(ValueError, match=r"need|finite"):
            measure(x, y)


def test_bootstrap_depends_on_the_seed_alone_and_holds_the_estimate():
    x, y = noisy_pair(200)
    first = metrics.bootstrap_interval(metrics.srcc, x, y, resamples=200, seed=1)
    again = metrics.bootstrap_interval(metrics.srcc, x, y, resamples=200, seed=1)
    other = metrics.bootstrap_interval(metrics.srcc, x, y, resamples=200, seed=2)
    assert first == again != other
    assert first.low < metrics.srcc(x, y) < first.high


def test_bootstrap_covers_the_true_correlation_about_as_often_as_stated():
    """Of 100 samples with known correlation 0.8, about 90 intervals of level 0.9 hold it."""
    generator = np.random.default_rng(3)
    inside = 0
    for number in range(100):
        x = generator.normal(size=150)
        y = 0.8 * x + 0.6 * generator.normal(size=150)
        found = metrics.bootstrap_interval(
            metrics.plcc, x, y, resamples=200, level=0.9, seed=number
        )
        inside += found.low <= 0.8 <= found.high
    assert 80 <= inside <= 97


def test_bootstrap_refuses_a_silly_level():
    with pytest.raises(ValueError, match="level"):
        metrics.bootstrap_interval(metrics.srcc, [1.0, 2.0], [1.0, 2.0], level=1.0)


def test_pairwise_accuracy_counts_ties_half():
    assert metrics.pairwise_accuracy([3, 1, 2, 2], [1, 3, 2, 1]) == pytest.approx(2.5 / 4)
    with pytest.raises(ValueError, match="finite"):
        metrics.pairwise_accuracy([], [])
