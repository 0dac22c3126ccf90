"""Which payloads are one plain matrix product, which has a space of its own; all others go the general way."""

from __future__ import annotations

from typing import Any

import pytest

from mlopt.backend.mlir.payload.contraction import Contraction
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.contraction.workload import Contraction as Einsum
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.mlp.workload import Mlp

MATMUL = Matmul(m=8, n=16, k=16).source("mlir")
SQUARE = Matmul(m=8, n=8, k=8).source("mlir")
TYPES = "tensor<8x16xf32>, tensor<16x16xf32>"
ACCUMULATED = f"%d = linalg.matmul ins(%a, %b : {TYPES}) outs(%c : tensor<8x16xf32>) -> tensor<8x16xf32>\n  return %d"
DOUBLED = "%d = linalg.add ins(%c, %c : {C}, {C}) outs(%empty : {C}) -> {C}".replace("{C}", "tensor<8x16xf32>")
TRANSPOSED = "[affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]"


def test_a_matrix_product_is_found() -> None:
    assert Contraction.find(parse(MATMUL)) == Contraction("linalg.matmul", (), 8, 16, 16)


def test_a_batch_of_matrix_products_is_found() -> None:
    found = Contraction.find(parse(BatchMatmul(b=3, m=5, n=8, k=4).source("mlir")))
    assert found == Contraction("linalg.batch_matmul", (3,), 5, 8, 4)


def test_operands_may_be_transposed() -> None:
    found = Contraction.find(parse(SQUARE.replace("linalg.matmul", f"linalg.matmul indexing_maps = {TRANSPOSED}")))
    assert found == Contraction("linalg.matmul", (), 8, 8, 8, left="km", right="nk")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("ij,jk->ik", ((), 4, 6, 5, "mk", "kn")),
        ("bji,bjk->bik", ((3,), 4, 6, 5, "km", "kn")),
        ("bij,bkj->bik", ((3,), 4, 6, 5, "mk", "nk")),
        ("bij,bjkl->bikl", ((3,), 4, 42, 5, "mk", "kn")),
        ("abij,abjk->abik", ((6,), 4, 6, 5, "mk", "kn")),
        ("ij,jk->ki", ((), 6, 4, 5, "km", "nk")),
        ("ibj,bjk->bik", None),
        ("ijl,jk->ik", None),
        ("ij,j->i", None),
        ("bi,bj->bij", None),
    ],
)
def test_a_product_in_generic_form_is_found_when_its_loops_are_merged(spec: str, expected: Any) -> None:
    module = parse(Einsum(spec, {"a": 2, "b": 3, "i": 4, "j": 5, "k": 6, "l": 7}, dtype="f32").source("mlir"))
    prepare(module)
    finish(module)
    assert Contraction.find(module) == (expected and Contraction("linalg.generic", *expected))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "func.func @f() { return }",
        Gelu(shape=(8,)).source("mlir"),
        Mlp(m=4, d_model=4, d_ff=4).source("mlir"),
        MATMUL.replace("return %c", ACCUMULATED),
        MATMUL.replace("return %c", f"{DOUBLED}\n  return %d"),
        MATMUL.replace("f32", "f64"),
        MATMUL.replace("%a: tensor<8x16", "%a: tensor<8x?").replace("%b : tensor<8x16", "%b : tensor<8x?"),
        MATMUL.replace("0.0 : f32", "1.0 : f32"),
        MATMUL.replace("outs(%init", "outs(%empty"),
        MATMUL.replace("%b: tensor<16x16xf32>", "%b: tensor<16x16xf32>, %empty: tensor<8x16xf32>")
        .replace("%empty = tensor.empty() : tensor<8x16xf32>", "")
        .replace("outs(%init", "outs(%empty"),
    ],
    ids=[
        "nothing",
        "no operation",
        "no product",
        "two products and more",
        "two products",
        "a product and more",
        "another type",
        "dynamic",
        "from one",
        "from anything",
        "from an argument",
    ],
)
def test_nothing_else_is(text: str) -> None:
    assert Contraction.find(parse(text)) is None
