"""A program in float64, and the same with the rounding errors of its own precision, only larger.

Both serve to judge kernels: the first says what they should compute, the second how far off they may be.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

from ..bindings import PassManager, ir
from .describe import describe
from .folding import DTYPES
from .names import ELEMENTWISE
from .walk import operations

GENERALIZE = f"builtin.module({ELEMENTWISE},func.func(linalg-generalize-named-ops))"
INLINE = f"builtin.module(inline,symbol-dce,{ELEMENTWISE})"

ROUNDED = {"arith.addf": 1, "arith.subf": 1, "arith.mulf": 1, "arith.divf": 1, "arith.remf": 1}
"""Operations that round, and the error of one in units of the last place's half."""

MATH_ERROR = 8
"""That of the operations of the dialects `math` and `complex`."""

EXACT_MATH = ("math.absf", "math.copysign", "math.ceil", "math.floor", "math.round", "math.roundeven", "math.trunc")
EXACT_COMPLEX = ("complex.constant", "complex.create", "complex.re", "complex.im", "complex.neg", "complex.conj")

UNIT = "mlopt.unit"
"""The attribute by which an operation whose numbers have become float64 says by what they were rounded before."""

ROUNDING = "mlopt.rounding"
"""Stands where a number was rounded so."""

SCALAR_NOISE = """
func.func private @mlopt.noise(%value: f64, %place: index, %size: f64) -> f64 {
  %odd = arith.constant -7046029254386353131 : i64
  %half = arith.constant 32 : i64
  %scale = arith.constant 1.0842021724855044e-19 : f64
  %one = arith.constant 1.0 : f64
  %bits = arith.bitcast %value : f64 to i64
  %where = arith.index_cast %place : index to i64
  %seed = arith.xori %bits, %where : i64
  %first = arith.muli %seed, %odd : i64
  %high = arith.shrui %first, %half : i64
  %mixed = arith.xori %first, %high : i64
  %second = arith.muli %mixed, %odd : i64
  %whole = arith.sitofp %second : i64 to f64
  %unit = arith.mulf %whole, %scale : f64
  %relative = arith.mulf %unit, %size : f64
  %factor = arith.addf %one, %relative : f64
  %disturbed = arith.mulf %value, %factor : f64
  return %disturbed : f64
}
func.func private @mlopt.complex_noise(%value: complex<f64>, %place: index, %size: f64) -> complex<f64> {
  %re = complex.re %value : complex<f64>
  %im = complex.im %value : complex<f64>
  %x = func.call @mlopt.noise(%re, %place, %size) : (f64, index, f64) -> f64
  %y = func.call @mlopt.noise(%im, %place, %size) : (f64, index, f64) -> f64
  %sum = complex.create %x, %y : complex<f64>
  return %sum : complex<f64>
}
"""
"""A number times 1 + size r, with r from -1 to 1 that looks random: a hash of the number's bits and its place.

It is one product, so that infinity, as in the masks of softmaxes, stays what it is."""


def raise_precision(module: Any) -> None:
    """Turn every smaller number of a module of one function into float64, constants keeping their values, in place.

    What was rounded to less than float32 is marked by its `UNIT`; `forget_rounding` takes out what only rounded.

    Raises MLIRError or ValueError where that is no valid program, such as after a bitcast.
    """
    for op in list(operations(module.operation)):
        if op.name == "arith.constant":
            _widen_constant(op)
        elif op.name == "complex.constant":
            parts = [ir.FloatAttr.get_f64(ir.FloatAttr(part).value) for part in ir.ArrayAttr(op.attributes["value"])]
            op.attributes["value"] = ir.ArrayAttr.get(parts)
            op.results[0].set_type(_raised(op.results[0].type))
        elif op.name in ("arith.extf", "arith.truncf") and _raised(op.results[0].type) == _raised(op.operands[0].type):
            op.results[0].replace_all_uses_with(_rounded(op) if _matters(op) else op.operands[0])
            op.erase()
        else:
            if _error(op) and is_small(element := str(op.results[0].type)):
                op.attributes[UNIT] = ir.FloatAttr.get_f64(rounding_unit(element))
            for value in (*op.results, *(argument for block in _blocks(op) for argument in block.arguments)):
                value.set_type(_raised(value.type))
            if op.name == "func.func":
                kind = ir.FunctionType(ir.TypeAttr(op.attributes["function_type"]).value)
                inputs, results = ([_raised(each) for each in types] for types in (kind.inputs, kind.results))
                op.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(inputs, results))
    if not module.operation.verify():
        raise ValueError("not a valid program in float64")


