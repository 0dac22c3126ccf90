"""What workloads that are folders of files share."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from mlopt.testing.workload import assert_mistake, draw
from mlopt.workloads.base import tensor, windows
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool

SCALED = """
from dataclasses import dataclass
from mlopt.workloads.matmul.workload import Matmul

@dataclass(frozen=True)
class Scaled(Matmul):
    factor: float = 2.0
"""
REFERENCE = """
import numpy as np

def reference(a, b):
    return (2.0 * np.matmul(a.astype(np.float64), b.astype(np.float64)),)
"""


def test_a_payload_is_filled_in_with_the_sizes() -> None:
    text = Matmul(m=7, n=20, k=33).source("mlir")
    assert "$" not in text
    assert text.count("7x20") == text.replace("m", "").count("7x20") > 0


def test_the_type_of_a_tensor_may_have_any_rank_and_element() -> None:
    assert tensor((2, 3)) == "tensor<2x3xf32>"
    assert tensor((), "complex<f32>") == "tensor<complex<f32>>"


def test_windows_without_padding() -> None:
    assert [windows(7, window, stride) for window, stride in ((7, 1), (3, 1), (3, 2), (2, 2), (1, 9))] == [
        1,
        5,
        3,
        3,
        1,
    ]
    assert_mistake(lambda: windows(2, 3, 1))


def test_parameters_reach_the_reference_the_tolerance_and_pytorch() -> None:
    torch = pytest.importorskip("torch")
    image = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    pool = Maxpool(n=1, c=1, h=4, w=4, k=2, stride=2)
    expected = [[[[5, 7], [13, 15]]]]
    assert np.array_equal(pool.reference(image)[0], expected)
    assert pool.tolerance(image)[0].shape == (1, 1, 2, 2)
    assert np.array_equal(pool.eager()(torch.from_numpy(image)).numpy(), expected)


def test_inputs_are_drawn_from_what_the_distribution_says() -> None:
    matmul = Matmul(m=100, n=100, k=100)
    for array in draw(matmul, "normal"):
        assert abs(array.mean()) < 0.05
        assert abs(array.std() - 1) < 0.05
    for array in draw(matmul, "uniform"):
        assert abs(array.mean() - 0.5) < 0.05
        assert array.min() >= 0
        assert array.max() <= 1


def test_an_unknown_distribution_is_a_mistake() -> None:
    assert_mistake(lambda: draw(Matmul(m=1, n=1, k=1), "cauchy"))


def test_a_workload_elsewhere_brings_what_differs_and_extends_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine" / "scaled"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "workload.py").write_text(SCALED)
    (folder / "reference.py").write_text(REFERENCE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("mine", "mine.scaled", "mine.scaled.workload", "mine.scaled.reference"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    scaled = importlib.import_module("mine.scaled.workload").Scaled(m=3, n=4, k=5)
    matmul = Matmul(m=3, n=4, k=5)
    inputs = draw(matmul, "normal")
    assert scaled.name == "scaled"
    assert scaled.source("mlir") == matmul.source("mlir")
    assert scaled.reference_files[0] == folder / "reference.py"
    assert np.array_equal(scaled.reference(*inputs)[0], 2 * matmul.reference(*inputs)[0])
