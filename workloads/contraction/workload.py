"""Contractions of two tensors as a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from mlopt.core.errors import UserError
from mlopt.protocols import TensorSpec
from mlopt.workloads.base import NUMPY_DTYPES, FolderWorkload, one_of, positive, tensor

DTYPES = {**NUMPY_DTYPES, "complex64": "complex64"}


@dataclass(frozen=True)
class Contraction(FolderWorkload):
    """An einsum of two operands: `spec` such as 'ab,bc->ac', one lower-case letter a dimension; `sizes` by letter.

    Sizes of letters that are not in the spec are ignored.
    """

    spec: str
    sizes: Mapping[str, int] = field(hash=False)
    dtype: str = "complex64"

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", "".join(self.spec.split()))
        one_of("dtype", self.dtype, tuple(DTYPES))
        inputs, arrow, output = self.spec.partition("->")
        if not arrow or inputs.count(",") != 1:
            raise UserError(f"the einsum {self.spec!r} must have two operands and a result, as in 'ab,bc->ac'")
        for letters in (*inputs.split(","), output):
            if letters and not (letters.isascii() and letters.isalpha() and letters.islower()):
                raise UserError(f"the einsum {self.spec!r} must name its dimensions by lower-case letters a to z")
            if twice := [letter for letter in letters if letters.count(letter) > 1]:
                raise UserError(f"the einsum {self.spec!r} has the letter {twice[0]!r} twice in {letters!r}")
        if unknown := [letter for letter in output if letter not in inputs]:
            raise UserError(f"the einsum {self.spec!r} has {unknown[0]!r} in its result, but in neither operand")
        letters = self._loops
        if missing := [letter for letter in letters if letter not in self.sizes]:
            raise UserError(
                f"the einsum {self.spec!r} needs a size for {missing[0]!r}, as in sizes={{{missing[0]}: 8}}"
            )
        object.__setattr__(self, "sizes", {letter: self.sizes[letter] for letter in letters})
        positive(**self.sizes)

    @property
    def flops(self) -> int:
        """A product and a sum for each combination of indices: 2 real ones, or 8 for complex numbers."""
        return (8 if self._is_complex else 2) * prod(self.sizes.values())

    @property
    def least_flops(self) -> int:
        """Half of the product's that is left when each operand has been summed over what it has alone."""
        left, right, output = self._terms
        alone = set(left).symmetric_difference(right).difference(output)
        return (4 if self._is_complex else 1) * prod(
            self.sizes[letter] for letter in self._loops if letter not in alone
        )

    @property
    def least_bytes(self) -> int:
        return self.bytes

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return self._tensors[:2]

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self._tensors[2:]

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"spec": self.spec}

    @property
    def placeholders(self) -> Mapping[str, object]:
        element = "complex<f32>" if self._is_complex else "f32"
        left, right, output = (", ".join(letters) for letters in self._terms)
        kinds = ('"parallel"' if letter in self._terms[2] else '"reduction"' for letter in self._loops)
        types = dict(zip(("a", "b", "c"), (tensor(t.shape, element) for t in self._tensors), strict=True))
        return {
            "loops": ", ".join(self._loops),
            "left": left,
            "right": right,
            "output": output,
            "iterators": ", ".join(kinds),
            "element": element,
            "zero": "complex.constant [0.0 : f32, 0.0 : f32]" if self._is_complex else "arith.constant 0.0",
            "multiply": "complex.mul" if self._is_complex else "arith.mulf",
            "add": "complex.add" if self._is_complex else "arith.addf",
            **types,
        }

    @property
    def _is_complex(self) -> bool:
        return self.dtype == "complex64"

    @property
    def _terms(self) -> list[str]:
        """The letters of the two operands and of the result."""
        return self.spec.replace("->", ",").split(",")

    @property
    def _loops(self) -> str:
        """Every letter once, those of the result first."""
        left, right, output = self._terms
        return "".join(dict.fromkeys(output + left + right))

    @property
    def _tensors(self) -> tuple[TensorSpec, ...]:
        shapes = (tuple(self.sizes[letter] for letter in letters) for letters in self._terms)
        return tuple(TensorSpec(shape, DTYPES[self.dtype]) for shape in shapes)
