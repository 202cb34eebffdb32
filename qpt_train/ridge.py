"""Ridge regression on frozen features, alpha chosen inside the training part. Pure numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-1, 6, 15))
"""Candidates, for standardised features and a sum (not a mean) of squares. Our choice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RidgeModel:
    """A fitted regression: y = ((x - mean) / scale) @ coefficients + intercept."""

    mean: Matrix
    """(C,)"""
    scale: Matrix
    """(C,) standard deviations of the training features; 1 for a constant one."""
    coefficients: Matrix
    """(C,)"""
    intercept: float
    alpha: float

    def predict(self, features: ArrayLike) -> Matrix:
        """Return the predictions, (N,), of features (N, C)."""
        x = (np.asarray(features, dtype=np.float64) - self.mean) / self.scale
        return np.asarray(x @ self.coefficients + self.intercept)


def fit_ridge(features: ArrayLike, targets: ArrayLike, alpha: float) -> RidgeModel:
    """Fit one ridge regression; the intercept is not penalised.

    Args:
        features: (N, C), N >= 1.
        targets: (N,).
        alpha: weight of the squared coefficients, above 0.

    Raises:
        ValueError: for an alpha that is not positive.
    """
    (model,) = fit_ridge_path(features, targets, [alpha])
    return model


def fit_ridge_path(
    features: ArrayLike, targets: ArrayLike, alphas: Sequence[float]
) -> list[RidgeModel]:
    """Fit several alphas with one decomposition, of the smaller of the two Gram matrices.

    Raises:
        ValueError: for an alpha that is not positive.
    """
    if min(alphas) <= 0:
        raise ValueError(f"alpha must be positive, not {min(alphas)}")
    raw = np.asarray(features, dtype=np.float64)
    y = np.asarray(targets, dtype=np.float64)
    mean, deviation = raw.mean(axis=0), raw.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    x, centre = (raw - mean) / scale, float(y.mean())
    wide = x.shape[0] < x.shape[1]
    values, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    values = np.clip(values, 0.0, None)
    projected = vectors.T @ ((y - centre) if wide else x.T @ (y - centre))
    models = []
    for alpha in alphas:
        solved = vectors @ (projected / (values + alpha))
        models.append(
            RidgeModel(
                mean=mean,
                scale=scale,
                coefficients=x.T @ solved if wide else solved,
                intercept=centre,
                alpha=float(alpha),
            )
        )
    return models


def choose_alpha(
    features: ArrayLike,
    targets: ArrayLike,
    folds: Sequence[int],
    alphas: Sequence[float] = ALPHAS,
) -> float:
    """Return the alpha with the least squared error on photos left out in turn.

    Args:
        features: (N, C) of the training part alone.
        targets: (N,) of the training part alone.
        folds: (N,) inner fold of each row; photos of one group share one. At least two differ.
        alphas: the candidates.

    Raises:
        ValueError: for fewer than two inner folds.
    """
    x, y = np.asarray(features, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    fold_of_row = np.asarray(folds)
    different = np.unique(fold_of_row)
    if len(different) < 2:
        raise ValueError("choosing alpha needs at least two inner folds")
    errors = np.zeros(len(alphas))
    for fold in different:
        left_out = fold_of_row == fold
        for place, model in enumerate(fit_ridge_path(x[~left_out], y[~left_out], alphas)):
            errors[place] += float(np.sum((model.predict(x[left_out]) - y[left_out]) ** 2))
    return float(alphas[int(np.argmin(errors))])
