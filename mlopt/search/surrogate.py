"""What trials so far say of schedules that were not tried."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]

LATEST = 8
"""Trials among which there should be one that is better by `GAIN` than all before."""
GAIN = 0.02


class Surrogate:
    """Ranks schedules by what trials promise of them.

    Objectives count by their logarithms, since schedules differ by factors.

    Up to `small` trials a Gaussian process predicts the objective, which says more from little, and a forest whether
    there will be one. Beyond, a forest tells the region that promises improvement from all else, failures too.
    """

    def __init__(self, small: int, trees: int, leap: float, promising: float, rng: np.random.Generator) -> None:
        self._small = small
        self._trees = trees
        self._leap = leap
        self._promising = promising
        self._rng = rng

    def improvement(self, features: Matrix, objectives: Vector, candidates: Matrix) -> Vector:
        """A number for each candidate that grows with the improvement to be expected: shape (candidates,).

        It is learnt from trials: features of shape (trials, d), all of them equally spread (`columns.py`), and
        objectives, NaN for a failure. At least one must have succeeded.
        """
        from threadpoolctl import threadpool_limits

        learn = self._predicted if len(objectives) <= self._small else self._classified
        with threadpool_limits(1, "blas"):  # of matrices so small
            return learn(features, objectives, candidates)

    def _predicted(self, features: Matrix, objectives: Vector, candidates: Matrix) -> Vector:
        """Expected improvement (Jones et al. 1998) times the probability of success (Gelbart et al. 2014).

        Where the search stagnates, only what exceeds `leap` standard deviations of the objectives counts as improvement
        (Lizotte 2008): else a plateau is searched for its last per mille before all else.
        """
        from scipy.special import ndtr

        valid = np.isfinite(objectives)
        targets = logarithms(objectives[valid])
        mean, deviation = gaussian_process(features[valid], targets, candidates)
        leap = self._leap * targets.std() if stagnates(objectives) else 0.0
        z = (targets.min() - leap - mean) / deviation
        expected = deviation * (z * ndtr(z) + np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi))
        if not valid.all():
            expected = expected * self._probability(features, valid, np.ones(len(valid)), candidates, leaf=2)
        return np.asarray(expected)

    def _classified(self, features: Matrix, objectives: Vector, candidates: Matrix) -> Vector:
        """The probability of being in the promising region, that of the best `promising` of all successes.

        Each of these counts by how far it is ahead of the others; so the odds are those of expected improvement over
        them (likelihood-free Bayesian optimisation; Song et al. 2022). Failures are outside.
        """
        valid = np.isfinite(objectives)
        targets = np.full(len(objectives), np.inf)
        targets[valid] = logarithms(objectives[valid])
        threshold = np.quantile(targets[valid], self._promising)
        inside = targets <= threshold
        ahead = threshold - targets[inside]
        weights = ahead / ahead.mean() if ahead.any() else np.ones(len(ahead))
        return self._probability(
            np.concatenate([features, features[inside]]),
            np.arange(len(targets) + len(ahead)) >= len(targets),
            np.concatenate([np.ones(len(targets)), weights]),
            candidates,
            leaf=1,
        )

    def _probability(
        self, features: Matrix, labels: NDArray[np.bool_], weights: Vector, candidates: Matrix, leaf: int
    ) -> Vector:
        """Of the label at each candidate, by extremely randomised trees (Geurts et al. 2006).

        Their leaves hold at least `leaf` trials: the more, the more cautious.
        """
        from sklearn.ensemble import ExtraTreesClassifier

        forest = ExtraTreesClassifier(self._trees, min_samples_leaf=leaf, random_state=int(self._rng.integers(2**31)))
        return np.asarray(forest.fit(features, labels, weights).predict_proba(candidates)[:, 1])


def stagnates(objectives: Vector) -> bool:
    """Whether the latest trials have gained next to nothing; `objectives` come in the order of their ends."""
    earlier, best = objectives[:-LATEST], np.nanmin(objectives)
    return bool(np.isfinite(earlier).any() and np.nanmin(earlier) - best <= GAIN * abs(best))


def logarithms(objectives: Vector) -> Vector:
    """Of objectives as they are where all are positive.

    Costs of 0 or less are moved up, all alike, until the least is as far above 0 as it typically is below the others.
    """
    if objectives.min() <= 0:
        above = objectives - objectives.min()
        objectives = above + (np.median(above[above > 0]) if above.any() else 1.0)
    return np.asarray(np.log(objectives))


def gaussian_process(features: Matrix, targets: Vector, candidates: Matrix) -> tuple[Vector, Vector]:
    """The mean and the deviation of what is expected at each candidate.

    By a Gaussian process with a Matern kernel, its parameters those of the highest likelihood.

    One length does for all features as long as there are too few trials to tell them apart; lengths below a feature's
    spread would make every trial an island.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    varies = np.ptp(candidates, axis=0) > 0
    if not varies.any():  # such as a single candidate, the last one of a space
        return np.full(len(candidates), targets.mean()), np.full(len(candidates), targets.std() + 1e-9)
    trials, ahead = (rows[:, varies].astype(np.float64) for rows in (features, candidates))
    dimensions = int(varies.sum())
    lengths = 2.0 if len(targets) <= dimensions else np.full(dimensions, 2.0)
    kernel = ConstantKernel(1.0, (0.1, 10.0)) * Matern(lengths, (1.0, 20.0), nu=2.5) + WhiteKernel(1e-3, (1e-4, 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a parameter at its bound
        model = GaussianProcessRegressor(kernel, normalize_y=True).fit(trials, targets)
        mean, deviation = model.predict(ahead, return_std=True)
    return mean, deviation + 1e-9
