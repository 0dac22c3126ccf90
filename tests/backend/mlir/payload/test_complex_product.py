"""Sums of products of complex numbers become products of real matrices; all else stays as it is."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.payload.complex_product import split
from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.workloads.contraction.workload import Contraction

SIZES = {letter: size for size, letter in enumerate("abcdef", start=2)}
PRODUCT = Contraction("ab,bc->ac", SIZES).source("mlir")
CONJUGATE = PRODUCT.replace("complex.mul %x, %y", "complex.mul %x, %z").replace(
    "%product =", "%z = complex.conj %y : complex<f32>\n    %product ="
)


def source(spec: str) -> str:
    return Contraction(spec, SIZES).source("mlir")


def nests(text: str) -> dict[str, tuple[int, ...]]:
    module = parse(text)
    prepare(module)
    return {nest.tag: nest.sizes for nest in finish(module)}


def test_a_product_is_one_twice_as_deep_and_twice_as_wide() -> None:
    assert nests(PRODUCT)["product0"] == (2, 8, 6)  # a, c and its part, b and its part


def test_a_product_with_a_conjugate_is_one_as_well() -> None:
    assert nests(CONJUGATE) == nests(PRODUCT)


@pytest.mark.parametrize(
    ("spec", "product"),
    [
        ("ab,cb->ac", (2, 8, 6)),  # B is transposed on the way
        ("ab,bc->ca", (4, 4, 3, 2)),  # the result's last loop is A's; B's parts of b are apart
        ("abc,bd->acd", (2, 4, 10, 3, 2)),
        ("eab,ebc->eac", (6, 2, 8, 6)),
    ],
)
def test_whatever_the_order_of_dimensions(spec: str, product: tuple[int, ...]) -> None:
    assert sorted(nests(source(spec))["product0"]) == sorted(product)


def test_products_of_products_are_split_together() -> None:
    second = """%init2 = linalg.fill ins(%zero : complex<f32>) outs(%empty : tensor<2x4xcomplex<f32>>)
      -> tensor<2x4xcomplex<f32>>
  %d = linalg.generic {indexing_maps = [#left, #right, #output], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%c, %e : tensor<2x4xcomplex<f32>>, tensor<4x4xcomplex<f32>>) outs(%init2 : tensor<2x4xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %total: complex<f32>):
    %product = complex.mul %x, %y : complex<f32>
    %sum = complex.add %product, %total : complex<f32>
    linalg.yield %sum : complex<f32>
  } -> tensor<2x4xcomplex<f32>>
  return %d"""
    text = PRODUCT.replace("return %c", second).replace(
        ") -> tensor<2x4x", ", %e: tensor<4x4xcomplex<f32>>) -> tensor<2x4x", 1
    )
    found = nests(text)
    assert found["product0"] == (2, 8, 6)
    assert found["product1"] == (2, 8, 8)


@pytest.mark.parametrize(
    "text",
    [
        PRODUCT.replace("complex.mul %x, %y", "complex.mul %x, %z").replace(
            "%product =", "%z = complex.exp %y : complex<f32>\n    %product ="
        ),
        CONJUGATE.replace("complex.mul %x, %z", "complex.mul %y, %z"),
        PRODUCT.replace("complex.mul %x, %y", "complex.mul %x, %x"),
        PRODUCT.replace("complex.add %total, %product", "complex.add %product, %product"),
        PRODUCT.replace("[0.0 : f32, 0.0 : f32]", "[0.0 : f32, 1.0 : f32]"),
        PRODUCT.replace("outs(%init", "outs(%empty"),
        PRODUCT.replace("f32", "f64"),
        Contraction("ab,bc->ac", SIZES, dtype="f32").source("mlir"),
        source("ab,b->a"),
        source("ab,ab->"),
        source("abd,bcd->acd"),
        source("ab,cd->abcd"),
    ],
    ids=[
        "power",
        "conjugate of the other factor",
        "square",
        "no sum",
        "from another start",
        "from anything",
        "double",
        "real",
        "vector",
        "scalar",
        "batch innermost",
        "outer",
    ],
)
def test_what_is_no_sum_of_products_of_matrices_stays_as_it_is(text: str) -> None:
    module = parse(text)
    prepare(module)
    read(module)
    before = str(module)
    split(module)
    assert str(module) == before
