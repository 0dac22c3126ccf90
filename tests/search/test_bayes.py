"""Bayesian optimisation."""

from __future__ import annotations

from mlopt.protocols import Search
from mlopt.search.bayes import Bayes
from mlopt.testing import SearchContract


class TestBayes(SearchContract):
    """Both surrogates have their turn in the contract's small spaces."""

    def make(self) -> Search:
        return Bayes(initial=2, small=5, trees=3)


class TestImpatient(SearchContract):
    """Learns seldom, and draws often."""

    def make(self) -> Search:
        return Bayes(initial=2, small=0, trees=3, patience=0.5, explore=0.3)
