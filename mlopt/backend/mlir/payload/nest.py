"""The loop nests of a program: what each linalg operation iterates over, reads and writes."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....core.errors import UserError
from ..bindings import ir

TAG = "mlopt.nest"
"""The attribute by which an operation is found again after it was tiled or fused."""

Row = tuple[int, ...]
"""One subscript of an access: the coefficient of each loop."""

VECTOR_DIALECTS = ("arith.", "math.")
"""Dialects whose operations work on vectors, element by element, as they do on scalars."""

INSIDE = "mlopt.inside"
"""The attribute of a padding: for each loop the first iteration that reads its source, and the end of these."""

MEMOIZED = "linalg.memoized_indexing_maps"
"""What named operations leave behind; it would contradict new maps."""

WIDEN, NARROW = "arith.extf", "arith.truncf"
"""Between floating-point numbers of different width."""

MOST_COEFFICIENTS = 1024
"""Elements of a constant that is always at hand."""

ELEMENTWISE = "func.func(convert-elementwise-to-linalg)"
"""Makes linalg of arithmetic on whole tensors."""

LETTERS = "ijklmnopqrstuvw"
"""Names of a nest's loops: the parallel ones in order, then the others."""

IDEMPOTENT = tuple(f"arith.{each}{kind}" for each in ("max", "min") for kind in ("imumf", "numf", "si", "ui"))
"""What a reduction may combine a term with twice."""
COMBINERS = (*IDEMPOTENT, *(f"arith.{each}" for each in ("addf", "mulf", "addi", "muli", "andi", "ori", "xori")))
"""What a reduction may combine its terms with in any order."""

CHEAP = ("linalg.yield", "linalg.index", "arith.constant")
"""What a body may hold without computing anything."""


@dataclass(frozen=True)
class Access:
    """How a nest reads or writes one tensor: a matrix of subscripts by loops."""

    rows: tuple[Row, ...]
    shape: tuple[int, ...]
    dtype: str
    producer: str | None = None
    """The tag of the nest that computes the tensor, None for arguments and constants."""
    coefficients: bool = False
    """Whether the tensor is a small constant, such as the matrix of a transform."""
    offsets: tuple[int, ...] = ()
    """Of the subscripts, where any is not 0."""

    def plain(self, loop: int) -> int | None:
        """The subscript that is `loop` and nothing else, if that is all there is of it; None otherwise."""
        found = [position for position, row in enumerate(self.rows) if row[loop]]
        if len(found) != 1 or sum(map(abs, self.rows[found[0]])) != 1:
            return None
        return found[0]

    def varies_with(self, loop: int) -> bool:
        return any(row[loop] for row in self.rows)

    def walks(self, loop: int) -> bool:
        """Whether the next iteration of `loop` is the next element of some subscript."""
        return self.varies_with(loop) and all(row[loop] in (0, 1) for row in self.rows)

    @property
    def is_projection(self) -> bool:
        """Whether every subscript is a loop of its own (or a constant)."""
        return all(sum(map(abs, row)) <= 1 and min(row, default=0) >= 0 for row in self.rows)

    def innermost(self) -> int | None:
        """The loop that walks through neighbouring elements, where there is just one."""
        loops = [loop for loop, coefficient in enumerate(self.rows[-1]) if coefficient] if self.rows else []
        return loops[0] if len(loops) == 1 and self.rows[-1][loops[0]] == 1 else None


