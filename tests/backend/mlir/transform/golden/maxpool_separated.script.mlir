#loop_unroll = #llvm.loop_unroll<disable = true>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%arg0: !transform.any_op {transform.consumed}) {
    %0 = transform.structured.match attributes {mlopt.nest = "reduce1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %tiled_op, %forall_op = transform.structured.tile_using_forall %0 tile_sizes [1, 1, 0, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %1 = transform.structured.match attributes {mlopt.nest = "fill1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op, %new_containing_op = transform.structured.fuse_into_containing_op %1 into %forall_op : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %2 = transform.structured.match attributes {mlopt.nest = "reduce0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op_0, %new_containing_op_1 = transform.structured.fuse_into_containing_op %2 into %new_containing_op : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %3 = transform.structured.match attributes {mlopt.nest = "fill0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op_2, %new_containing_op_3 = transform.structured.fuse_into_containing_op %3 into %new_containing_op_1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %4 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %4 {
      transform.apply_patterns.linalg.tiling_canonicalization
    } : !transform.any_op
    %5 = transform.structured.match attributes {mlopt.nest = "reduce1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %6 = transform.structured.match attributes {mlopt.nest = "reduce0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %7 = transform.structured.split %6 after 16  {dimension = 2 : i64} : !transform.any_op
    %8:2 = transform.split_handle %7 : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op, %loops = transform.structured.tile_using_for %8#0 tile_sizes [0, 0, 8, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op_4, %loops_5 = transform.structured.tile_using_for %tiled_linalg_op tile_sizes [0, 0, 0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op_6, %loops_7 = transform.structured.tile_using_for %8#1 tile_sizes [0, 0, 0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %9 = transform.cast %loops_5 : !transform.any_op to !transform.op<"scf.for">
    transform.loop.unroll %9 {factor = 3 : i64} : !transform.op<"scf.for">
    %10 = transform.cast %loops_7 : !transform.any_op to !transform.op<"scf.for">
    transform.loop.unroll %10 {factor = 3 : i64} : !transform.op<"scf.for">
    %11 = transform.structured.match attributes {mlopt.nest = "fill0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %tiled_linalg_op_8, %loops_9:2 = transform.structured.tile_using_for %11 tile_sizes [1, 1, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %12 = transform.structured.split %tiled_linalg_op_8 after 16  {dimension = 2 : i64} : !transform.any_op
    %13:2 = transform.split_handle %12 : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %14 = transform.structured.match attributes {mlopt.nest = "fill1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %tiled_linalg_op_10, %loops_11:2 = transform.structured.tile_using_for %14 tile_sizes [1, 1, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %15 = transform.structured.split %tiled_linalg_op_10 after 8  {dimension = 2 : i64} : !transform.any_op
    %16:2 = transform.split_handle %15 : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %17 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %17 {
      transform.apply_patterns.linalg.fold_unit_extent_dims_via_slices
      transform.apply_patterns.linalg.tiling_canonicalization
    } : !transform.any_op
    %18 = transform.structured.match ops{["linalg.generic", "linalg.fill", "linalg.transpose", "linalg.copy", "linalg.reduce"]} in %17 : (!transform.any_op) -> !transform.any_op
    transform.foreach %18 : !transform.any_op {
    ^bb0(%arg1: !transform.any_op):
      transform.sequence %arg1 : !transform.any_op failures(suppress) {
      ^bb0(%arg2: !transform.any_op):
        transform.structured.vectorize %arg2 : !transform.any_op
      }
    }
    transform.apply_patterns to %17 {
      transform.apply_patterns.vector.reduction_to_contract
      transform.apply_patterns.vector.transfer_permutation_patterns
      transform.apply_patterns.vector.lower_masked_transfers
      transform.apply_patterns.vector.cast_away_vector_leading_one_dim
      transform.apply_patterns.tensor.fold_tensor_subset_ops_into_vector_transfers
    } : !transform.any_op
    transform.apply_cse to %17 : !transform.any_op
    %19 = transform.structured.match ops{["scf.for"]} in %17 : (!transform.any_op) -> !transform.any_op
    transform.apply_licm to %19 : !transform.any_op
    %20 = transform.structured.match ops{["scf.for"]} in %17 : (!transform.any_op) -> !transform.any_op
    transform.loop.hoist_loop_invariant_subsets %20 : !transform.any_op
    transform.apply_patterns to %17 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %21 = transform.bufferization.one_shot_bufferize layout{IdentityLayoutMap} %arg0 {allow_return_allocs_from_loops = true, bufferize_function_boundaries = true, memcpy_op = "linalg.copy"} : (!transform.any_op) -> !transform.any_op
    %22 = transform.structured.match ops{["func.func"]} in %21 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %22 {
      transform.apply_patterns.memref.fold_memref_alias_ops
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %23 = transform.apply_registered_pass "buffer-results-to-out-params" with options = {"hoist-static-allocs" = true, "modify-public-functions" = true} to %21 : (!transform.any_op) -> !transform.any_op
    %24 = transform.structured.match ops{["func.func"]} in %23 : (!transform.any_op) -> !transform.any_op
    transform.apply_cse to %24 : !transform.any_op
    %25 = transform.apply_registered_pass "buffer-loop-hoisting" to %24 : (!transform.any_op) -> !transform.any_op
    %26 = transform.apply_registered_pass "promote-buffers-to-stack" with options = {"max-alloc-size-in-bytes" = 4096 : i64} to %25 : (!transform.any_op) -> !transform.any_op
    %27 = transform.structured.match ops{["memref.alloc"]} in %23 : (!transform.any_op) -> !transform.any_op
    %28 = transform.get_parent_op %27 {allow_empty_results, deduplicate, op_name = "func.func"} : (!transform.any_op) -> !transform.any_op
    %29 = transform.apply_registered_pass "ownership-based-buffer-deallocation" to %28 : (!transform.any_op) -> !transform.any_op
    %30 = transform.apply_registered_pass "buffer-deallocation-simplification" to %29 : (!transform.any_op) -> !transform.any_op
    %31 = transform.apply_registered_pass "bufferization-lower-deallocations" to %30 : (!transform.any_op) -> !transform.any_op
    %32 = transform.structured.match ops{["func.func"]} in %23 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %32 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %33 = transform.structured.match ops{["func.func"]} in %23 : (!transform.any_op) -> !transform.any_op
    %34 = transform.structured.match ops{["scf.for"]} in %33 : (!transform.any_op) -> !transform.any_op
    transform.apply_licm to %34 : !transform.any_op
    transform.apply_patterns to %33 {
      transform.apply_patterns.vector.lower_contraction
      transform.apply_patterns.vector.lower_transpose lowering_strategy = shuffle_1d
      transform.apply_patterns.vector.transfer_permutation_patterns
      transform.apply_patterns.vector.lower_outerproduct
      transform.apply_patterns.vector.lower_broadcast
      transform.apply_patterns.vector.lower_shape_cast
      transform.apply_patterns.vector.lower_create_mask
    } : !transform.any_op
    %35 = transform.structured.match ops{["vector.insert_strided_slice", "vector.extract_strided_slice"]} in %33 : (!transform.any_op) -> !transform.any_op
    %36 = transform.get_parent_op %35 {allow_empty_results, deduplicate, op_name = "func.func"} : (!transform.any_op) -> !transform.any_op
    %37 = transform.param.constant unit -> !transform.any_param
    transform.annotate %36 "mlopt.sliced" = %37 : !transform.any_op, !transform.any_param
    transform.apply_patterns to %33 {
      transform.apply_patterns.vector.multi_reduction_flattening
      transform.apply_patterns.vector.multi_reduction_unrolling
    } : !transform.any_op
    transform.apply_patterns to %33 {
      transform.apply_patterns.vector.multi_reduction_flattening lowering_strategy = innerreduction
      transform.apply_patterns.vector.multi_reduction_unrolling lowering_strategy = innerreduction
    } : !transform.any_op
    %38 = transform.structured.match ops{["vector.reduction"]} in %33 : (!transform.any_op) -> !transform.any_op
    %39 = transform.param.constant #arith.fastmath<reassoc> -> !transform.any_param
    transform.annotate %38 "fastmath" = %39 : !transform.any_op, !transform.any_param
    %40 = transform.apply_registered_pass "convert-linalg-to-loops" to %33 : (!transform.any_op) -> !transform.any_op
    %41 = transform.structured.match ops{["scf.for"]} in %40 : (!transform.any_op) -> !transform.any_op
    %42 = transform.get_parent_op %41 {allow_empty_results, deduplicate, op_name = "scf.for"} : (!transform.any_op) -> !transform.any_op
    %43 = transform.param.constant #loop_annotation -> !transform.any_param
    transform.annotate %42 "loop_annotation" = %43 : !transform.any_op, !transform.any_param
    transform.apply_patterns to %40 {
      transform.apply_patterns.vector.transfer_to_scf full_unroll = true
      transform.apply_patterns.vector.lower_transfer
      transform.apply_patterns.vector.materialize_masks
    } : !transform.any_op
    transform.yield
  }
}
