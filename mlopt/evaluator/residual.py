"""What simulated costs were found to miss, learned from measured trials: a file of regression trees, as plain data.

Gradient boosting (J. Friedman, "Greedy function approximation: a gradient boosting machine", 2001) of
`log(measured / simulated)` on features of the IR; `mlopt residual` makes the file.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..core.errors import UserError
from ..core.record import reason

LONGEST = 1 << 25
"""Bytes of a file."""
FURTHEST = 10.0
"""A prediction is no further from 0: nobody is wrong by more than a factor of 20,000."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Tree(_Strict):
    """Nodes, the root first. Node i goes on to left[i] where input feature[i] <= threshold[i], else to right[i]."""

    feature: list[int]
    """-1 for a leaf."""
    threshold: list[float]
    left: list[int]
    right: list[int]
    value: list[float]

    @model_validator(mode="after")
    def _sound(self) -> Tree:
        nodes = range(len(self.feature))
        if not nodes or {len(self.threshold), len(self.left), len(self.right), len(self.value)} != {len(nodes)}:
            raise ValueError("a tree's lists must be as long as each other, and not empty")
        for node in nodes:  # children come later, so that every walk ends
            later = nodes[node + 1 :]
            if self.feature[node] >= 0 and not (self.left[node] in later and self.right[node] in later):
                raise ValueError("a tree's nodes must come before those that they lead to")
        return self

    def predict(self, inputs: NDArray[np.float64]) -> float:
        node = 0
        while (feature := self.feature[node]) >= 0:
            node = (self.left if inputs[feature] <= self.threshold[node] else self.right)[node]
        return self.value[node]


class Training(_Strict):
    """What a residual was learned from."""

    target: Name
    """Where the trials were measured, as programs name the target that they are simulated on."""
    threads: list[Count]
    programs: dict[Name, Count]
    """Trials by program."""
    rho: dict[Name, tuple[float, float]]
    """Spearman's of simulated cost and time, then of learned cost and time, by program, learned from all others."""


class Residual(_Strict):
    """Trees whose sum, and `base`, is the logarithm of measured over simulated seconds."""

    training: Training
    features: Annotated[list[Name], Field(min_length=1, max_length=10_000)]
    """Those that a program is asked for; the inputs of trees are these, then the same by simulated second."""
    base: float
    trees: Annotated[list[Tree], Field(max_length=10_000)]

    @model_validator(mode="after")
    def _within(self) -> Residual:
        if any(feature >= 2 * len(self.features) for tree in self.trees for feature in tree.feature):
            raise ValueError("a tree asks for a feature that is not named")
        return self

    def write(self, file: Path) -> None:
        """Raises UserError."""
        try:
            file.write_text(self.model_dump_json() + "\n")
        except OSError as error:
            raise UserError(f"cannot write {file}: {error.strerror}") from None

    def factor(self, features: Mapping[str, float], cost: float) -> float:
        """Measured over simulated seconds, as far as it is known, of a program with this simulated cost.

        Raises UserError for features that are not those it was learned from.
        """
        if features.keys() != set(self.features):
            raise UserError("evaluator.residual was learned from other features: train it again with mlopt residual")
        row = inputs([features[name] for name in self.features], cost)
        return math.exp(max(-FURTHEST, min(FURTHEST, self.base + sum(tree.predict(row) for tree in self.trees))))


def read(file: str) -> Residual:
    """From a file of any origin, which a process reads once. Raises UserError, in a line."""
    try:
        about = Path(file).stat()
        if about.st_size > LONGEST:
            raise UserError(f"evaluator.residual={file} is too long")
        return _read(file, about.st_mtime_ns)
    except OSError as error:
        raise UserError(f"cannot read evaluator.residual={file}: {error.strerror}") from None
    except ValidationError as error:
        raise UserError(f"evaluator.residual={file} is no residual of mlopt's: {reason(error)}") from None


@functools.lru_cache(maxsize=4)
def _read(file: str, changed: int) -> Residual:
    return Residual.model_validate_json(Path(file).read_bytes())


def inputs(features: Sequence[float], cost: float) -> NDArray[np.float64]:
    """What trees are asked of: each feature, and each by simulated second, rounded to float32, as scikit-learn does."""
    values = np.array(features, np.float64)
    return np.concatenate([values, values / cost]).astype(np.float32).astype(np.float64)
