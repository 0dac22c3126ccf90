"""Random search."""

from __future__ import annotations

from mlopt.protocols import Search
from mlopt.search.random import Random
from mlopt.testing import SearchContract


class TestRandom(SearchContract):
    learns = False

    def make(self) -> Search:
        return Random()
