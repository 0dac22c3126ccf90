from __future__ import annotations

from typing import Any, Literal

import pytest

from mlopt.cli.main import main
from mlopt.report.stability import Neighbour, neighbours


def made(m: int, stride: int, shape: list[int], dtype: Literal["f32", "bf16"] = "f32", layout: str = "nhwc") -> None:
    """Stands for a workload's constructor."""


def test_neighbours_differ_by_one_size_or_dtype() -> None:
    keys: dict[str, Any] = {"_target_": "a.b", "m": 8, "stride": 2, "causal": True, "shape": [3, 10], "dtype": "f32"}
    found = dict(neighbours(keys, made))
    assert list(found) == ["m=4", "m=16", "shape=[3, 5]", "shape=[3, 20]", "dtype=bf16"]
    for other in found.values():
        assert sum(other[key] != keys[key] for key in keys) == 1


@pytest.mark.parametrize(("seconds", "torch", "speedup"), [(2.0, 3.0, 1.5), (None, 3.0, None), (2.0, None, None)])
def test_there_is_a_speedup_where_both_have_a_time(
    seconds: float | None, torch: float | None, speedup: float | None
) -> None:
    assert Neighbour("m=4", seconds, torch, 0).speedup == speedup


@pytest.mark.parametrize("words", [["report.stability=maybe"], ["--outt", "x"], ["a", "b"]])
def test_a_mistake_in_the_call_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
