"""From a payload as written to the program that schedules speak of: generic loop nests, element-wise ones merged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....core.errors import UserError
from ..bindings import PassManager, apply_named_sequence, ir
from ..lowering import COMPLEX_PARTS, EXPANSIONS, SMALL_FLOATS, pipeline
from ..transform.script import Script
from .bfloat16 import is_final_rounding, is_widened, widen_products
from .booleans import keep_in_bytes
from .build import filled, zeros
from .complex_product import split
from .describe import describe, read
from .detours import narrow
from .extremes import separate_places
from .margins import PAD, Margins, write_out_margins
from .merge import merge
from .names import ELEMENTWISE, MEMOIZED
from .nest import LoopNest
from .parts import sum_in_parts
from .powers import multiply_out
from .product import contract_sums, put_left_first
from .results import own_results
from .reversals import straighten
from .separation import separate_products
from .strides import write_out_strides
from .vector_math import expand
from .walk import entry, is_cleared, made_by, operations, symbol, throughout
from .windows import separate_windows

KEPT = ("linalg.fill", "linalg.generic", "linalg.yield", "linalg.index")
"""Operations that stay as they are; other linalg operations become linalg.generic."""

FUSE = "builtin.module(func.func(linalg-fuse-elementwise-ops))"
CLEAN = "builtin.module(canonicalize,cse)"

BARRIER = "mlopt.barrier"
"""Stands before an operand while element-wise operations are merged, to keep its producer out."""


def prepare(module: Any) -> None:
    """Simplify a parsed payload to generic loop nests with tags, element-wise ones merged. Needs an active context.

    Raises UserError when it cannot be optimised.
    """
    check(module, "the MLIR payload")
    narrow(module)
    generalize(module)
    _fill_starts(module)
    PassManager.parse(pipeline(*SMALL_FLOATS, EXPANSIONS)).run(module.operation)
    keep_in_bytes(module)
    _walk_kept_dimensions(module)
    separate_places(module)
    straighten(module)
    _follow_results(module)
    widen_products(module)
    _start_from_zero(module)
    write_out_strides(module)
    separate_windows(module)
    _fuse(module)
    read(module)


def finish(module: Any) -> tuple[LoopNest, ...]:
    """Make of a prepared module what schedules are applied to; returns its nests. Needs an active context.

    Powers and mathematical functions become arithmetic, every nest gets a start of its own, and loops are merged.
    Raises UserError when nothing is left to compute.
    """
    split(module)
    PassManager.parse(pipeline(COMPLEX_PARTS)).run(module.operation)
    multiply_out(module)
    expand(module)
    PassManager.parse(CLEAN).run(module.operation)
    _separate_starts(module)
    separate_products(module)
    merge(module)
    sum_in_parts(module)
    write_out_margins(module)
    put_left_first(module)
    contract_sums(module)
    own_results(module)
    nests = read(module)
    if all(nest.is_fill for nest in nests):
        raise UserError("the MLIR payload computes nothing: there is nothing to optimise")
    return nests


def parse(source: str) -> Any:
    """The payload as a module whose functions can be called through the C interface. Raises UserError."""
    try:
        module = ir.Module.parse(source)
    except ir.MLIRError as error:
        raise UserError(f"the MLIR payload does not parse: {first_line(error)}") from None
    for function in module.body.operations:
        function.attributes["llvm.emit_c_interface"] = ir.UnitAttr.get()
    return module


def entry_point(module: Any) -> str:
    """The name of the payload's first function."""
    return symbol(entry(module))


def first_line(error: BaseException) -> str:
    """What a compiler's message says first."""
    lines = [line.strip() for line in str(error).splitlines() if "error:" in line or "Diagnostic" in line]
    return (lines or str(error).splitlines() or [type(error).__name__])[0][:300]


def check(module: Any, origin: str) -> None:
    """Raise UserError, naming `origin`, for a shape that is not static, and when there is nothing to optimise."""
    for op in operations(module.operation):
        for value in (*op.operands, *op.results):
            if isinstance(value.type, ir.ShapedType) and not value.type.has_static_shape:
                raise UserError(f"{origin}: {op.name} has the type {value.type}; its shape must be static")
            if isinstance(value.type, ir.RankedTensorType) and 0 in value.type.shape:
                raise UserError(f"{origin}: {op.name} has the type {value.type}, which holds no elements")
    if not any(_is_nest(op) for op in operations(module.operation)):
        raise UserError(f"{origin} holds no linalg operation on tensors: there is nothing to optimise")


def _is_nest(op: Any) -> bool:
    """Whether an operation is a loop nest, or becomes one."""
    if op.name == "linalg.fill":
        return False
    return (op.name.startswith("linalg.") and len(op.results) > 0) or (op.name == PAD and Margins.of(op).becomes_nest)


def generalize(module: Any) -> None:
    """Write named operations but fills as linalg.generic, in place. Raises UserError for what is no loop nest."""
    names = {op.name for op in operations(module.operation) if op.name.startswith("linalg.")}
    for name in sorted(names.difference(KEPT)):
        script = Script()
        script.generalize(script.match(script.payload, name))
        try:
            apply_named_sequence(module, script.finish().body.operations[0], script.module)
        except ValueError:
            raise UserError(f"the MLIR backend cannot optimise {name}, which is no loop nest") from None


