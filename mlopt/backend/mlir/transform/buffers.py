"""The end of every script: what was tiled becomes vectors, tensors become buffers, vectors become flat."""

from __future__ import annotations

from dataclasses import dataclass

from .script import Handle, Script

TILED = ("linalg.generic", "linalg.fill", "linalg.transpose", "linalg.copy", "linalg.reduce")
"""What nests have become when they are tiled."""


@dataclass(frozen=True)
class Ending:
    """The steps from tiled nests on tensors to loops over flat vectors; what a program has no need of is left out."""

    script: Script
    contraction: str
    """The way to lower register tiles."""
    transposes: str
    """The way to turn vectors round."""
    parallel: bool
    """Else blocks become plain loops."""
    temporaries: bool = False
    """Whether there are several nests, which hand each other buffers, or reduce."""
    products: bool = True
    """Whether there are products, whose innermost loops are unrolled as much as they should be."""
    stack: int = 0
    """Bytes of the largest temporary that lives on the stack."""
    margins: bool = False
    """Whether something is padded, by loops that are split where margins begin and end."""
    pairs: bool = False
    """Whether pairs of bfloat16 are multiplied, many of which are read at once."""

    def write(self) -> Handle:
        """Returns the module, which bufferisation makes anew."""
        self._vectorize()
        module = self._bufferize()
        self._flatten(module)
        return module

    def _vectorize(self) -> None:
        script = self.script
        function = script.match(script.payload, "func.func")
        script.patterns(function, "linalg.fold_unit_extent_dims_via_slices", "linalg.tiling_canonicalization")
        script.vectorize_each(script.match(function, *TILED))
        script.patterns(
            function,
            "vector.reduction_to_contract",
            "vector.transfer_permutation_patterns",
            "vector.lower_masked_transfers",
            "vector.cast_away_vector_leading_one_dim",
            "tensor.fold_tensor_subset_ops_into_vector_transfers",
        )
        script.merge_equal(function)
        script.hoist(function)
        script.hoist_accumulators(function)
        script.patterns(function, "canonicalization")

    def _bufferize(self) -> Handle:
        """Results become arguments; temporaries are hoisted and freed. Returns the module."""
        script = self.script
        module = script.bufferize(script.payload)
        # Loops drop the buffers that they hand through; else a result that comes out of one would be copied.
        script.patterns(script.match(module, "func.func"), "memref.fold_memref_alias_ops", "canonicalization")
        module = script.run_pass(
            module, "buffer-results-to-out-params", hoist_static_allocs=True, modify_public_functions=True
        )
        function = script.match(module, "func.func")
        script.merge_equal(function)
        if not self.parallel:  # before hoisting: stack that is claimed in a plain loop is not given back until the end
            function = script.run_pass(function, "scf-forall-to-for")
        function = script.run_pass(function, "buffer-loop-hoisting")
        if self.temporaries:
            script.run_pass(function, "promote-buffers-to-stack", max_alloc_size_in_bytes=self.stack)
        script.free(module)
        script.patterns(script.match(module, "func.func"), "canonicalization")
        return module

    def _flatten(self, module: Handle) -> None:
        script = self.script
        function = script.match(module, "func.func")
        if self.margins:  # now, for this pass would take flat vectors apart
            function = script.run_pass(function, "convert-linalg-to-loops")
            function = script.run_pass(function, "int-range-optimizations")
        script.hoist(function)
        if self.pairs:
            script.patterns(function, "vector.flatten_vector_transfer_ops")
        script.lower_contractions(
            function,
            self.contraction,
            self.transposes,
            "vector.transfer_permutation_patterns",
            "vector.lower_outerproduct",
            "vector.lower_broadcast",
            "vector.lower_shape_cast",
            "vector.lower_create_mask",
        )
        if self.temporaries:
            script.flatten_reductions(function)
        function = script.run_pass(function, "convert-linalg-to-loops")  # copies, and what no vector fits
        script.keep_loops(function, innermost=self.products)
        script.lower_transfers(function)
        if self.pairs:
            script.run_pass(module, "convert-vector-to-llvm", enable_x86=True)