def add_noise(module: Any, unit: float) -> None:
    """Disturb what a module of one function in float64 computes, as rounding by `unit` might, in place.

    Each rounded result of an element-wise operation is off by its error. Of a sum of k terms, every term is off by k
    units: together they make about sqrt(k) units of the terms' magnitudes, what sums in the worst order are off by.
    """
    PassManager.parse(GENERALIZE).run(module.operation)
    library = ir.Module.parse(SCALAR_NOISE)
    for function in library.body.operations:
        module.body.append(function.operation.clone())
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        terms = math.prod(nest.sizes[loop] for loop in nest.reductions)
        rounded = [each.operation for each in op.regions[0].blocks[0].operations if _error(each.operation)]
        units = [ir.FloatAttr(each.attributes[UNIT]).value if UNIT in each.attributes else unit for each in rounded]
        if nest.reductions and rounded:
            for position in range(len(nest.inputs)):
                _disturb_operand(module, op, position, max(terms * unit, *units))
        for each, own in zip(rounded, units, strict=True):
            if not nest.reductions or (_error(each) == MATH_ERROR and not _is_sum(each)):
                _disturb_result(each, len(nest.sizes), _error(each) * own)
    forget_rounding(module)
    PassManager.parse(INLINE).run(module.operation)


def is_small(kind: str) -> bool:
    """Whether numbers of this type, such as 'bf16', are smaller than float32."""
    return kind in ("bf16", "f16")


@functools.cache
def rounding_unit(kind: str) -> float:
    """By what numbers may be off, relatively, that are rounded to this type: half of its machine epsilon."""
    import ml_dtypes

    return float(ml_dtypes.finfo(DTYPES[kind]).eps) / 2.0  # type: ignore[no-untyped-call]


def _widen_constant(op: Any) -> None:
    value = op.results[0]
    wide = _raised(value.type)
    if wide == value.type:
        return
    with ir.InsertionPoint(op), op.location:
        extended = ir.Operation.create("arith.extf", results=[wide], operands=[value])
    extended.move_after(op)
    value.replace_all_uses_except(extended.results[0], extended)


def _matters(op: Any) -> bool:
    """Whether a number is rounded to less than float32, and not only to be returned: that is allowed for anyway."""
    if not is_small(str(op.results[0].type)):
        return False
    readers = [use.owner.operation for use in op.results[0].uses]
    if any(reader.name != "linalg.yield" for reader in readers):
        return True
    return any(u.owner.name != "func.return" for result in op.parent.operation.results for u in result.uses)


def _rounded(op: Any) -> Any:
    """A number that was rounded, as it was before, by an operation that says how; none that MLIR knows and folds."""
    unit = ir.FloatAttr.get_f64(rounding_unit(str(op.results[0].type)))
    with ir.InsertionPoint(op), op.location:
        return ir.Operation.create(ROUNDING, [ir.F64Type.get()], [op.operands[0]], {UNIT: unit}).result


def forget_rounding(module: Any) -> None:
    """Take out what stands for roundings of smaller numbers, in place."""
    for op in [op for op in operations(module.operation) if op.name == ROUNDING]:
        op.results[0].replace_all_uses_with(op.operands[0])
        op.erase()


def _raised(kind: Any) -> Any:
    if isinstance(kind, (ir.F32Type, ir.F16Type, ir.BF16Type)):
        return ir.F64Type.get()
    if isinstance(kind, ir.ComplexType):
        return ir.ComplexType.get(_raised(kind.element_type))
    if isinstance(kind, ir.RankedTensorType):
        return ir.RankedTensorType.get(kind.shape, _raised(kind.element_type), kind.encoding)
    return kind


