"""Constants become arguments: large ones leave the text, and what depends on constants alone is computed once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ....protocols import Array
from ..bindings import ir
from ..constants import FILE, attributes, files, load, save
from ..machine_code import compile_llvm
from ..naive import lower
from ..program import bind
from .walk import operations, symbol

READ_ONLY = "bufferization.writable"

LARGE_BYTES = 1024
"""Smaller constants stay in the text, where the compiler sees their values."""

DTYPES = {
    "i1": "bool",
    **{f"i{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    "index": "int64",
    "bf16": "bfloat16",
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "complex<f32>": "complex64",
    "complex<f64>": "complex128",
}
"""Element types of tensors that can be arguments, as numpy calls them."""

STORED = {name: dtype for name, dtype in DTYPES.items() if name not in ("bf16", "index")}
"""Those of constants that can be in files."""


def lift(module: Any) -> None:
    """Make arguments of the large constants in a module's only function, in place. Needs an active context.

    Constants that are one number throughout stay: they cost nothing.
    """
    _hoist(module, [op.results[0] for op in _body(module).operations if _is_large(op.operation)])


def fold(module: Any) -> None:
    """Compute what depends on constants alone, such as a transposed weight, and make arguments of it, in place.

    What would be larger than the constants that it comes from, such as one spread over rows, is left to every call.
    """
    sizes = constant_sizes(module)
    body = [each.operation for each in _body(module).operations]
    rest = [op for op in body if not op.results or not all(value in sizes for value in op.results)]
    found = [value for op in rest for value in _read(op) if sizes.get(value) and _is_computed(value)]
    _hoist(module, list(dict.fromkeys(found)))


def constant_sizes(module: Any) -> dict[Any, int]:
    """What depends on constants alone, and is no larger than they: elements, or 0 for what comes of scalars."""
    sizes: dict[Any, int] = {}
    body = _body(module)
    for argument, file in zip(body.arguments, files(module), strict=True):
        if file is not None:
            sizes[argument] = _size(argument)
    for op in (each.operation for each in body.operations):
        read = _read(op)
        if op.name == "arith.constant":
            value = op.results[0]
            sizes[value] = 0 if _is_single(op) else _size(value)
        elif all(value in sizes for value in read):
            constants = sum(sizes[value] for value in read)
            size = sum(map(_size, op.results))
            if size <= constants or not constants:
                sizes |= dict.fromkeys(op.results, size if constants else 0)
    return sizes


def read_only(module: Any) -> None:
    """Forbid the module's only function to write to its arguments."""
    no = ir.BoolAttr.get(False)
    marked = [{**{each.name: each.attr for each in known}, READ_ONLY: no} for known in attributes(module)]
    module.body.operations[0].attributes["arg_attrs"] = ir.ArrayAttr.get([ir.DictAttr.get(each) for each in marked])


def _hoist(module: Any, values: Sequence[Any]) -> None:
    """Make arguments of values that depend on constants alone."""
    if not values:
        return
    body = _body(module)
    known = attributes(module)
    for value, array in zip(values, compute(module, values), strict=True):
        value.replace_all_uses_with(body.add_argument(value.type, ir.Location.unknown()))
        known.append(ir.DictAttr.get({FILE: ir.StringAttr.get(str(save(array)))}))
    sweep(body)
    for number in reversed(range(len(known))):
        if FILE in known[number] and not any(True for _ in body.arguments[number].uses):
            body.erase_argument(number)
            del known[number]
    _retype(module)
    module.body.operations[0].attributes["arg_attrs"] = ir.ArrayAttr.get(known)
    read_only(module)


def compute(module: Any, values: Sequence[Any]) -> list[Array]:
    """What these results of operations in the function are: the naive program for them, run once."""
    copy = ir.Module.create()
    copy.body.append(module.body.operations[0].operation.clone())
    original, body = [op.operation for op in _body(module).operations], _body(copy)
    copies = [op.operation for op in body.operations]
    results = []
    for value in values:
        results.append(copies[original.index(value.owner.operation)].results[ir.OpResult(value).result_number])
    copies[-1].erase()
    with ir.InsertionPoint(body):
        ir.Operation.create("func.return", operands=results)
    sweep(body)
    arrays: list[Array] = []
    for number, file in reversed(list(enumerate(files(copy)))):
        if any(True for _ in body.arguments[number].uses):
            arrays.insert(0, load(str(file)))
        else:
            body.erase_argument(number)
    _retype(copy)
    function = copy.body.operations[0]
    for name in ("arg_attrs", "res_attrs"):
        if name in function.attributes:
            del function.attributes[name]
    function.attributes["llvm.emit_c_interface"] = ir.UnitAttr.get()
    entry = symbol(function)
    outputs = [np.empty(value.type.shape, STORED[str(value.type.element_type)]) for value in values]
    lower(copy)
    bind(compile_llvm(copy, level=2), entry, (*arrays, *outputs))()
    return outputs


def sweep(body: Any) -> None:
    """Erase what nobody reads."""
    for op in reversed([each.operation for each in body.operations]):
        if op.results and not any(True for result in op.results for _ in result.uses):
            op.erase()


def _retype(module: Any) -> None:
    """Give the function the type that its arguments and results say."""
    body = _body(module)
    results = [value.type for value in list(body.operations)[-1].operation.operands]
    kind = ir.FunctionType.get([argument.type for argument in body.arguments], results)
    module.body.operations[0].attributes["function_type"] = ir.TypeAttr.get(kind)


def _body(module: Any) -> Any:
    return module.body.operations[0].regions[0].blocks[0]


def _read(op: Any) -> list[Any]:
    return [*op.operands, *_captured(op)]


def _captured(op: Any) -> Iterator[Any]:
    """What the regions of an operation read from outside of them."""
    inner = list(operations(op))
    own = {result for each in inner for result in each.results}
    for each in (op, *inner):
        own.update(argument for region in each.regions for block in region for argument in block.arguments)
    yield from (value for each in inner for value in each.operands if value not in own)


def _is_large(op: Any) -> bool:
    if op.name != "arith.constant" or not _storable(op.results[0]) or _is_single(op):
        return False
    dtype = np.dtype(STORED[str(op.results[0].type.element_type)])
    return _size(op.results[0]) * dtype.itemsize >= LARGE_BYTES


def _is_single(op: Any) -> bool:
    """Whether a constant is a scalar, or one number throughout."""
    if not _storable(op.results[0]):
        return True
    try:
        value = op.attributes["value"]
    except TypeError:  # the bindings have no class for complex ones
        return False
    return isinstance(value, ir.DenseElementsAttr) and value.is_splat


def _is_computed(value: Any) -> bool:
    return _storable(value) and not isinstance(value.owner, ir.Block) and value.owner.name != "arith.constant"


def _storable(value: Any) -> bool:
    return isinstance(value.type, ir.RankedTensorType) and str(value.type.element_type) in STORED


def _size(value: Any) -> int:
    """Elements."""
    return math.prod(value.type.shape) if isinstance(value.type, ir.ShapedType) else 1
