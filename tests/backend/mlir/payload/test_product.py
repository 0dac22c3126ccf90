"""The loops of a matrix product, m, n and k, in whatever contains one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.product import Product
from mlopt.protocols import Workload
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.softmax.workload import Softmax


def products(workload: Workload) -> list[Product]:
    module = parse(workload.source("mlir"))
    prepare(module)
    finish(module)
    return [product for nest in read(module) if (product := Product.find(nest))]


def einsum(spec: str, **sizes: int) -> list[Product]:
    letters = {letter: size for size, letter in enumerate(sorted(set(spec) - set(",->")), start=3)}
    return products(Contraction(spec=spec, sizes={**letters, **sizes}, dtype="f32"))


def named(product: Product, letters: str) -> dict[str, str]:
    """Roles by the letters of an einsum, whose loops are the output's, then the sum's."""
    return {role: letters[loop] for role, loop in product.roles.items()}


def test_a_matrix_product_has_the_roles_of_its_name() -> None:
    (product,) = products(Matmul(m=3, n=5, k=7))
    assert product.roles == {"m": 0, "n": 1, "k": 2}
    assert (product.left, product.outer, product.inner) == (0, (), ())
    assert product.packs_rows
    assert product.packed == (0, 1, 2)


@pytest.mark.parametrize("spec", ["mk,kn->mn", "km,kn->mn", "mk,nk->mn", "km,nk->mn", "kn,mk->mn", "nk,mk->mn"])
def test_operands_may_be_transposed_and_a_comes_first(spec: str) -> None:
    (product,) = einsum(spec)
    assert named(product, "mnk") == {"m": "m", "n": "n", "k": "k"}
    assert product.left == 0
    assert product.packs_rows


@pytest.mark.parametrize(("n", "roles"), [(3, {"n": 0, "m": 1, "k": 2}), (4, {"m": 0, "n": 1, "k": 2})])
def test_a_loop_shorter_than_any_vector_is_no_column(n: int, roles: Mapping[str, int]) -> None:
    (product,) = products(Matmul(m=16, n=n, k=7))
    assert product.roles == roles


def test_a_batch_is_outside() -> None:
    (product,) = products(BatchMatmul(b=3, m=5, n=8, k=4))
    assert product.roles == {"m": 1, "n": 2, "k": 3}
    assert product.outer == (0,)


def test_the_last_loops_of_a_tensor_contraction_are_the_product() -> None:
    (product,) = einsum("abij,bjcd->aicd")
    assert named(product, "aicbj") == {"m": "i", "n": "c", "k": "j"}  # c and d are one
    assert product.outer == (0,)
    assert product.inner == (3,)


def test_where_the_last_loops_are_short_others_are_the_rows_and_the_sum() -> None:
    (product,) = einsum("ajr,brjc->abc", j=20, r=4)
    assert named(product, "abcjr")["k"] == "j"
    (product,) = einsum("ijb,jc->ibc", i=20, b=4)
    assert named(product, "ibcj")["m"] == "i"
    (product,) = einsum("ijb,jc->ibc", i=20, b=8)
    assert named(product, "ibcj")["m"] == "b"


@pytest.mark.parametrize(("spec", "roles"), [("mk,k->m", {"n": "m", "k": "k"}), ("k,kn->n", {"n": "n", "k": "k"})])
def test_a_matrix_times_a_vector_has_no_rows(spec: str, roles: Mapping[str, str]) -> None:
    (product,) = einsum(spec)
    assert named(product, spec[-1] + "k") == roles
    assert product.m is None
    assert not product.packs_rows
    assert product.packed == (product.n,)


def test_loops_of_one_iteration_have_no_role() -> None:
    (product,) = products(Matmul(m=1, n=5, k=7))
    assert product.roles == {"n": 0, "k": 1}
    (product,) = products(Matmul(m=3, n=1, k=7))
    assert product.roles == {"n": 0, "k": 1}


CHANNELS = {"n": 2, "c": 6, "h": 9, "w": 12, "f": 5, "kh": 3, "kw": 2}


@pytest.mark.parametrize(
    ("layout", "roles"),
    [
        ("nchw", {"m": 3, "n": 1, "k": 4}),  # n f oh ow c kh kw
        ("nhwc", {"m": 2, "n": 3, "k": 6}),  # n oh ow f kh kw c
    ],
)
def test_a_convolution_is_a_product_of_pixels_and_channels(layout: str, roles: Mapping[str, int]) -> None:
    (product,) = products(Conv2d(**CHANNELS, layout=layout))
    assert product.roles == roles
    assert product.left == 0
    assert not product.packs_rows
    assert product.packed == (product.n,)


@pytest.mark.parametrize(("stride", "strided"), [(1, False), (2, True)])
def test_rows_are_strided_where_the_image_skips_some(stride: int, strided: bool) -> None:
    (product,) = products(Conv2d(**CHANNELS, stride=stride))
    assert product.roles["m"] == 3
    assert product.strided == strided


def test_a_product_of_other_numbers_has_no_roles() -> None:
    module = parse(Matmul(m=3, n=5, k=7).source("mlir").replace("f32", "f64"))
    prepare(module)
    finish(module)
    assert not any(Product.find(nest) for nest in read(module))


@pytest.mark.parametrize(
    "workload",
    [
        Gelu(shape=(4, 8)),
        Softmax(rows=4, cols=8),
        Maxpool(n=2, c=3, h=8, w=11, k=3, stride=2),
        Contraction(spec="ij,j->i", sizes={"i": 3, "j": 5}, dtype="complex64"),
        Contraction(spec="ab,ab->", sizes={"a": 3, "b": 5}, dtype="f32"),
        Contraction(spec="ab,ab->a", sizes={"a": 3, "b": 5}, dtype="f32"),
    ],
    ids=["map", "reductions", "maximum", "complex", "no output", "no loop of one operand alone"],
)
def test_what_is_no_product_of_float32_matrices_has_no_roles(workload: Workload) -> None:
    assert products(workload) == []
