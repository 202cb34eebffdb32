"""Ridge agrees with the normal equations and never looks outside its training rows."""

import numpy as np
import pytest

from qpt_train.ridge import ALPHAS, choose_alpha, fit_ridge, fit_ridge_path


def problem(count, columns, *, noise=0.1, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.normal(2.0, 3.0, size=(count, columns))
    weights = generator.normal(size=columns)
    return features, features @ weights + 5 + noise * generator.normal(size=count)


def slow_ridge(features, targets, alpha, asked):
    """The normal equations on standardised features, solved directly."""
    mean, scale = features.mean(0), features.std(0)
    x = (features - mean) / scale
    left = x.T @ x + alpha * np.eye(x.shape[1])
    coefficients = np.linalg.solve(left, x.T @ (targets - targets.mean()))
    return (asked - mean) / scale @ coefficients + targets.mean()


@pytest.mark.parametrize(("count", "columns"), [(40, 6), (6, 40), (10, 10)])
@pytest.mark.parametrize("alpha", [0.1, 10.0, 1e4])
def test_both_gram_matrices_equal_the_normal_equations(count, columns, alpha):
    features, targets = problem(count, columns)
    asked, _ = problem(7, columns, seed=9)
    found = fit_ridge(features, targets, alpha).predict(asked)
    assert found == pytest.approx(slow_ridge(features, targets, alpha, asked), rel=1e-6)


def test_a_path_equals_single_fits():
    features, targets = problem(30, 8)
    for model in fit_ridge_path(features, targets, ALPHAS):
        single = fit_ridge(features, targets, model.alpha)
        assert model.predict(features) == pytest.approx(single.predict(features), rel=1e-9)


def test_the_ends_of_the_path():
    features, targets = problem(200, 5, noise=0.0)
    assert fit_ridge(features, targets, 1e-6).predict(features) == pytest.approx(targets, abs=1e-4)
    flat = fit_ridge(features, targets, 1e12).predict(features)
    assert flat == pytest.approx(np.full(200, targets.mean()), abs=1e-5)


def test_constant_features_do_no_harm():
    features, targets = problem(50, 4)
    features = np.concatenate([features, np.full((50, 2), 7.0)], axis=1)
    found = fit_ridge(features, targets, 1.0)
    assert np.isfinite(found.predict(features)).all()
    assert found.coefficients[-2:] == pytest.approx([0, 0])


def test_scaling_a_feature_changes_nothing():
    features, targets = problem(60, 3)
    scaled = features * np.asarray([1.0, 1e4, 1e-3])
    assert fit_ridge(scaled, targets, 5.0).predict(scaled) == pytest.approx(
        fit_ridge(features, targets, 5.0).predict(features)
    )


def test_alpha_is_small_for_clean_and_large_for_hopeless_targets():
    features, targets = problem(100, 10, noise=0.0)
    folds = np.arange(100) % 5
    assert choose_alpha(features, targets, folds) == ALPHAS[0]
    hopeless = np.random.default_rng(4).normal(size=100)
    assert choose_alpha(features, hopeless, folds) >= 100


def test_alpha_equals_a_slow_search():
    features, targets = problem(40, 15, noise=20.0)
    folds = np.arange(40) % 4
    errors = []
    for alpha in ALPHAS:
        total = 0.0
        for fold in range(4):
            out = folds == fold
            predicted = slow_ridge(features[~out], targets[~out], alpha, features[out])
            total += np.sum((predicted - targets[out]) ** 2)
        errors.append(total)
    assert choose_alpha(features, targets, folds) == ALPHAS[int(np.argmin(errors))]


def test_silly_arguments_are_refused():
    features, targets = problem(10, 2)
    with pytest.raises(ValueError, match="positive"):
        fit_ridge(features, targets, 0.0)
    with pytest.raises(ValueError, match="two inner folds"):
        choose_alpha(features, targets, [0] * 10)
