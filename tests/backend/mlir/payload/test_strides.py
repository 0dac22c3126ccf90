"""Terms of windows that move along vectors by several elements are written out, and those of no others."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest
from mlopt.backend.mlir.payload.strides import MOST_TERMS


def nest(taps: int, stride: int, layout: str = "nchw") -> LoopNest:
    """The depthwise convolution of 3 channels with taps by taps filters, after all rewrites."""
    size = 7
    extent = (size - 1) * stride + taps
    nchw = layout == "nchw"
    image = f"tensor<2x3x{extent}x{extent}xf32>" if nchw else f"tensor<2x{extent}x{extent}x3xf32>"
    filters = f"tensor<3x{taps}x{taps}xf32>" if nchw else f"tensor<{taps}x{taps}x3xf32>"
    result = f"tensor<2x3x{size}x{size}xf32>" if nchw else f"tensor<2x{size}x{size}x3xf32>"
    kind = "nchw_chw" if nchw else "nhwc_hwc"
    module = parse(f"""
    func.func @f(%x: {image}, %k: {filters}) -> {result} {{
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : {result}
      %clear = linalg.fill ins(%zero : f32) outs(%empty : {result}) -> {result}
      %y = linalg.depthwise_conv_2d_{kind} {{strides = dense<{stride}> : vector<2xi64>}}
        ins(%x, %k : {image}, {filters}) outs(%clear : {result}) -> {result}
      return %y : {result}
    }}""")
    prepare(module)
    (found,) = (each for each in finish(module) if not each.is_fill)
    return found


def test_all_terms_of_a_small_window_are_one_expression() -> None:
    found = nest(taps=3, stride=2)
    assert not found.reductions
    assert len(found.inputs) == 2 * 9
    assert found.operations == ("arith.mulf", "arith.addf") * 9


def test_of_a_larger_window_only_neighbouring_elements_are() -> None:
    found = nest(taps=5, stride=2)
    assert [found.sizes[loop] for loop in found.reductions] == [5]
    assert len(found.inputs) == 2 * 5
    assert not found.combines


@pytest.mark.parametrize(("taps", "stride", "layout"), [(3, 1, "nchw"), (3, 2, "nhwc"), (MOST_TERMS + 1, 2, "nchw")])
def test_others_stay_sums(taps: int, stride: int, layout: str) -> None:
    found = nest(taps, stride, layout)
    assert found.is_product
    assert len(found.inputs) == 2
