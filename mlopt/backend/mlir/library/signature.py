"""An exported function as C sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....core.errors import UserError
from ....protocols import TensorSpec, Workload

BITS = {
    "bfloat16": "the upper half of a float",
    "float16": "IEEE 754's binary16",
}
"""Dtypes that C need not have, so that it is given the bits of their numbers, and what these are."""

REAL_TYPES = {
    "float32": "float",
    "float64": "double",
    **dict.fromkeys(BITS, "uint16_t"),
    "bool": "bool",
    **{f"int{bits}": f"int{bits}_t" for bits in (8, 16, 32, 64)},
}
"""numpy's name of a dtype to C's type."""

COMPLEX_PARTS = {"complex64": "float32", "complex128": "float64"}
"""A complex dtype to that of its two parts."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One array that the function takes as a pointer."""

    name: str
    spec: TensorSpec

    @property
    def part(self) -> str:
        """The dtype of an element, or of its two parts if it is complex."""
        return COMPLEX_PARTS.get(self.spec.dtype, self.spec.dtype)

    @property
    def c_type(self) -> str:
        """The type of an element."""
        return REAL_TYPES[self.part] if self.part == self.spec.dtype else f"mlopt_{self.spec.dtype}"

    @property
    def layout(self) -> str:
        """As in a C declaration: `float input0[4][8]`; with the dtype where only its bits are given."""
        declared = f"{self.c_type} {self.name}{''.join(f'[{size}]' for size in self.spec.shape) or '[1]'}"
        return f"{declared}, bits of {self.spec.dtype}" if self.spec.dtype in BITS else declared


@dataclass(frozen=True, slots=True)
class Signature:
    """`void symbol(inputs..., outputs...)`."""

    symbol: str
    inputs: Sequence[Argument]
    outputs: Sequence[Argument]

    @classmethod
    def of(cls, workload: Workload, symbol: str) -> Signature:
        """The signature of a workload's kernel. Raises UserError where C has no type for a dtype."""
        inputs = [Argument(f"input{number}", spec) for number, spec in enumerate(workload.operands)]
        outputs = [Argument(f"output{number}", spec) for number, spec in enumerate(workload.outputs)]
        for argument in (*inputs, *outputs):
            if argument.part not in REAL_TYPES:
                raise UserError(f"C has no type for {argument.spec.dtype}, so that a kernel on it cannot be exported")
        return cls(symbol, inputs, outputs)

    @property
    def arguments(self) -> Sequence[Argument]:
        return (*self.inputs, *self.outputs)

    @property
    def declaration(self) -> str:
        pointers = [f"const {argument.c_type} *{argument.name}" for argument in self.inputs]
        pointers += [f"{argument.c_type} *{argument.name}" for argument in self.outputs]
        return f"void {self.symbol}({', '.join(pointers)});"
