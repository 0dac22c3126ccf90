"""Convolution and maximum over windows: shapes, both layouts, and what their tolerances let pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mlopt.protocols import Array, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import DISTRIBUTIONS, assert_mistake, draw, within_tolerance
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.maxpool.workload import Maxpool


class TestMaxpool(WorkloadContract):
    def make(self) -> Workload:
        return Maxpool(n=2, c=3, h=8, w=11, k=3, stride=2)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        wrong: list[dict[str, int]] = [{"n": 0}, {"c": -1}, {"stride": 0}, {"h": 2, "k": 3}, {"w": 2, "k": 3}]
        return [lambda keys=keys: Maxpool(**keys) for keys in wrong]  # type: ignore[misc]


class TestConv2d(WorkloadContract):
    def make(self) -> Workload:
        return Conv2d(n=2, c=3, h=9, w=8, f=5, kh=3, kw=2, stride=2)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        wrong: list[dict[str, object]] = [{"n": 0}, {"f": -1}, {"stride": 0}, {"layout": "chwn"}]
        wrong += [{"h": 2, "kh": 3}, {"w": 2, "kw": 3}]
        return [lambda keys=keys: Conv2d(**keys) for keys in wrong]  # type: ignore[misc]


class TestConv2dNhwc(WorkloadContract):
    def make(self) -> Workload:
        return Conv2d(n=2, c=3, h=9, w=8, f=5, kh=3, kw=2, stride=2, layout="nhwc")


def test_a_window_that_does_not_fit_is_named() -> None:
    with pytest.raises(Exception, match="window of 5 does not fit into an image of 4"):
        Conv2d(h=4, kh=5)
    assert_mistake(lambda: Maxpool(h=4, k=5))


def test_shapes_are_those_of_the_layout() -> None:
    sizes = {"n": 2, "c": 3, "h": 9, "w": 8, "f": 5, "kh": 3, "kw": 2, "stride": 2}
    shapes = {
        layout: [t.shape for t in (*conv.operands, *conv.outputs)]
        for layout in ("nchw", "nhwc")
        for conv in [Conv2d(**sizes, layout=layout)]  # type: ignore[arg-type]
    }
    assert shapes["nchw"] == [(2, 3, 9, 8), (5, 3, 3, 2), (2, 5, 4, 4)]
    assert shapes["nhwc"] == [(2, 9, 8, 3), (3, 2, 3, 5), (2, 4, 4, 5)]
    assert Conv2d(**sizes).flops == 2 * (2 * 5 * 4 * 4) * (3 * 3 * 2)  # type: ignore[arg-type]


def test_maxima_are_those_of_each_window() -> None:
    pool = Maxpool(n=1, c=2, h=7, w=6, k=3, stride=2)
    (image,) = draw(pool, "normal")
    (found,) = pool.reference(image)
    for c, i, j in np.ndindex(2, 3, 2):
        assert found[0, c, i, j] == image[0, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max()


def terms(conv: Conv2d, inputs: Sequence[Array]) -> Array:
    """Of a convolution in layout nchw: shape (c kh kw, n, f, rows, columns), in the inputs' dtype."""
    image, filters = inputs
    _, _, rows, columns = conv.outputs[0].shape
    products = []
    for c, i, j in np.ndindex(*filters.shape[1:]):
        part = image[:, c, i : i + conv.stride * rows : conv.stride, j : j + conv.stride * columns : conv.stride]
        products.append(part[:, None, :rows, :columns] * filters[None, :, c, i, j, None, None])
    return np.stack(products)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("stride", [1, 2])
def test_the_convolution_is_the_sum_of_its_terms_in_any_order_and_layout(stride: int, distribution: str) -> None:
    conv = Conv2d(n=2, c=5, h=9, w=8, f=3, kh=3, kw=2, stride=stride)
    inputs = draw(conv, distribution)
    products = terms(conv, inputs)
    np.testing.assert_allclose(conv.reference(*inputs)[0], products.astype(np.float64).sum(axis=0), atol=1e-5)
    for order in (products, products[::-1], np.sort(products, axis=0)):
        assert within_tolerance(conv, inputs, [order.sum(axis=0)])
    last = Conv2d(n=2, c=5, h=9, w=8, f=3, kh=3, kw=2, stride=stride, layout="nhwc")
    image, filters = inputs[0].transpose(0, 2, 3, 1), inputs[1].transpose(2, 3, 1, 0)
    np.testing.assert_allclose(last.reference(image, filters)[0].transpose(0, 3, 1, 2), conv.reference(*inputs)[0])
    np.testing.assert_allclose(last.tolerance(image, filters)[0].transpose(0, 3, 1, 2), conv.tolerance(*inputs)[0])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_missing_term_and_float16_are_wrong(distribution: str) -> None:
    conv = Conv2d(n=1, c=64, h=7, w=7, f=3, kh=3, kw=3)
    inputs = draw(conv, distribution)
    products = terms(conv, inputs)
    assert not within_tolerance(conv, inputs, [products[:-1].sum(axis=0)])
    assert not within_tolerance(conv, inputs, [products.astype(np.float16).cumsum(axis=0, dtype=np.float16)[-1]])


def test_winograds_algorithm_is_right() -> None:
    """F(4, 3) along rows, whose transforms are the least accurate of those in use (Lavin and Gray 2016)."""
    conv = Conv2d(n=1, c=64, h=1, w=6, f=8, kh=1, kw=3)
    data = [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0]]
    data.append([0, 4, 0, -5, 0, 1])
    weights = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    back = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    for distribution in DISTRIBUTIONS:
        image, filters = draw(conv, distribution)
        bent = filters[:, :, 0] @ (np.array(weights) / 24).T.astype(np.float32)
        products = (bent * (image[0, :, 0] @ np.array(data, np.float32).T)).sum(axis=1)
        assert within_tolerance(conv, [image, filters], [(products @ np.array(back, np.float32).T)[None, :, None]])