@dataclass(frozen=True)
class LoopNest:
    """One linalg operation as a perfect loop nest around a scalar body."""

    tag: str
    sizes: tuple[int, ...]
    """Iterations of each loop."""
    reductions: frozenset[int]
    inputs: tuple[Access, ...]
    outputs: tuple[Access, ...]
    operations: tuple[str, ...]
    """The arithmetic of the body, in order."""
    consumers: tuple[str, ...] = ()
    """The nests that read the result; none where something else does too, for which it must be computed as a whole."""
    enclosed: bool = False
    """Whether it stands within loops of the program's own, and so computes a part of a block already."""
    final: bool = False
    """Whether its result is all that the function returns, and read by nobody else."""
    combines: bool = True
    """Whether the results, where they are reductions, may be made of partial ones."""
    inside: tuple[tuple[int, int], ...] = ()
    """Of a padding, the iterations of each loop that read the source: the first one, and their end."""

    @functools.cached_property
    def parallel(self) -> tuple[int, ...]:
        return tuple(loop for loop in range(len(self.sizes)) if loop not in self.reductions)

    @functools.cached_property
    def letters(self) -> Mapping[int, str]:
        """The name of each loop."""
        return dict(zip((*self.parallel, *sorted(self.reductions)), LETTERS, strict=False))

    @property
    def vector_loop(self) -> int | None:
        """The loop to vectorise: the one that walks through neighbouring elements of what is read or written most."""
        accesses = sorted((*self.outputs, *self.inputs), key=lambda access: -math.prod(access.shape))
        return next((loop for access in accesses if (loop := access.innermost()) is not None), None)

    @property
    def scalar_loop(self) -> int:
        """The loop that is innermost where vectors are left to LLVM."""
        return len(self.sizes) - 1 if self.vector_loop is None else self.vector_loop

    def vectorizable(self, loop: int) -> bool:
        """Whether vectors along `loop` are neighbouring elements, or one element for all, wherever it is used."""
        accesses = (*self.inputs, *self.outputs)
        regular = all(sum(bool(row[loop]) for row in access.rows) <= 1 for access in accesses)
        regular = regular and (self.combines or loop not in self.reductions)
        unit = all(row[loop] in (0, 1) for access in accesses for row in access.rows)
        return regular and unit and all(op.startswith(VECTOR_DIALECTS) for op in self.operations)

    @property
    def is_fill(self) -> bool:
        """Whether it only spreads a scalar."""
        return not self.operations and not any(access.rows for access in self.inputs)

    @property
    def is_product(self) -> bool:
        """Whether it sums products of two operands, other than a few coefficients with one."""
        return self.sums_products and not any(access.coefficients for access in self.inputs)

    @property
    def sums_products(self) -> bool:
        """Whether it sums products of two operands, of the sum's type, or widened to it."""
        narrow = [access for access in self.inputs if self.outputs and access.dtype != self.outputs[0].dtype]
        kinds = sorted(self.operations)
        if kinds.count(WIDEN) == len(narrow):
            kinds = [kind for kind in kinds if kind != WIDEN]
        return (
            bool(self.reductions)
            and kinds in (["arith.addf", "arith.mulf"], ["math.fma"])
            and len(self.inputs) == 2
            and len(self.outputs) == 1
            and self.outputs[0].is_projection
        )

    @property
    def flops(self) -> int:
        return len(self.operations) * math.prod(self.sizes)


def read(module: Any) -> tuple[LoopNest, ...]:
    """The nests of a program in program order; each operation is given its tag."""
    nests: list[LoopNest] = []
    found = [op for op in operations(module.operation) if op.name in ("linalg.generic", "linalg.fill")]
    for op in found:
        nests.append(describe(op, [nest.tag for nest in nests]))
        op.attributes[TAG] = ir.StringAttr.get(nests[-1].tag)
    return tuple(
        dataclasses.replace(
            nest, consumers=_consumers(nest.tag, nests) if _only_nests_read(op) else (), final=_is_returned(op)
        )
        for op, nest in zip(found, nests, strict=True)
    )


def _only_nests_read(op: Any) -> bool:
    return all(TAG in use.owner.operation.attributes for result in op.results for use in result.uses)


def _is_returned(op: Any) -> bool:
    """Whether an operation computes all that its function returns, in memory of its own, for nobody else."""
    uses = [use for result in op.results for use in result.uses]
    (*_, start) = op.operands
    return (
        len(uses) == 1
        and uses[0].owner.name == "func.return"
        and len(uses[0].owner.operands) == 1
        and made_by(start, "tensor.empty") is not None
    )


def _consumers(tag: str, nests: Sequence[LoopNest]) -> tuple[str, ...]:
    return tuple(n.tag for n in nests if any(access.producer == tag for access in (*n.inputs, *n.outputs)))


def operations(operation: Any) -> Iterator[Any]:
    """What is nested in an operation, in program order, innermost first."""
    for region in operation.regions:
        for block in region:
            for op in block.operations:
                yield from operations(op.operation)
                yield op.operation


def entry(module: Any) -> Any:
    """A module's first function, which others may call, and which constants may stand before."""
    return next(op for op in module.body.operations if op.operation.name == "func.func" and op.regions[0].blocks)


def symbol(op: Any) -> str:
    """The name of a function, or of whatever else has one."""
    return str(ir.StringAttr(op.attributes["sym_name"]).value)


def made_by(value: Any, name: str) -> Any | None:
    """The operation that a value is the result of, if it is one of this name."""
    owner = value.owner
    return None if isinstance(owner, ir.Block) or owner.name != name else owner


def is_zero(value: Any) -> bool:
    """Whether a scalar is the constant zero."""
    constant = made_by(value, "arith.constant")
    return constant is not None and float(constant.opview.literal_value) == 0.0


