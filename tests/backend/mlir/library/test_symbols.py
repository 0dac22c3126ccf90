"""Names of exported functions."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.library.symbols import symbol_for
from mlopt.core.errors import UserError


@pytest.mark.parametrize(
    ("entry", "symbol"),
    [
        ("matmul", "matmul"),
        ("gate.v2", "gate_v2"),
        ("_2mm", "mm"),
        ("42", "kernel"),
        ("tanh", "tanh_kernel"),
        ("malloc", "malloc_kernel"),
        ("main", "main_kernel"),
        ("double", "double_kernel"),
        ("template", "template_kernel"),
        ("random", "random_kernel"),
        ("numpy", "numpy_kernel"),
    ],
)
def test_a_programs_entry_point_gives_the_name_or_something_near_it(entry: str, symbol: str) -> None:
    assert symbol_for(entry, None) == symbol


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a-b", "made of letters, digits and _"),
        ("2mm", "begin with a letter"),
        ("../x", "made of letters"),
        ("größe", "made of letters"),
        ("", "made of letters"),
        ("while", "C or C\\+\\+ has a word"),
        ("exp", "libc or libm has a function"),
        ("json", "Python or NumPy has a module"),
    ],
)
def test_a_name_that_cannot_be_a_functions_is_a_mistake(name: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"--name={name} cannot be the name.*{reason}"):
        symbol_for("matmul", name)


def test_a_given_name_is_kept() -> None:
    assert symbol_for("matmul", "product_32") == "product_32"
