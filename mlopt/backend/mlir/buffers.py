"""The end of every script: what was tiled becomes vectors, tensors become buffers, vectors become flat."""

from __future__ import annotations

from .script import Handle, Script

STACK_BYTES = 16 << 10
"""Buffers of at most this size live on the stack."""


def finish(script: Script, contraction: str, parallel: bool) -> None:
    """Append the steps from tiled nests on tensors to loops over flat vectors.

    `contraction` is the way to lower register tiles; without `parallel`, blocks become plain loops.
    """
    _vectorize(script)
    _flatten(script, _bufferize(script, parallel), contraction)


def _vectorize(script: Script) -> None:
    function = script.match(script.payload, "func.func")
    script.patterns(
        function,
        "linalg.fold_unit_extent_dims_via_slices",
        "linalg.tiling_canonicalization",
        "canonicalization",
    )
    script.vectorize_all(function)
    function = script.match(script.payload, "func.func")
    script.patterns(
        function,
        "vector.reduction_to_contract",
        "vector.transfer_permutation_patterns",
        "vector.lower_masked_transfers",
        "vector.cast_away_vector_leading_one_dim",
        "tensor.fold_tensor_subset_ops_into_vector_transfers",
        "canonicalization",
    )
    script.simplify(function)
    script.hoist(function)
    script.hoist_accumulators(function)
    script.patterns(function, "canonicalization")


def _bufferize(script: Script, parallel: bool) -> Handle:
    """Results become arguments; temporaries are hoisted and freed, small ones live on the stack. Returns the module."""
    module = script.run_pass(
        script.payload,
        "one-shot-bufferize",
        bufferize_function_boundaries=True,
        function_boundary_type_conversion="identity-layout-map",
    )
    # Loops drop the buffers that they hand through; else a result that comes out of one would be copied.
    script.patterns(script.match(module, "func.func"), "memref.fold_memref_alias_ops", "canonicalization")
    module = script.run_pass(
        module, "buffer-results-to-out-params", hoist_static_allocs=True, modify_public_functions=True
    )
    function = script.match(module, "func.func")
    script.simplify(function)
    if not parallel:  # before hoisting: stack that is claimed in a plain loop is not given back until the end
        function = script.run_pass(function, "scf-forall-to-for")
    function = script.run_pass(function, "buffer-hoisting")
    function = script.run_pass(function, "buffer-loop-hoisting")
    function = script.run_pass(function, "promote-buffers-to-stack", max_alloc_size_in_bytes=STACK_BYTES)
    script.run_pass(function, "canonicalize")
    return script.run_pass(module, "buffer-deallocation-pipeline")


def _flatten(script: Script, module: Handle, contraction: str) -> None:
    function = script.match(module, "func.func")
    script.vectorize_all(function)  # copies, which else would be calls to a library
    function = script.match(module, "func.func")
    script.hoist(function)
    script.lower_contractions(function, contraction)
    script.patterns(
        function,
        "vector.transfer_permutation_patterns",
        "vector.lower_outerproduct",
        "vector.lower_broadcast",
        "vector.lower_transpose",
        "vector.lower_shape_cast",
        "vector.lower_create_mask",
    )
    script.flatten_reductions(function)
    script.keep_loops(function)
    script.lower_transfers(function)
    script.run_pass(function, "convert-linalg-to-loops")


