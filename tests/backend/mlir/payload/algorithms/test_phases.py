"""Products over tensors that were spread apart read the elements alone, and give what they gave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.bindings import active
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.naive import lower
from mlopt.backend.mlir.payload.algorithms.phases import rewrite, rewrites
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest
from mlopt.backend.mlir.program import bind

CHANNELS, FILTERS = 3, 2


def text(size: int, taps: int, stride: int, before: int, after: int, step: int = 1, gap: float = 0.0) -> str:
    """A convolution over elements that stand `stride` apart, with so many zeros, or gaps, before and after them."""
    extent = before + (size - 1) * stride + 1 + after
    results = (extent - taps) // step + 1
    spread, result = f"tensor<{CHANNELS}x{extent}xf32>", f"tensor<{FILTERS}x{results}xf32>"
    image, filters = f"tensor<{CHANNELS}x{size}xf32>", f"tensor<{FILTERS}x{CHANNELS}x{taps}xf32>"
    return f"""func.func @f(%x: {image}, %w: {filters}) -> {result} {{
      %gap = arith.constant {gap} : f32
      %zero = arith.constant 0.0 : f32
      %space = tensor.empty() : {spread}
      %gaps = linalg.fill ins(%gap : f32) outs(%space : {spread}) -> {spread}
      %s = tensor.insert_slice %x into %gaps[0, {before}] [{CHANNELS}, {size}] [1, {stride}] : {image} into {spread}
      %empty = tensor.empty() : {result}
      %clear = linalg.fill ins(%zero : f32) outs(%empty : {result}) -> {result}
      %r = linalg.generic {{indexing_maps = [affine_map<(f, y, c, t) -> (c, {step} * y + t)>,
                                             affine_map<(f, y, c, t) -> (f, c, t)>,
                                             affine_map<(f, y, c, t) -> (f, y)>],
                            iterator_types = ["parallel", "parallel", "reduction", "reduction"]}}
          ins(%s, %w : {spread}, {filters}) outs(%clear : {result}) {{
      ^bb0(%a: f32, %b: f32, %o: f32):
        %product = arith.mulf %a, %b : f32
        %sum = arith.addf %o, %product : f32
        linalg.yield %sum : f32
      }} -> {result}
      return %r : {result}
    }}"""


def products(*arguments: Any, **keywords: Any) -> Sequence[LoopNest]:
    with active():
        module = parse(text(*arguments, **keywords))
        prepare(module)
        rewrite(module)
        return [nest for nest in finish(module) if nest.is_product]


def results(source: str, x: Any, w: Any, count: int, rewritten: bool) -> Any:
    with active():
        module = parse(source)
        if rewritten:
            prepare(module)
            rewrite(module)
            finish(module)
        lower(module)
        found = np.empty((FILTERS, count), np.float32)
        bind(compile_llvm(module, level=0), "f", (x, w, found))()
    return found


@settings(max_examples=20)
@given(
    size=st.integers(2, 5),
    taps=st.integers(1, 7),
    stride=st.integers(2, 4),
    before=st.integers(0, 6),
    after=st.integers(0, 6),
)
def test_results_stay_as_they_were(size: int, taps: int, stride: int, before: int, after: int) -> None:
    count = before + (size - 1) * stride + 1 + after - taps + 1
    if count < 1:
        return
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((CHANNELS, size), (FILTERS, CHANNELS, taps)))
    source = text(size, taps, stride, before, after)
    before_and_after = [results(source, x, w, count, rewritten) for rewritten in (False, True)]
    np.testing.assert_allclose(*before_and_after, rtol=1e-5, atol=1e-5)


def test_zeros_are_not_multiplied() -> None:
    (product,) = products(size=8, taps=4, stride=2, before=1, after=1)
    written = math.prod(product.outputs[0].shape)
    assert math.prod(product.sizes) == written * CHANNELS * 4 // 2


@pytest.mark.parametrize("change", [{"gap": 1.0}, {"step": 2}])
def test_others_have_no_phases(change: dict[str, Any]) -> None:
    with active():
        module = parse(text(size=8, taps=4, stride=2, before=1, after=1, **change))
        prepare(module)
        assert not rewrites(module)