def _blocks(op: Any) -> Iterator[Any]:
    for region in op.regions:
        yield from region


def _error(op: Any) -> int:
    """In units of the last place's half; 0 where the result is exact or no number in float64."""
    if not op.results or _raised(op.results[0].type) not in (ir.F64Type.get(), ir.ComplexType.get(ir.F64Type.get())):
        return 0
    if op.name.startswith(("math.", "complex.")):
        return 0 if op.name in (*EXACT_MATH, *EXACT_COMPLEX) else MATH_ERROR
    return 1 if op.name == ROUNDING else ROUNDED.get(op.name, 0)


def _is_sum(op: Any) -> bool:
    return op.name in ("complex.add", "complex.sub", "math.fma")


def _disturb_operand(module: Any, op: Any, position: int, size: float) -> None:
    """Disturb a tensor that `op` reads, element by element."""
    value = op.operands[position]
    if not isinstance(value.type, ir.RankedTensorType):
        return
    element = value.type.element_type
    if element not in (ir.F64Type.get(), ir.ComplexType.get(ir.F64Type.get())):
        return
    name = f"mlopt.noise{sum(1 for _ in module.body.operations)}"
    rank, kind = value.type.rank, value.type
    loops = ", ".join(f"d{loop}" for loop in range(rank))
    identity = f"affine_map<({loops}) -> ({loops})>"
    iterators = ", ".join(['"parallel"'] * rank)
    text = f"""func.func private @{name}(%x: {kind}) -> {kind} {{
      %e = tensor.empty() : {kind}
      %y = linalg.generic {{indexing_maps = [{identity}, {identity}], iterator_types = [{iterators}]}}
        ins(%x : {kind}) outs(%e : {kind}) {{
      ^bb0(%in: {element}, %out: {element}):
        linalg.yield %in : {element}
      }} -> {kind}
      return %y : {kind}
    }}"""
    library = ir.Module.parse(text)
    function = library.body.operations[0].operation.clone()
    module.body.append(function)
    (body,) = (each for each in operations(function) if each.name == "linalg.generic")
    terminator = list(body.regions[0].blocks[0].operations)[-1]
    terminator.operation.operands[0] = _noise(terminator.operation, terminator.operation.operands[0], rank, size)
    with ir.InsertionPoint(op), op.location:
        attributes = {"callee": ir.FlatSymbolRefAttr.get(name)}
        call = ir.Operation.create("func.call", results=[kind], operands=[value], attributes=attributes)
    op.operands[position] = call.results[0]


def _disturb_result(op: Any, loops: int, size: float) -> None:
    """Disturb what a scalar operation within a nest of so many loops results in."""
    value = op.results[0]
    block = list(op.block.operations)
    after = block[[each.operation == op for each in block].index(True) + 1].operation
    disturbed = _noise(after, value, loops, size)
    value.replace_all_uses_except(disturbed, disturbed.owner.operation)


def _noise(before: Any, value: Any, loops: int, size: float) -> Any:
    """`value` times 1 + size r, computed right before an operation in a nest of so many loops."""
    index, double = ir.IndexType.get(), ir.F64Type.get()
    create = ir.Operation.create
    with ir.InsertionPoint(before), before.location:

        def constant(attribute: Any) -> Any:
            return create("arith.constant", results=[attribute.type], attributes={"value": attribute}).results[0]

        place = constant(ir.IntegerAttr.get(index, 0))
        for loop in range(loops):
            dimension = ir.IntegerAttr.get(ir.IntegerType.get_signless(64), loop)
            here = create("linalg.index", results=[index], attributes={"dim": dimension}).results[0]
            factor = constant(ir.IntegerAttr.get(index, 1_000_003))
            scaled = create("arith.muli", results=[index], operands=[place, factor]).results[0]
            place = create("arith.addi", results=[index], operands=[scaled, here]).results[0]
        callee = "mlopt.noise" if value.type == double else "mlopt.complex_noise"
        arguments = [value, place, constant(ir.FloatAttr.get(double, size))]
        attributes = {"callee": ir.FlatSymbolRefAttr.get(callee)}
        return create("func.call", results=[value.type], operands=arguments, attributes=attributes).results[0]
