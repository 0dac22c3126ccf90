"""The programs that a policy learns from, and those that it never sees before it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import UserError, nearest
from ..workloads.random_program.kinds import KINDS
from ..workloads.random_program.workload import RandomProgram


@dataclass(frozen=True)
class Programs:
    """Random programs of `kinds`; of `left_out` kinds only for evaluation.

    One in `held_out` programs of any kind is kept for evaluation, too: which ones is decided by what they compute and
    their sizes, so that no program is ever on both sides, whoever draws it.
    """

    kinds: Sequence[str] = tuple(KINDS)
    left_out: Sequence[str] = ()
    held_out: int = 8

    def __post_init__(self) -> None:
        for key in ("kinds", "left_out"):
            for kind in getattr(self, key):
                if kind not in KINDS:
                    raise UserError(f"programs.{key} knows no '{kind}'{nearest(kind, KINDS)}")
        if not set(self.kinds) - set(self.left_out):
            raise UserError("programs.left_out leaves no kind to be trained on")
        if self.held_out < 2:
            raise UserError(f"programs.held_out={self.held_out} leaves no program to be trained on")

    def training(self, rng: np.random.Generator) -> RandomProgram:
        """A program to learn from; all kinds come equally often."""
        kinds = [kind for kind in self.kinds if kind not in self.left_out]
        return self._drawn(kinds[int(rng.integers(len(kinds)))], rng, held_out=False)

    def evaluation(self, count: int, seed: int) -> list[RandomProgram]:
        """So many held-out programs, the same for the same seed; the kinds take turns, those left out included."""
        rng, kinds = np.random.default_rng(seed), list(dict.fromkeys((*self.kinds, *self.left_out)))
        return [self._drawn(kinds[number % len(kinds)], rng, held_out=True) for number in range(count)]

    def _drawn(self, kind: str, rng: np.random.Generator, held_out: bool) -> RandomProgram:
        while True:
            workload = RandomProgram(kind, int(rng.integers(1 << 31)))
            if (workload.program.digest() % self.held_out == 0) == held_out:
                return workload
