"""A small vocabulary for writing transform-dialect scripts with the bindings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..bindings import bufferization, ir, structured, transform, vector
from ..lowering import SLICED
from ..payload.names import TAG

FREEING = (
    "ownership-based-buffer-deallocation",
    "buffer-deallocation-simplification",
    "bufferization-lower-deallocations",
)
"""What frees buffers: MLIR's pipeline for it, without the passes that tidy a whole module."""

Handle = Any
"""An SSA value of type !transform.any_op: the payload operations that a step speaks of."""


class Script:
    """Builds one named sequence, step by step; each method appends one transform operation.

    Use inside an active context and location. `payload` is the handle of the whole payload module.
    """

    ENTRY = "__transform_main"

    def __init__(self) -> None:
        self.module = ir.Module.create()
        self.module.operation.attributes["transform.with_named_sequence"] = ir.UnitAttr.get()
        self._any = transform.AnyOpType.get()
        with ir.InsertionPoint(self.module.body):
            sequence = transform.NamedSequenceOp(
                self.ENTRY, [self._any], [], arg_attrs=[{"transform.consumed": ir.UnitAttr.get()}]
            )
        self._body = ir.InsertionPoint(sequence.body)
        self.payload: Handle = sequence.bodyTarget

    def finish(self) -> Any:
        """Close the sequence; returns the transform module."""
        with self._body:
            transform.YieldOp([])
        return self.module

    def match(self, target: Handle, *names: str) -> Handle:
        with self._body:
            return structured.MatchOp.match_op_names(target, list(names)).result

    def tag(self, target: Handle, tag: str) -> None:
        """Let `target` be found as a nest of this tag; all that it is copied to as well."""
        with self._body:
            self._annotate(target, **{TAG: f'"{tag}"'})

    def nest(self, tag: str) -> Handle:
        """The operations that came of the nest of this tag."""
        with self._body:
            attributes = {TAG: ir.StringAttr.get(tag)}
            return structured.MatchOp(self._any, self.payload, op_attrs=attributes).result

    def generalize(self, target: Handle) -> None:
        """Write named linalg operations as linalg.generic."""
        with self._body:
            structured.GeneralizeOp(target)

    def interchange(self, target: Handle, order: Sequence[int]) -> None:
        """Nest the loops of linalg.generic operations in this order, outermost first."""
        with self._body:
            structured.InterchangeOp(target, iterator_interchange=list(order))

    def decompose(self, target: Handle) -> None:
        """Write operations that stand for several, such as linalg.softmax, as those."""
        with self._body:
            structured.DecomposeInterfaceOp(self._any, target)

    def producer(self, target: Handle, operand: int) -> Handle:
        with self._body:
            return transform.GetProducerOfOperand(self._any, target, operand_number=operand).result

    def consumer(self, target: Handle) -> Handle:
        """What reads the first result of `target`."""
        with self._body:
            return transform.GetConsumersOfResult(self._any, target, result_number=0).result

    def pack(self, target: Handle, sizes: Sequence[int]) -> Handle:
        """Give the operands of `target` an inner tile of `sizes` (one a loop, 0 for none), padding with zeros."""
        with self._body:
            generic = _kind("linalg.generic")
            return structured.PackOp(generic, target, packed_sizes=[], static_packed_sizes=list(sizes)).result

    def transpose_pack(self, compute: Handle, operand: int, outer: Sequence[int], inner: Sequence[int]) -> Handle:
        """Reorder the packed layout of one operand; returns the new `compute`."""
        with self._body:
            pack = transform.GetProducerOfOperand(_kind("linalg.pack"), compute, operand_number=operand).result
        return self._transpose(pack, compute, outer, inner)

    def transpose_unpack(self, compute: Handle, outer: Sequence[int], inner: Sequence[int]) -> Handle:
        """Reorder the packed layout of the result; returns the new `compute`."""
        with self._body:
            unpack = transform.GetConsumersOfResult(_kind("linalg.unpack"), compute, result_number=0).result
        return self._transpose(unpack, compute, outer, inner)

    def _transpose(self, pack: Handle, compute: Handle, outer: Sequence[int], inner: Sequence[int]) -> Handle:
        with self._body:
            op = structured.PackTransposeOp(
                _kind("linalg.generic"),
                _kind("linalg.pack"),
                self._any,
                pack,
                compute,
                outer_perm=list(outer),
                inner_perm=list(inner),
            )
            return op.results[0]

    def tile_parallel(self, target: Handle, sizes: Sequence[int]) -> tuple[Handle, Handle]:
        """(tiled operation, scf.forall)."""
        with self._body:
            op = structured.TileUsingForallOp(target, tile_sizes=list(sizes))
            return op.tiled_op, op.forall_op

    def tile(self, target: Handle, sizes: Sequence[int], order: Sequence[int] = ()) -> tuple[Handle, list[Handle]]:
        """(tiled operation, one scf.for a size that is not 0, outermost first: those of `order`, then the others)."""
        rest = [loop for loop in range(len(sizes)) if loop not in order]
        interchange = [*order, *rest] if list(order) != sorted(order) else None
        with self._body:
            op = structured.TileUsingForOp(target, sizes=list(sizes), interchange=interchange)
            return op.results[0], list(op.results)[1:]

    def split(self, target: Handle, loop: int, size: int) -> tuple[Handle, Handle]:
        """(the first `size` iterations of a loop, those after them)."""
        with self._body:
            parts = structured.SplitOp(target, loop, size).results[0]
        first, rest = self.separate(parts, 2)
        return first, rest

    def separate(self, target: Handle, count: int) -> list[Handle]:
        """A handle to each of the `count` operations of `target`."""
        with self._body:
            return list(transform.SplitHandleOp([self._any] * count, target).results)

    def tile_sum(self, target: Handle, sizes: Sequence[int], results: int) -> None:
        """Reduce along one loop in as many partial results as its size says, and those at the end.

        `target` has so many `results`.
        """
        loops = [loop for loop, size in enumerate(sizes) if size]
        # A start for each result, the loop's body, a combination for each result, the loop: the operation declares one
        # combination, but counts them all.
        starts = [self._any] * (2 * results - 1)
        with self._body:
            op = structured.TileReductionUsingForOp(
                starts, self._any, self._any, self._any, target, reduction_dims=loops, tile_sizes=list(sizes)
            )
        self.peel(op.results[-1])

    def fuse(self, producer: Handle, loop: Handle) -> tuple[Handle, Handle]:
        """Move `producer` into `loop`, which uses slices of it: (the fused operation, the new loop)."""
        with self._body:
            op = structured.FuseIntoContainingOp(self._any, self._any, producer, loop)
            return op.results[0], op.results[1]

    def peel(self, loop: Handle) -> None:
        """Split off the last, partial iteration of a scf.for; without effect where every iteration is whole."""
        with self._body:
            attempt = transform.SequenceOp(transform.FailurePropagationMode.Suppress, [], loop)
        with ir.InsertionPoint(attempt.body):
            scf_for = transform.CastOp(_kind("scf.for"), attempt.bodyTarget).result
            self._create("transform.loop.peel", [scf_for], results=2)
            transform.YieldOp([])

    def unroll(self, loop: Handle, count: int) -> None:
        """Write `count` iterations of a scf.for out; one that has no more of them is no loop any longer."""
        factor = ir.IntegerAttr.get(ir.IntegerType.get_signless(64), count)
        with self._body:
            scf_for = transform.CastOp(_kind("scf.for"), loop).result
            ir.Operation.create("transform.loop.unroll", operands=[scf_for], attributes={"factor": factor})

    def vectorize(self, target: Handle, sizes: Sequence[int]) -> None:
        """Vectorise an operation at these sizes, masked where it is smaller."""
        with self._body:
            structured.VectorizeOp(target, list(sizes))

    def vectorize_each(self, target: Handle) -> None:
        """Vectorise each of several operations at its whole static size, but for those that cannot be."""
        with self._body:
            each = transform.ForeachOp([], [target])
        with ir.InsertionPoint(each.body):
            attempt = transform.SequenceOp(transform.FailurePropagationMode.Suppress, [], each.bodyTargets[0])
            transform.YieldOp([])
        with ir.InsertionPoint(attempt.body):
            structured.VectorizeOp(attempt.bodyTarget, [])
            transform.YieldOp([])

    def patterns(self, target: Handle, *names: str) -> None:
        """Apply the pattern sets `transform.apply_patterns.NAME` greedily, together."""
        with self._patterns(target):
            for name in names:
                ir.Operation.create(f"transform.apply_patterns.{name}")

    def multiply_pairs(self, target: Handle) -> None:
        """Turn sums of products of one pair of bfloat16 with a vector of pairs, as vectorised, into x86.avx512.dot.

        Of what is nested in `target`, and of nothing else, so that other handles stay valid.
        """
        self.patterns(
            target,
            "vector.reduction_to_contract",
            "vector.fold_arith_extension",
            "vector.transfer_permutation_patterns",
        )
        self.patterns(target, "x86.vector_contract_to_packed_type_dot_product")

    def lower_contractions(self, target: Handle, strategy: str, transposes: str, *names: str) -> None:
        """Turn vector.contract and vector.transpose into what is simpler, in the ways of these names; patterns join in.

        Functions that have slices of vectors then are marked as `SLICED`.
        """
        contract = next(way for way in vector.VectorContractLowering if str(way) == strategy)
        transpose = next(way for way in vector.VectorTransposeLowering if str(way) == transposes)
        with self._patterns(target):
            vector.ApplyLowerContractionPatternsOp(lowering_strategy=contract)
            vector.ApplyLowerTransposePatternsOp(lowering_strategy=transpose)
            for name in names:
                ir.Operation.create(f"transform.apply_patterns.{name}")
        slices = self.match(target, "vector.insert_strided_slice", "vector.extract_strided_slice")
        function = self._functions(slices)
        with self._body:
            self._annotate(function, **{SLICED: "unit"})

    def flatten_reductions(self, target: Handle) -> None:
        """Turn reductions of several dimensions into arithmetic on flat vectors, or reductions of these.

        Sums of whole vectors are taken first; what is left is summed within vectors, halves of them at a time.
        """
        for strategy in vector.VectorMultiReductionLowering:  # inner-parallel, inner-reduction
            with self._patterns(target):
                for name in ("multi_reduction_flattening", "multi_reduction_unrolling"):
                    ir.Operation.create(
                        f"transform.apply_patterns.vector.{name}",
                        attributes={"lowering_strategy": ir.IntegerAttr.get(ir.IntegerType.get_signless(32), strategy)},
                    )
        # Else LLVM adds up one number after the other, as they stand in the vector, and each waits for the last one.
        reductions = self.match(target, "vector.reduction")
        with self._body:
            self._annotate(reductions, fastmath="#arith.fastmath<reassoc>")

    def lower_transfers(self, target: Handle) -> None:
        """Turn transfers between memory and vectors into loads and stores of one-dimensional vectors."""
        with self._patterns(target):
            vector.ApplyTransferToScfPatternsOp(max_transfer_rank=1, full_unroll=True)
            vector.ApplyLowerTransferPatternsOp(max_transfer_rank=1)
            vector.ApplyMaterializeMasksPatternsOp()

    def simplify(self, target: Handle) -> None:
        """Canonicalise, then merge equal computations."""
        self.patterns(target, "canonicalization")
        self.merge_equal(target)

    def merge_equal(self, target: Handle) -> None:
        """Merge equal computations."""
        with self._body:
            self._create("transform.apply_cse", [target])

    def hoist(self, target: Handle) -> None:
        """Move what does not change out of the loops of `target`."""
        loops = self.match(target, "scf.for")
        with self._body:
            self._create("transform.apply_licm", [loops])

    def hoist_accumulators(self, target: Handle) -> None:
        """Keep slices that a loop reads and writes in registers across its iterations."""
        loops = self.match(target, "scf.for")
        with self._body:
            self._create("transform.loop.hoist_loop_invariant_subsets", [loops])

    def keep_loops(self, target: Handle, innermost: bool) -> None:
        """Forbid LLVM to unroll the loops of `target` that enclose others; the `innermost` ones, too, or none of them.

        The attribute bears the name that it has on LLVM's branches; under another, LLVM would not see it.
        """
        loops = self.match(target, "scf.for")
        with self._body:
            if not innermost:
                loops = transform.GetParentOp(
                    self._any, loops, op_name="scf.for", allow_empty_results=True, deduplicate=True
                ).result
            self._annotate(loops, loop_annotation="#llvm.loop_annotation<unroll = <disable = true>>")

    def bufferize(self, target: Handle) -> Handle:
        """Tensors become buffers, also at the boundaries of functions; what must be copied is a linalg.copy."""
        layout = ir.Attribute.parse("1 : i32")  # identity
        with self._body:
            return bufferization.OneShotBufferizeOp(
                target,
                allow_return_allocs_from_loops=True,
                bufferize_function_boundaries=True,
                function_boundary_type_conversion=layout,
                memcpy_op="linalg.copy",
            ).results[0]

    def free(self, target: Handle) -> None:
        """Free what the functions of `target` allocate on the heap; nothing is done to those that allocate nothing."""
        function = self._functions(self.match(target, "memref.alloc"))
        for name in FREEING:
            function = self.run_pass(function, name)

    def stream(self, target: Handle, alignment: int, usual: int) -> None:
        """Make what stores flat vectors to a function's arguments non-temporal.

        `alignment` is that of their addresses, in bytes; `usual`, that of an element, is all that is promised for
        memory which the function allocates.
        """
        stores = self.match(target, "vector.store")
        with self._body:
            self._annotate(stores, nontemporal="true", alignment=f"{alignment} : i64")
            each = transform.ForeachOp([], [stores])
        with ir.InsertionPoint(each.body):
            attempt = transform.SequenceOp(transform.FailurePropagationMode.Suppress, [], each.bodyTargets[0])
            transform.YieldOp([])
        with ir.InsertionPoint(attempt.body):
            steps = transform.SequenceOp(transform.FailurePropagationMode.Propagate, [], attempt.bodyTarget)
            transform.YieldOp([])
        with ir.InsertionPoint(steps.body):
            base = transform.GetOperandOp(transform.AnyValueType.get(), steps.bodyTarget, [1]).result
            transform.GetDefiningOp(self._any, base)  # fails for an argument, and with it the steps
            self._annotate(steps.bodyTarget, nontemporal="false", alignment=f"{usual} : i64")
            transform.YieldOp([])

    def run_pass(self, target: Handle, name: str, **options: Any) -> Handle:
        with self._body:
            return transform.ApplyRegisteredPassOp(
                self._any, target, name, options={key.replace("_", "-"): value for key, value in options.items()}
            ).results[0]

    def _functions(self, target: Handle) -> Handle:
        """The functions that enclose `target`, which may be nothing."""
        with self._body:
            return transform.GetParentOp(
                self._any, target, op_name="func.func", allow_empty_results=True, deduplicate=True
            ).result

    def _annotate(self, target: Handle, **attributes: str) -> None:
        """Set attributes, given as MLIR text."""
        for name, text in attributes.items():
            value = transform.ParamConstantOp(transform.AnyParamType.get(), ir.Attribute.parse(text)).result
            transform.AnnotateOp(target, name, param=value)

    def _patterns(self, target: Handle) -> Any:
        with self._body:
            return ir.InsertionPoint(transform.ApplyPatternsOp(target).patterns)

    def _create(self, name: str, operands: Sequence[Handle], results: int = 0) -> Any:
        return ir.Operation.create(name, results=[self._any] * results, operands=list(operands))


def _kind(name: str) -> Any:
    """The type of handles to operations of one name."""
    return transform.OperationType.get(name)
