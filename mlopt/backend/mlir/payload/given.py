"""A program as a user gives it: its function, what it takes and returns, and what its kernels should compute."""

from __future__ import annotations

import functools
import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....core.errors import UserError, nearest
from ....protocols import TensorSpec
from ..bindings import PassManager, apply_named_sequence, ir, new_context
from ..constants import files
from ..lowering import TO_LLVM, pipeline
from ..naive import lower_to_loops
from ..transform.script import Script
from .bfloat16 import computes_small_floats, widen_sums
from .describe import describe, read
from .detours import is_discrete
from .exact import GENERALIZE, INLINE, add_noise, forget_rounding, is_small, raise_precision, rounding_unit
from .folding import DTYPES, fold, lift, read_only
from .frontend import check, first_line, generalize
from .margins import cut_off
from .positions import name_positions
from .quotients import look_up_quotients
from .results import own_results
from .walk import duplicate, operations, symbol

log = logging.getLogger(__name__)

FOREIGN = re.compile(r"Dialect `[^']*' not found for custom op '([^']*)'")
"""What a parser says of an operation in a form that only its own dialect can read."""

FALLBACK_ERROR = 64
"""Where no noise can be added: the error allowed, relative to a row's magnitude, in units for each term of the longest
sum; of many terms, for SPREAD times their root, since errors have either sign."""
SPREAD = 8.0


@dataclass(frozen=True)
class Given:
    """One function on tensors of static shape."""

    text: str
    """A module that holds the function and nothing else: what it called has been put into it.

    Its large constants, and what was computed of constants alone, are arguments after the operands.
    """
    operands: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    flops: int
    judge: Mapping[str, Any]
    """What the reference and the tolerance take by name: plain data, the programs as text."""


@functools.lru_cache(maxsize=8)
def understand(text: str, entry: str | None, origin: str) -> Given:
    """The program in an MLIR text, in which `entry` is to be called, by default the first public function.

    Raises UserError, naming `origin`, when there is nothing in it that could be optimised.
    """
    with new_context() as context, ir.Location.unknown(context):
        try:
            module = ir.Module.parse(text)
        except ir.MLIRError as error:
            if unknown := FOREIGN.search(str(error)):
                raise UserError(f"{origin} has the operation {unknown[1]}, which mlopt does not know") from None
            raise UserError(f"{origin} does not parse: {first_line(error)}") from None
        try:
            name = symbol(_isolate(module, entry, origin))
            operands, outputs = _signature(module, origin)
            check(module, origin)
            look_up_quotients(module, origin)
            lift(module)
            if computes_small_floats(module):
                generalize(module)
                widen_sums(module)
            program = duplicate(module)
            name_positions(program)
            look_up_quotients(program, origin)
            lift(program)
            # Noise in what positions are computed of would let a kernel take any element for another.
            judged = module if is_discrete(program) else duplicate(program)
            fold(program)
            own_results(program)
            flops, longest = _work(duplicate(program))
            judge = _judge(judged, longest, origin)
        except (ir.MLIRError, ValueError) as error:
            raise UserError(f"{origin} cannot be compiled: {first_line(error)}") from None
        return Given(str(program), operands, outputs, flops, {"entry": name, **judge})


def _isolate(module: Any, entry: str | None, origin: str) -> Any:
    """Make the entry the module's only function, which calls nothing; it is returned."""
    functions = {symbol(op): op for op in module.body.operations if op.operation.name == "func.func"}
    public = [name for name, op in functions.items() if "private" not in str(op.attributes.get("sym_visibility", ""))]
    if entry is None and not public:
        raise UserError(f"{origin} holds no public function")
    name = entry or public[0]
    if name not in functions:
        choices = nearest(name, functions) or f"; it has {', '.join(functions)}" if functions else ""
        raise UserError(f"{origin} has no function '{name}'{choices}")
    for other, function in functions.items():
        function.attributes["sym_visibility"] = ir.StringAttr.get("public" if other == name else "private")
    for op in [op for op in operations(module.operation) if op.name == "cf.assert"]:
        op.erase()  # a check of values, which has no place in a vector
    PassManager.parse(INLINE).run(module.operation)
    cut_off(module)
    _show_shapes(module)
    script = Script()
    script.decompose(script.match(script.payload, "linalg.softmax"))
    apply_named_sequence(module, script.finish().body.operations[0], script.module)
    (kept,) = (op for op in module.body.operations if "sym_name" in op.attributes and symbol(op) == name)
    rest = [op for op in module.body.operations if op != kept]
    if rest:
        raise UserError(
            f"{origin}: @{name} needs {rest[0].operation.name} @{symbol(rest[0])}, which is not computed in it"
        )
    if any(op.name == "func.call" for op in operations(kept)):
        raise UserError(f"{origin}: @{name} calls itself; what is computed must be known beforehand")
    del kept.attributes["sym_visibility"]
    read_only(module)
    return kept


