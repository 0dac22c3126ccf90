"""Constants that a program takes as arguments, as a part of its object code."""

from __future__ import annotations

from typing import Any

from ..bindings import ir
from ..constants import attributes, files, load
from ..payload.walk import entry


def embed(module: Any) -> None:
    """Turn the constant arguments of a module's first function, on buffers, into globals. Needs an active context."""
    function = entry(module)
    block = function.regions[0].blocks[0]
    constant = {position: file for position, file in enumerate(files(module)) if file is not None}
    if not constant:
        return
    kept = [each for position, each in enumerate(attributes(module)) if position not in constant]
    for position, file in constant.items():
        argument, name = block.arguments[position], f"constant{position}"
        kind = ir.MemRefType(argument.type)
        # The memory as it is: bits may have become bytes, and complex numbers pairs.
        values = ir.DenseElementsAttr.get(load(file), type=ir.RankedTensorType.get(kind.shape, kind.element_type))
        with ir.InsertionPoint(function), function.location:
            described = {
                "sym_name": ir.StringAttr.get(name),
                "sym_visibility": ir.StringAttr.get("private"),
                "type": ir.TypeAttr.get(kind),
                "initial_value": values,
                "constant": ir.UnitAttr.get(),
                "alignment": ir.IntegerAttr.get(ir.IntegerType.get_signless(64), 64),
            }
            ir.Operation.create("memref.global", attributes=described)
        with ir.InsertionPoint.at_block_begin(block), function.location:
            here = {"name": ir.FlatSymbolRefAttr.get(name)}
            found = ir.Operation.create("memref.get_global", results=[kind], attributes=here)
        argument.replace_all_uses_with(found.result)
    for position in reversed(constant):
        block.erase_argument(position)
    results = ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value).results
    kinds = [each.type for each in block.arguments]
    function.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(kinds, results))
    function.attributes["arg_attrs"] = ir.ArrayAttr.get(kept)