def _fill_starts(module: Any) -> None:
    """Fill what nests begin with, where it is a constant of one number throughout: so each block can begin anew."""
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        for position in range(len(op.opview.inputs), len(op.operands)):
            constant = made_by(op.operands[position], "arith.constant")
            if constant and (number := throughout(constant)) is not None:
                with ir.InsertionPoint(op), op.location:
                    op.operands[position] = filled(constant.results[0].type, number)


def _walk_kept_dimensions(module: Any) -> None:
    """Give each nest a loop for what it writes at the subscript 0, as sums do that keep their dimension, of size 1.

    MLIR tiles only what is written at one loop a subscript.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
        iterators = list(op.attributes["iterator_types"])
        outputs = len(op.opview.outputs)
        loops = count = len(iterators)
        written = []
        for access in maps[-outputs:]:
            subscripts = list(access.results)
            for position, subscript in enumerate(subscripts):
                if isinstance(subscript, ir.AffineConstantExpr):
                    subscripts[position] = ir.AffineExpr.get_dim(loops)
                    loops += 1
            written.append(subscripts)
        if loops > count:
            found = [*(list(access.results) for access in maps[:-outputs]), *written]
            accesses = [ir.AffineMapAttr.get(ir.AffineMap.get(loops, 0, subscripts)) for subscripts in found]
            parallel = ir.Attribute.parse("#linalg.iterator_type<parallel>")
            op.attributes["indexing_maps"] = ir.ArrayAttr.get(accesses)
            op.attributes["iterator_types"] = ir.ArrayAttr.get([*iterators, *[parallel] * (loops - count)])


def _follow_results(module: Any) -> None:
    """Put each nest's parallel loops in the order in which its first result lies in memory.

    Blocks are cut from the outer loops: those of an image should be of whole channels where these lie apart.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        rows = nest.outputs[0].rows if nest.outputs and nest.outputs[0].is_projection else ()
        wanted = [row.index(1) for row in rows if any(row)]
        if sorted(wanted) == wanted or sorted(wanted) != list(nest.parallel):
            continue
        following = iter(wanted)
        order = [next(following) if loop in nest.parallel else loop for loop in range(len(nest.sizes))]
        _interchange(op, order)


def _interchange(op: Any, order: Sequence[int]) -> None:
    """Nest the loops of a linalg.generic in this order, outermost first."""
    places = ir.AffineMap.get(len(order), 0, [ir.AffineDimExpr.get(order.index(loop)) for loop in range(len(order))])
    maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
    accesses = [ir.AffineMap.get(len(order), 0, [each.compose(places) for each in m.results]) for m in maps]
    op.attributes["indexing_maps"] = ir.ArrayAttr.get([ir.AffineMapAttr.get(access) for access in accesses])
    iterators = list(op.attributes["iterator_types"])
    op.attributes["iterator_types"] = ir.ArrayAttr.get([iterators[loop] for loop in order])
    if MEMOIZED in op.attributes:
        del op.attributes[MEMOIZED]
    for index in [each for each in operations(op) if each.name == "linalg.index"]:
        dimension = index.attributes["dim"]
        index.attributes["dim"] = ir.IntegerAttr.get(dimension.type, order.index(ir.IntegerAttr(dimension).value))


def _start_from_zero(module: Any) -> None:
    """Add what a product begins with, such as a bias, afterwards, where it can be merged with what follows.

    Algorithms and packing take it for granted that products begin with zeros.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic" and describe(op).sums_products]:
        position = len(op.operands) - 1
        start, kind = op.operands[position], op.results[0].type
        if is_cleared(start):
            continue
        with ir.InsertionPoint(op), op.location:
            op.operands[position] = zeros(kind)
            add = ir.Operation.create("arith.addf", results=[kind], operands=[op.results[0], start])
        add.move_after(op)
        op.results[0].replace_all_uses_except(add.results[0], add)
    PassManager.parse(f"builtin.module({ELEMENTWISE})").run(module.operation)


def _fuse(module: Any) -> None:
    """Merge element-wise operations into their readers, but where that would compute an element more than once.

    Widening costs next to nothing, and is merged into all readers but products. A final rounding stays apart, so that
    what is rounded has the form that algorithms are known by.
    """
    PassManager.parse(CLEAN).run(module.operation)
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        for position, access in enumerate(nest.inputs):
            every = all(access.varies_with(loop) or size == 1 for loop, size in enumerate(nest.sizes))
            once = every and not any(sum(map(bool, row)) > 1 for row in access.rows)  # and windows overlap
            alone = not once and (nest.is_product or not is_widened(op.operands[position]))
            if access.rows and (alone or is_final_rounding(op)):
                value = op.operands[position]
                with ir.InsertionPoint(op):
                    barrier = ir.Operation.create(BARRIER, results=[value.type], operands=[value])
                op.operands[position] = barrier.result
    PassManager.parse(FUSE).run(module.operation)
    for barrier in [op for op in operations(module.operation) if op.name == BARRIER]:
        barrier.results[0].replace_all_uses_with(barrier.operands[0])
        barrier.erase()
    PassManager.parse(CLEAN).run(module.operation)


def _separate_starts(module: Any) -> None:
    """Give every reader of a fill or an empty tensor one of its own, right before it.

    So a fill can be cleared where its reader is computed, and no reader has to keep what is in a buffer for another.
    """
    for name in ("linalg.fill", "tensor.empty"):  # fills first, for copies of them read empty tensors, too
        for start in [op for op in operations(module.operation) if op.name == name]:
            for use in list(start.results[0].uses):
                with ir.InsertionPoint(use.owner):
                    use.owner.operation.operands[use.operand_number] = start.clone().results[0]
            start.erase()