def describe(op: Any, tags: Sequence[str] = ()) -> LoopNest:
    """One linalg.generic or linalg.fill; `tags` are those of the operations before it."""
    inputs, outputs = list(op.opview.inputs), list(op.opview.outputs)
    body = op.regions[0].blocks[0]
    if op.name == "linalg.fill":
        shape = tuple(ir.RankedTensorType(outputs[0].type).shape)
        kind, sizes, reductions = "fill", shape, frozenset[int]()
        identity = tuple(tuple(int(i == j) for j in range(len(shape))) for i in range(len(shape)))
        rows: list[tuple[Row, ...]] = [(), identity]
        offsets: list[tuple[int, ...]] = [(), ()]
        arithmetic: tuple[str, ...] = ()
    else:
        maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
        rows = [tuple(_coefficients(result, each.n_dims) for result in each.results) for each in maps]
        offsets = [_offsets(each) for each in maps]
        iterators = [str(each) for each in op.attributes["iterator_types"]]
        reductions = frozenset(loop for loop, each in enumerate(iterators) if "reduction" in each)
        sizes = _sizes(rows, [*inputs, *outputs], len(iterators))
        arithmetic = tuple(each.operation.name for each in body.operations if each.operation.name not in CHEAP)
        kind = "reduce" if reductions else "map"
    accesses = [
        Access(row, *_type(value), _producer(value), _is_coefficients(value), offset)
        for row, offset, value in zip(rows, offsets, [*inputs, *outputs], strict=True)
    ]
    nest = LoopNest(
        tag=kind,
        sizes=sizes,
        reductions=reductions,
        inputs=tuple(accesses[: len(inputs)]),
        outputs=tuple(accesses[len(inputs) :]),
        operations=arithmetic,
        enclosed=op.parent.name != "func.func",
        inside=_inside(op),
        combines=not reductions or all(_combines(body, len(inputs) + each, each) for each in range(len(outputs))),
    )
    kind = "product" if nest.is_product else kind
    count = sum(tag.rstrip("0123456789") == kind for tag in tags)
    return dataclasses.replace(nest, tag=f"{kind}{count}")


def _inside(op: Any) -> tuple[tuple[int, int], ...]:
    ends = list(ir.DenseI64ArrayAttr(op.attributes[INSIDE])) if INSIDE in op.attributes else []
    return tuple(zip(ends[::2], ends[1::2], strict=True))


def _combines(body: Any, argument: int, result: int) -> bool:
    """Whether a body's result is a combination of what it was so far, its `argument`, with one term."""
    uses = list(body.arguments[argument].uses)
    final = list(body.operations)[-1].operands[result].owner
    return len(uses) == 1 and uses[0].owner == final and uses[0].owner.name in COMBINERS


def _sizes(rows: Sequence[tuple[Row, ...]], values: Sequence[Any], loops: int) -> tuple[int, ...]:
    """Iterations of each loop, from a tensor that it indexes alone; linalg sees to it that there is one."""
    sizes = [0] * loops
    for access, value in zip(rows, values, strict=True):
        for row, extent in zip(access, _type(value)[0], strict=True):
            walked = [loop for loop, coefficient in enumerate(row) if coefficient]
            if len(walked) == 1 and row[walked[0]] == 1:
                sizes[walked[0]] = extent
    return tuple(sizes)


def _coefficients(expression: Any, loops: int) -> Row:
    """An affine expression's coefficient of each loop. Raises UserError for floordiv, ceildiv and mod."""
    if isinstance(expression, ir.AffineConstantExpr):
        return (0,) * loops
    if isinstance(expression, ir.AffineDimExpr):
        return tuple(int(loop == expression.position) for loop in range(loops))
    if isinstance(expression, ir.AffineAddExpr):
        left, right = (_coefficients(each, loops) for each in (expression.lhs, expression.rhs))
        return tuple(map(operator.add, left, right))
    if isinstance(expression, ir.AffineMulExpr):
        sides = (expression.lhs, expression.rhs)
        factor = next(each.value for each in sides if isinstance(each, ir.AffineConstantExpr))
        other = next(each for each in sides if not isinstance(each, ir.AffineConstantExpr))
        return tuple(factor * each for each in _coefficients(other, loops))
    raise UserError(f"the MLIR backend needs subscripts that are sums of loops; {expression} is none")


def _offsets(access: Any) -> tuple[int, ...]:
    """What a map has at the first iteration of all loops; () for zeros alone."""
    zero = ir.AffineMap.get(0, 0, [ir.AffineConstantExpr.get(0)] * access.n_dims)
    found = tuple(ir.AffineConstantExpr(each.compose(zero)).value for each in access.results)
    return found if any(found) else ()


def _type(value: Any) -> tuple[tuple[int, ...], str]:
    """Shape and element type; () for a scalar."""
    if not isinstance(value.type, ir.ShapedType):
        return (), str(value.type)
    return tuple(value.type.shape), str(value.type.element_type)


def _producer(value: Any) -> str | None:
    owner = value.owner
    if isinstance(owner, ir.Block) or TAG not in owner.operation.attributes:
        return None
    return str(ir.StringAttr(owner.operation.attributes[TAG]).value)


def _is_coefficients(value: Any) -> bool:
    return made_by(value, "arith.constant") is not None and math.prod(_type(value)[0]) <= MOST_COEFFICIENTS
