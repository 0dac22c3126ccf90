"""Random numbers that a resumed search finds again."""

from __future__ import annotations

import numpy as np


class Streams:
    """One generator, `rng`, with a stream of its own for every proposal.

    What is drawn for a proposal depends on the seed and on the proposal's number alone, not on how many draws the
    earlier ones took. A search that is told the trials of an interrupted study therefore goes on as that would have,
    and draws for one proposal do not depend on how many were asked for at once.

    The streams are those of a counter-based generator (Philox; Salmon et al. 2011), told apart by their counters.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._key = rng.integers(1 << 64, size=2, dtype=np.uint64)
        self.rng = np.random.Generator(self._bits(0))

    def begin(self, number: int) -> None:
        """Go on with stream `number`, from its start."""
        self.rng.bit_generator.state = self._bits(number).state

    def _bits(self, number: int) -> np.random.Philox:
        return np.random.Philox(key=self._key, counter=np.array([0, 0, number, 0], dtype=np.uint64))