def _show_shapes(module: Any) -> None:
    """Let tensors be joined as they are, not through casts that hide their shapes, as of PyTorch's `roll`."""
    for op in [op for op in operations(module.operation) if op.name == "tensor.cast"]:
        (source,) = op.operands
        shown = isinstance(source.type, ir.RankedTensorType) and source.type.has_static_shape
        if shown and all(use.owner.name == "tensor.concat" for use in op.results[0].uses):
            op.results[0].replace_all_uses_with(source)
            op.erase()


def _signature(module: Any, origin: str) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    function = module.body.operations[0]
    kind = ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value)
    if not kind.results:
        raise UserError(f"{origin}: @{symbol(function)} returns nothing; it must return tensors")

    def spec(role: str, number: int, each: Any) -> TensorSpec:
        dtype = DTYPES.get(str(each.element_type)) if isinstance(each, ir.RankedTensorType) else None
        if dtype is None or each.encoding is not None:
            known = ", ".join(DTYPES)
            raise UserError(f"{origin}: {role} {number} of @{symbol(function)} is {each}, not a tensor of {known}")
        if not each.has_static_shape:
            raise UserError(f"{origin}: {role} {number} of @{symbol(function)} is {each}; its shape must be static")
        if 0 in each.shape:
            raise UserError(f"{origin}: {role} {number} of @{symbol(function)} is {each}, which holds no elements")
        return TensorSpec(tuple(each.shape), dtype)

    inputs = [each for each, file in zip(kind.inputs, files(module), strict=True) if file is None]
    operands = tuple(spec("argument", number, each) for number, each in enumerate(inputs))
    return operands, tuple(spec("result", number, each) for number, each in enumerate(kind.results))


def _work(module: Any) -> tuple[int, int]:
    """Flops, and the number of terms of the longest sum."""
    PassManager.parse(GENERALIZE).run(module.operation)
    nests = [describe(op) for op in operations(module.operation) if op.name == "linalg.generic"]
    longest = max((math.prod(nest.sizes[loop] for loop in nest.reductions) for nest in nests), default=1)
    return sum(nest.flops for nest in nests), longest


def _judge(module: Any, longest: int, origin: str) -> Mapping[str, Any]:
    own, constants = str(module), [file for file in files(module) if file is not None]
    unit = rounding_unit("f32" if _computes_in_float32(module) else "f64")
    function = ir.FunctionType(ir.TypeAttr(module.body.operations[0].attributes["function_type"]).value)
    units = [_unit(each.element_type, unit) for each in function.results]
    noisy: str | None
    try:
        raise_precision(module)
        PassManager.parse(GENERALIZE).run(module.operation)  # of the constants
        exact, disturbed = module, duplicate(module)
        forget_rounding(exact)
        add_noise(disturbed, unit)
        program, noisy = _loops(exact), _loops(disturbed)
    except (ir.MLIRError, ValueError) as error:
        log.warning("%s is judged by its own precision, not by float64: %s", origin, first_line(error))
        program, noisy = _loops(ir.Module.parse(own)), None
    return {
        "program": program,
        "constants": constants,
        "noisy": noisy,
        "wide": noisy is not None,
        "units": units,
        "fallback": FALLBACK_ERROR * min(longest, SPREAD * math.sqrt(longest)),
        "pipeline": pipeline(*TO_LLVM),
    }


def _unit(kind: Any, usual: float) -> float:
    """By what numbers of a type may be off, relatively, when they are rounded."""
    if isinstance(kind, (ir.IntegerType, ir.IndexType)):
        return 0.0
    return rounding_unit(str(kind)) if is_small(str(kind)) else usual


def _computes_in_float32(module: Any) -> bool:
    values = (value for op in operations(module.operation) for value in (*op.operands, *op.results))
    return any(_element(value.type) == ir.F32Type.get() for value in values)


def _element(kind: Any) -> Any:
    """The type of a tensor's numbers, of a complex one's parts; that of a scalar itself."""
    while isinstance(kind, (ir.ShapedType, ir.ComplexType)):
        kind = kind.element_type
    return kind


def _loops(module: Any) -> str:
    """The module as loops on buffers, its results written to arguments, as text.

    Raises MLIRError or ValueError for what cannot become machine code.
    """
    for function in module.body.operations:
        function.attributes["llvm.emit_c_interface"] = ir.UnitAttr.get()
    _sum_in_rows(module)
    lower_to_loops(module)
    text = str(module)
    PassManager.parse(pipeline(*TO_LLVM)).run(module.operation)
    for op in operations(module.operation):
        if not op.name.startswith("llvm."):
            raise ValueError(f"nothing lowers {op.name} to LLVM")
    return text


def _sum_in_rows(module: Any) -> None:
    """Make sums add whole rows to each other where all is read and written in rows: no order of terms changes."""
    PassManager.parse(GENERALIZE).run(module.operation)
    script = Script()
    for nest in read(module):
        loop = nest.outputs[0].innermost()
        if (
            nest.reductions
            and loop is not None
            and all(each.innermost() == loop for each in nest.inputs if each.varies_with(loop))
        ):
            script.interchange(
                script.nest(nest.tag), [*(each for each in range(len(nest.sizes)) if each != loop), loop]
            )
    apply_named_sequence(module, script.finish().body.operations[0], script.module)
