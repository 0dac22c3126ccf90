"""Contractions: what specs are understood, real and complex operands, and what the tolerance lets pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from omegaconf import OmegaConf

from mlopt.cli.compose import compose, hydra_session
from mlopt.cli.instantiate import build
from mlopt.core.errors import UserError
from mlopt.protocols import Array, TensorSpec, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import DISTRIBUTIONS, draw, within_tolerance
from mlopt.workloads.contraction.workload import Contraction

SIZES = {"a": 6, "b": 40, "c": 7}


class TestComplex(WorkloadContract):
    def make(self) -> Workload:
        return Contraction(spec="tisj,tjk->tisk", sizes={"t": 3, "i": 5, "s": 2, "j": 7, "k": 3})


class TestReal(WorkloadContract):
    def make(self) -> Workload:
        return Contraction(spec="ab,cb->ca", sizes=SIZES, dtype="f32")


WRONG = {
    "ab,bc": "as in 'ab,bc->ac'",
    "ab->a": "two operands",
    "ab,bc,ca->a": "two operands",
    "ab,bd->ad": "needs a size for 'd'",
    "ab,bc->acc": "'c' twice in 'acc'",
    "aab,bc->ac": "'a' twice in 'aab'",
    "ab,bc->ad": "'d' in its result, but in neither operand",
    "ab,b1->a1": "letters a to z",
    "ab,b...->a...": "letters a to z",
}


@pytest.mark.parametrize("spec", WRONG)
def test_a_spec_that_is_not_understood_says_what_is_wrong(spec: str) -> None:
    with pytest.raises(UserError, match=WRONG[spec]) as mistake:
        Contraction(spec=spec, sizes=SIZES)
    assert spec in str(mistake.value)
    assert str(mistake.value).isprintable()


@pytest.mark.parametrize("keys", [{"sizes": {"a": 0, "b": 1, "c": 1}}, {"dtype": "f16"}])
def test_a_wrong_size_or_dtype_is_a_mistake(keys: dict[str, object]) -> None:
    with pytest.raises(UserError):
        Contraction(**{"spec": "ab,bc->ac", "sizes": SIZES, **keys})  # type: ignore[arg-type]


def test_spaces_and_sizes_that_the_spec_does_not_name_make_no_difference() -> None:
    plain = Contraction(spec="ab,bc->ac", sizes=SIZES)
    spaced = Contraction(spec="ab, bc -> ac", sizes={**SIZES, "x": 5})
    assert plain == spaced
    assert hash(plain) == hash(spaced)
    assert plain.sizes == SIZES


@pytest.mark.usefixtures("drop_in")
def test_sizes_in_a_call_replace_those_of_the_default_spec() -> None:
    with hydra_session() as hydra:
        config = compose(
            hydra, ["workload=contraction", "workload.spec='ab,bc->ac'", "workload.sizes={a: 6, b: 40, c: 7}"]
        )
    keys = OmegaConf.to_container(config.workload, resolve=True)
    assert isinstance(keys, dict)
    assert build("workload", keys) == Contraction(spec="ab,bc->ac", sizes=SIZES)  # type: ignore[arg-type]


def test_shapes_and_work_follow_from_the_letters() -> None:
    single = Contraction(spec="ab,cb->ca", sizes=SIZES, dtype="f32")
    assert single.operands == (TensorSpec((6, 40), "float32"), TensorSpec((7, 40), "float32"))
    assert single.outputs == (TensorSpec((7, 6), "float32"),)
    assert single.flops == 2 * 6 * 40 * 7
    double = Contraction(spec="ab,cb->ca", sizes=SIZES)
    assert double.outputs == (TensorSpec((7, 6), "complex64"),)
    assert double.flops == 8 * 6 * 40 * 7
    assert double.bytes == 2 * single.bytes


@pytest.mark.parametrize("dtype", ["f32", "complex64"])
def test_the_reference_is_the_sum_over_the_letters_that_the_result_lacks(dtype: str) -> None:
    contraction = Contraction(spec="ab,cb->ca", sizes=SIZES, dtype=dtype)
    a, b = draw(contraction, "normal")
    exact = [[sum(complex(x) * complex(y) for x, y in zip(row, other, strict=True)) for row in a] for other in b]
    np.testing.assert_allclose(contraction.reference(a, b)[0], exact, rtol=1e-13)


def test_complex_inputs_vary_in_both_parts() -> None:
    for distribution in DISTRIBUTIONS:
        for array in draw(Contraction(spec="ab,cb->ca", sizes=SIZES), distribution):
            assert array.real.std() > 0.2
            assert array.imag.std() > 0.2
            assert abs(np.corrcoef(array.real.ravel(), array.imag.ravel())[0, 1]) < 0.5


@pytest.mark.parametrize("dtype", ["f32", "complex64"])
@pytest.mark.parametrize("terms", [1, 3, 40, 1000])
def test_every_order_of_summation_is_right_and_faults_are_not(terms: int, dtype: str) -> None:
    contraction = Contraction(spec="ab,cb->ca", sizes={**SIZES, "b": terms}, dtype=dtype)
    for distribution in DISTRIBUTIONS:
        a, b = draw(contraction, distribution)
        products = np.ascontiguousarray(np.moveaxis(a[None] * b[:, None], -1, 0))
        for order in (products, products[::-1], np.sort(products, axis=0)):
            assert within_tolerance(contraction, [a, b], [order.sum(axis=0)])
        for wrong in faults(products):
            assert not within_tolerance(contraction, [a, b], [wrong])


def faults(products: Array) -> Sequence[Array]:
    exact = products.sum(axis=0)
    halves = [part.astype(np.float16).cumsum(axis=0, dtype=np.float16)[-1] for part in (products.real, products.imag)]
    conjugate = [exact.conj()] if np.iscomplexobj(exact) else []
    return [products[:-1].sum(axis=0), halves[0] + 1j * halves[1], exact[[*range(6), 5]], *conjugate]


def test_whole_numbers_admit_no_error() -> None:
    contraction = Contraction(spec="ab,cb->ca", sizes=SIZES)
    inputs = draw(contraction, "integers")
    assert not contraction.tolerance(*inputs)[0].any()
    assert within_tolerance(contraction, inputs, [np.einsum("ab,cb->ca", *inputs)])
    assert contraction.tolerance(inputs[0] + np.complex64(0.5j), inputs[1])[0].all()
