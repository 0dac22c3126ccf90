"""What is trained on and what is judged by never meet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.core.errors import UserError
from mlopt.train.programs import Programs
from mlopt.workloads.random_program.kinds import KINDS


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(0, 1 << 30))
def test_no_program_is_on_both_sides(seed: int, other: int) -> None:
    programs, rng = Programs(), np.random.default_rng(seed)
    seen = {programs.training(rng).program.digest() for _ in range(20)}
    assert seen.isdisjoint(each.program.digest() for each in programs.evaluation(20, other))


def test_kinds_that_are_left_out_are_judged_by_alone() -> None:
    programs, rng = Programs(left_out=["matmul"]), np.random.default_rng(0)
    assert {programs.training(rng).kind for _ in range(100)} == set(KINDS) - {"matmul"}
    assert {each.kind for each in programs.evaluation(len(KINDS), 0)} == set(KINDS)


def test_an_evaluation_is_the_same_each_time() -> None:
    assert Programs().evaluation(8, 3) == Programs().evaluation(8, 3)
    assert Programs().evaluation(8, 3) != Programs().evaluation(8, 4)


@pytest.mark.parametrize("keys", [{"kinds": ["matmull"]}, {"left_out": list(KINDS)}, {"held_out": 1}, {"kinds": []}])
def test_settings_that_leave_nothing_are_mistakes(keys: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"programs\."):
        Programs(**keys)  # type: ignore[arg-type]
