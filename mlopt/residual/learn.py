"""Gradient boosting of `log(measured / simulated)`, by scikit-learn; the trees are kept as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..evaluator.residual import Residual, Training, Tree, inputs
from .examples import Example

FEWEST = 20
"""Examples to learn from."""
TREES, DEPTH, RATE = 200, 4, 0.05
SHARE = 0.5
"""Of the examples that each tree is grown on."""
SMALLEST = 5
"""Examples in a leaf."""
CANDIDATES = 0.3
"""Share of the inputs that a node is split by the best of."""


def learn(examples: Sequence[Example], rng: np.random.Generator) -> Residual:
    """A residual, with what it would have been worth for each program if it had been learned from all others.

    Raises UserError for too few examples, or those of several targets.
    """
    targets = sorted({example.about.target for example in examples})
    if len(examples) < FEWEST:
        raise UserError(f"a residual is learned from {FEWEST} timed trials at least, and these are {len(examples)}")
    if len(targets) > 1 or len({frozenset(example.about.features) for example in examples}) > 1:
        raise UserError(f"a residual is learned on one target, and these are trials on {' and '.join(targets)}")
    counts = Counter(example.program for example in examples)
    training = Training(
        target=targets[0],
        threads=sorted({example.threads for example in examples}),
        programs=dict(sorted(counts.items())),
        rho=_left_out(examples, rng) if len(counts) > 1 else {},
    )
    return _boosted(examples, training, rng)


def _left_out(examples: Sequence[Example], rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Spearman's rho by program, before and after, as learned from all other programs."""
    from scipy.stats import spearmanr

    found = {}
    for program in sorted({example.program for example in examples}):
        others = [example for example in examples if example.program != program]
        these = [example for example in examples if example.program == program]
        learned = _boosted(others, Training(target="left out", threads=[], programs={}, rho={}), rng)
        seconds, costs = [e.seconds for e in these], [e.about.cost for e in these]
        corrected = [cost * learned.factor(e.about.features, cost) for e, cost in zip(these, costs, strict=True)]
        if min(len(set(each)) for each in (seconds, costs, corrected)) > 1:  # else there is no order
            before, after = (float(spearmanr(each, seconds).statistic) for each in (costs, corrected))
            found[program] = (before, after)
    return found


def _boosted(examples: Sequence[Example], training: Training, rng: np.random.Generator) -> Residual:
    from sklearn.ensemble import GradientBoostingRegressor

    names = sorted(examples[0].about.features)
    rows = np.array([inputs([e.about.features[name] for name in names], e.about.cost) for e in examples])
    wanted = np.array([example.residual for example in examples])
    base = float(np.median(wanted))
    model = GradientBoostingRegressor(
        n_estimators=TREES,
        max_depth=DEPTH,
        learning_rate=RATE,
        subsample=SHARE,
        min_samples_leaf=SMALLEST,
        max_features=CANDIDATES,
        loss="huber",  # a trial may have been timed in a bad moment
        init="zero",
        random_state=int(rng.integers(2**31)),
    )
    model.fit(rows, wanted - base)
    trees = [_plain(fitted.tree_) for fitted in model.estimators_[:, 0]]
    return Residual(training=training, features=names, base=base, trees=trees)


def _plain(tree: Any) -> Tree:
    return Tree(
        feature=[max(-1, int(feature)) for feature in tree.feature],
        threshold=tree.threshold.tolist(),
        left=tree.children_left.tolist(),
        right=tree.children_right.tolist(),
        value=(RATE * tree.value[:, 0, 0]).tolist(),
    )
