"""Times without garbage collection."""

from __future__ import annotations

import gc

import pytest

from mlopt.core.garbage import uncollected


def test_nothing_is_collected_meanwhile_and_all_is_as_before_then() -> None:
    @uncollected()
    def fail() -> None:
        assert not gc.isenabled()
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert gc.isenabled()


def test_who_collects_nothing_anyway_is_left_alone() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
