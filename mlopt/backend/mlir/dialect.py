"""Where versions of MLIR say the same in other words: found by asking the version at hand, never by its number.

Scripts and pipelines are written in the newest words that are known here. A version that does not understand one of
them, in a tiny module, is given older words for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from ...core.errors import CompileError
from .bindings import ir
from .lowering import pipeline
from .payload.walk import operations


class Asked(Hashable, Protocol):
    """A build of MLIR that answers."""

    def ask(self, text: str, pipeline: str) -> str:
        """What a module becomes by a pass pipeline. Raises CompileError, with the reason in a line."""


@dataclass(frozen=True)
class Difference:
    """One operation of the transform dialect, or pass that it runs, that some versions have in another form or not."""

    operation: str
    question: str
    """The module that has it."""
    replace: Callable[[Any], None]
    """Say what an operation of this name says in older words, in place. Needs an active context."""
    passes: tuple[str, ...] = ()
    """What is run on the module."""


@dataclass(frozen=True)
class Words:
    """How a version wants things said."""

    differences: tuple[Difference, ...]
    steps_are_vectors: bool
    """Whether the pass `convert-to-llvm` leaves vector.step to the pass for vectors."""

    def script(self, module: Any) -> Any:
        """A transform module in this version's words, changed in place. Needs an active context."""
        for each in self.differences:
            for op in [op for op in operations(module.operation) if op.name == each.operation]:
                each.replace(op)
        return module

    def lowering(self, passes: str) -> str:
        """The pipeline of mlopt.backend.mlir.lowering in this version's words."""
        return passes.replace(TO_LLVM, f"convert-vector-to-llvm,{TO_LLVM}") if self.steps_are_vectors else passes


@functools.cache
def words(version: Asked) -> Words:
    """How this version wants things said."""

    def understands(text: str, passes: tuple[str, ...]) -> bool:
        try:
            version.ask(text, pipeline(*passes))
        except CompileError:
            return False
        return True

    differences = tuple(each for each in KNOWN if not understands(each.question, each.passes))
    return Words(differences, "vector.step" in version.ask(STEP, pipeline(TO_LLVM)))


def _module(body: str) -> str:
    return f"""module attributes {{transform.with_named_sequence}} {{
      transform.named_sequence @ask(%target: !transform.any_op {{transform.consumed}}) {{
        {body}
        transform.yield
      }}
    }}"""


def _reduction_lowering(name: str) -> str:
    """Asks for a set of patterns that has a strategy."""
    return _module(f"""transform.apply_patterns to %target {{
      "transform.apply_patterns.vector.{name}"() {{lowering_strategy = 1 : i32}} : () -> ()
    }} : !transform.any_op""")


def _patterns(name: str) -> str:
    """Asks for a set of patterns."""
    return _module(f"""transform.apply_patterns to %target {{
      "transform.apply_patterns.{name}"() : () -> ()
    }} : !transform.any_op""")


def _lower_multi_reduction(op: Any) -> None:
    with ir.InsertionPoint(op), op.location:
        attributes = {"lowering_strategy": op.attributes["lowering_strategy"]}
        ir.Operation.create("transform.apply_patterns.vector.lower_multi_reduction", attributes=attributes)
    op.erase()


def _leave_out(op: Any) -> None:
    """Drop a set of patterns."""
    op.erase()


def _named(name: str) -> Callable[[Any], None]:
    """Say the same of a set of patterns that has another name."""

    def replace(op: Any) -> None:
        with ir.InsertionPoint(op), op.location:
            ir.Operation.create(name)
        op.erase()

    return replace


def _lower_x86(op: Any) -> None:
    """Say that x86's own vectors become LLVM's, where a pass is told to."""
    options = ir.DictAttr(op.attributes["options"])
    if "enable-x86" in options:
        op.attributes["options"] = ir.DictAttr.get({"enable-x86vector": options["enable-x86"]})


DOTS = "vector_contract_to_packed_type_dot_product"

KNOWN = (
    # The dialect of what x86 has for vectors was named after them.
    Difference(
        f"transform.apply_patterns.x86.{DOTS}",
        _patterns(f"x86.{DOTS}"),
        _named(f"transform.apply_patterns.x86vector.{DOTS}"),
    ),
    Difference(
        "transform.apply_registered_pass",
        "module {}",
        _lower_x86,
        ("convert-vector-to-llvm{enable-x86=true}",),
    ),
    # Only makes reading pairs quicker.
    Difference(
        "transform.apply_patterns.vector.flatten_vector_transfer_ops",
        _patterns("vector.flatten_vector_transfer_ops"),
        _leave_out,
    ),
    # Once one set of patterns, which does what two do now.
    Difference(
        "transform.apply_patterns.vector.multi_reduction_flattening",
        _reduction_lowering("multi_reduction_flattening"),
        _lower_multi_reduction,
    ),
    Difference(
        "transform.apply_patterns.vector.multi_reduction_unrolling",
        _reduction_lowering("multi_reduction_unrolling"),
        _leave_out,
    ),
)

TO_LLVM = "convert-to-llvm"
STEP = """
func.func @ask(%to: memref<8xindex>) {
  %zero = arith.constant 0 : index
  %step = vector.step : vector<8xindex>
  vector.store %step, %to[%zero] : memref<8xindex>, vector<8xindex>
  return
}"""
