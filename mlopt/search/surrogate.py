"""What trials so far say of schedules that were not tried."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]

Predict = Callable[[Matrix], tuple[Vector, Vector]]
"""The mean and the deviation of what is expected, for each row of features."""


class Surrogate:
    """Predicts the logarithm of objectives (schedules differ by factors), and whether there will be one at all.

    Up to `small` trials the objective is predicted by a Gaussian process, which says more from little, then by a forest
    of `trees`, which takes less time and follows jumps. Success is always predicted by a forest.
    """

    def __init__(self, small: int, trees: int, rng: np.random.Generator) -> None:
        self._small = small
        self._trees = trees
        self._rng = rng

    def improvement(self, features: Matrix, objectives: Vector, candidates: Matrix) -> Vector:
        """What may be expected of each candidate: shape (candidates,).

        That is the expected improvement over the best objective (Jones et al. 1998), in logarithms, times the
        probability of success (Gelbart et al. 2014). It is learnt from trials: features of shape (trials, d), and
        objectives, NaN for a failure. At least one must have succeeded.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):  # of matrices so small, which trials that are measured meanwhile pay for
            return self._improvement(features, objectives, candidates)

    def _improvement(self, features: Matrix, objectives: Vector, candidates: Matrix) -> Vector:
        from scipy.special import ndtr

        valid = np.isfinite(objectives)
        known, targets = features[valid], logarithms(objectives[valid])
        if len(objectives) <= self._small:
            predict = gaussian_process(known, targets, candidates)
        else:
            predict = forest(known, targets, self._trees, self._seed())
        mean, deviation = predict(candidates)
        z = (targets.min() - mean) / deviation
        expected = deviation * (z * ndtr(z) + np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi))
        if not valid.all():
            expected = expected * self._success(features, valid, candidates)
        return np.asarray(expected)

    def _success(self, features: Matrix, valid: NDArray[np.bool_], candidates: Matrix) -> Vector:
        """The probability that each candidate is valid."""
        from sklearn.ensemble import ExtraTreesClassifier

        classifier = ExtraTreesClassifier(self._trees, min_samples_leaf=2, random_state=self._seed())
        return np.asarray(classifier.fit(features, valid).predict_proba(candidates)[:, 1])

    def _seed(self) -> int:
        return int(self._rng.integers(2**31))


def logarithms(objectives: Vector) -> Vector:
    """Of objectives as they are where all are positive.

    Costs of 0 or less are moved up, all alike, until the least is as far above 0 as it typically is below the others.
    """
    if objectives.min() <= 0:
        above = objectives - objectives.min()
        objectives = above + (np.median(above[above > 0]) if above.any() else 1.0)
    return np.asarray(np.log(objectives))


def forest(features: Matrix, targets: Vector, trees: int, seed: int) -> Predict:
    """Extremely randomised trees (Geurts et al. 2006).

    They differ in their cuts, so where the data do not settle the target they disagree: their spread stands for its
    uncertainty (SMAC; Hutter et al. 2011).
    """
    from sklearn.ensemble import ExtraTreesRegressor

    model = ExtraTreesRegressor(trees, random_state=seed).fit(features, targets)

    def predict(rows: Matrix) -> tuple[Vector, Vector]:
        each = np.stack([tree.tree_.predict(rows)[:, 0] for tree in model.estimators_])
        return each.mean(axis=0), each.std(axis=0) + 1e-9

    return predict


def gaussian_process(features: Matrix, targets: Vector, candidates: Matrix) -> Predict:
    """A Gaussian process with a Matern kernel, its parameters those of the highest likelihood.

    `candidates` give each feature its scale. One length does for all features as long as there are too few trials to
    tell them apart; lengths below a feature's deviation would make every trial an island.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    varies = np.ptp(candidates, axis=0) > 0
    if not varies.any():  # such as a single candidate, the last one of a space
        return lambda rows: (np.full(len(rows), targets.mean()), np.full(len(rows), targets.std() + 1e-9))
    centre, scale = candidates[:, varies].mean(axis=0), candidates[:, varies].std(axis=0)

    def scaled(rows: Matrix) -> NDArray[Any]:
        return np.asarray((rows[:, varies].astype(np.float64) - centre) / scale)

    dimensions = int(varies.sum())
    lengths = 2.0 if len(targets) <= dimensions else np.full(dimensions, 2.0)
    kernel = ConstantKernel(1.0, (0.1, 10.0)) * Matern(lengths, (1.0, 20.0), nu=2.5) + WhiteKernel(1e-3, (1e-4, 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a parameter at its bound
        model = GaussianProcessRegressor(kernel, normalize_y=True).fit(scaled(features), targets)

    def predict(rows: Matrix) -> tuple[Vector, Vector]:
        mean, deviation = model.predict(scaled(rows), return_std=True)
        return mean, deviation + 1e-9

    return predict
