"""What C is told of a kernel's arrays."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.library.features import USED, host_features
from mlopt.backend.mlir.library.signature import Argument, Signature
from mlopt.core.errors import UserError
from mlopt.core.fingerprint import cpu_flags
from mlopt.protocols import TensorSpec
from mlopt.workloads.matmul.workload import Matmul


@pytest.mark.parametrize(
    ("spec", "layout"),
    [
        (TensorSpec((2, 3), "float64"), "double x[2][3]"),
        (TensorSpec((), "int8"), "int8_t x[1]"),
        (TensorSpec((4,), "bfloat16"), "uint16_t x[4], bits of bfloat16"),
        (TensorSpec((4,), "float16"), "uint16_t x[4], bits of float16"),
        (TensorSpec((4,), "bool"), "bool x[4]"),
        (TensorSpec((4,), "complex128"), "mlopt_complex128 x[4]"),
    ],
)
def test_an_array_is_declared_as_c_does(spec: TensorSpec, layout: str) -> None:
    assert Argument("x", spec).layout == layout


class Quarters(Matmul):
    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((2, 2), "float8_e4m3fn"),)


def test_a_dtype_that_c_does_not_have_is_a_mistake() -> None:
    with pytest.raises(UserError, match="C has no type for float8_e4m3fn"):
        Signature.of(Quarters(2, 2, 2), "f")


def test_features_are_those_that_compiled_code_may_use() -> None:
    assert set(host_features()) <= cpu_flags()
    assert all(map(USED.fullmatch, ("avx2", "avx512_bf16", "amx_tile", "fma", "sse4_1", "asimdhp", "sve2")))
    assert not any(map(USED.fullmatch, ("fpu", "smep", "smap", "hypervisor", "rdtscp")))
