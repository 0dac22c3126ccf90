#loop_unroll = #llvm.loop_unroll<disable = true>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%arg0: !transform.any_op {transform.consumed}) {
    %0 = transform.structured.match attributes {mlopt.nest = "map1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %tiled_op, %forall_op = transform.structured.tile_using_forall %0 tile_sizes [4, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %1 = transform.structured.match attributes {mlopt.nest = "reduce1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op, %new_containing_op = transform.structured.fuse_into_containing_op %1 into %forall_op : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %2 = transform.structured.match attributes {mlopt.nest = "fill1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op_0, %new_containing_op_1 = transform.structured.fuse_into_containing_op %2 into %new_containing_op : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %3 = transform.structured.match attributes {mlopt.nest = "map0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op_2, %new_containing_op_3 = transform.structured.fuse_into_containing_op %3 into %new_containing_op_1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %4 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %4 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    transform.apply_cse to %4 : !transform.any_op
    %5 = transform.structured.match attributes {mlopt.nest = "reduce0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op_4, %new_containing_op_5 = transform.structured.fuse_into_containing_op %5 into %new_containing_op_3 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %6 = transform.structured.match attributes {mlopt.nest = "fill0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op_6, %new_containing_op_7 = transform.structured.fuse_into_containing_op %6 into %new_containing_op_5 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %7 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %7 {
      transform.apply_patterns.linalg.tiling_canonicalization
    } : !transform.any_op
    %8 = transform.structured.match attributes {mlopt.nest = "map1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %tiled_linalg_op, %loops = transform.structured.tile_using_for %8 tile_sizes [1, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op_8, %loops_9 = transform.structured.tile_using_for %tiled_linalg_op tile_sizes [0, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %9 = transform.structured.match attributes {mlopt.nest = "reduce1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fill_op, %split_op, %combining_op, %for_op = transform.structured.tile_reduction_using_for %9 reduction_dims = [1] by tile_sizes = [0, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.sequence %for_op : !transform.any_op failures(suppress) {
    ^bb0(%arg1: !transform.any_op):
      %41 = cast %arg1 : !transform.any_op to !transform.op<"scf.for">
      %peeled_loop, %remainder_loop = transform.loop.peel %41 : (!transform.op<"scf.for">) -> (!transform.any_op, !transform.any_op)
    }
    %10 = transform.structured.match attributes {mlopt.nest = "map0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %tiled_linalg_op_10, %loops_11 = transform.structured.tile_using_for %10 tile_sizes [1, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op_12, %loops_13 = transform.structured.tile_using_for %tiled_linalg_op_10 tile_sizes [0, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %11 = transform.structured.match attributes {mlopt.nest = "reduce0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fill_op_14, %split_op_15, %combining_op_16, %for_op_17 = transform.structured.tile_reduction_using_for %11 reduction_dims = [1] by tile_sizes = [0, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.sequence %for_op_17 : !transform.any_op failures(suppress) {
    ^bb0(%arg1: !transform.any_op):
      %41 = cast %arg1 : !transform.any_op to !transform.op<"scf.for">
      %peeled_loop, %remainder_loop = transform.loop.peel %41 : (!transform.op<"scf.for">) -> (!transform.any_op, !transform.any_op)
    }
    %12 = transform.structured.match attributes {mlopt.nest = "fill0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %13 = transform.structured.match attributes {mlopt.nest = "fill1"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %14 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %14 {
      transform.apply_patterns.linalg.fold_unit_extent_dims_via_slices
      transform.apply_patterns.linalg.tiling_canonicalization
    } : !transform.any_op
    %15 = transform.structured.match ops{["linalg.generic", "linalg.fill", "linalg.transpose", "linalg.copy", "linalg.reduce"]} in %14 : (!transform.any_op) -> !transform.any_op
    transform.foreach %15 : !transform.any_op {
    ^bb0(%arg1: !transform.any_op):
      transform.sequence %arg1 : !transform.any_op failures(suppress) {
      ^bb0(%arg2: !transform.any_op):
        transform.structured.vectorize %arg2 : !transform.any_op
      }
    }
    transform.apply_patterns to %14 {
      transform.apply_patterns.vector.reduction_to_contract
      transform.apply_patterns.vector.transfer_permutation_patterns
      transform.apply_patterns.vector.lower_masked_transfers
      transform.apply_patterns.vector.cast_away_vector_leading_one_dim
      transform.apply_patterns.tensor.fold_tensor_subset_ops_into_vector_transfers
    } : !transform.any_op
    transform.apply_cse to %14 : !transform.any_op
    %16 = transform.structured.match ops{["scf.for"]} in %14 : (!transform.any_op) -> !transform.any_op
    transform.apply_licm to %16 : !transform.any_op
    %17 = transform.structured.match ops{["scf.for"]} in %14 : (!transform.any_op) -> !transform.any_op
    transform.loop.hoist_loop_invariant_subsets %17 : !transform.any_op
    transform.apply_patterns to %14 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %18 = transform.bufferization.one_shot_bufferize layout{IdentityLayoutMap} %arg0 {allow_return_allocs_from_loops = true, bufferize_function_boundaries = true, memcpy_op = "linalg.copy"} : (!transform.any_op) -> !transform.any_op
    %19 = transform.structured.match ops{["func.func"]} in %18 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %19 {
      transform.apply_patterns.memref.fold_memref_alias_ops
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %20 = transform.apply_registered_pass "buffer-results-to-out-params" with options = {"hoist-static-allocs" = true, "modify-public-functions" = true} to %18 : (!transform.any_op) -> !transform.any_op
    %21 = transform.structured.match ops{["func.func"]} in %20 : (!transform.any_op) -> !transform.any_op
    transform.apply_cse to %21 : !transform.any_op
    %22 = transform.apply_registered_pass "buffer-loop-hoisting" to %21 : (!transform.any_op) -> !transform.any_op
    %23 = transform.apply_registered_pass "promote-buffers-to-stack" with options = {"max-alloc-size-in-bytes" = 65536 : i64} to %22 : (!transform.any_op) -> !transform.any_op
    %24 = transform.structured.match ops{["memref.alloc"]} in %20 : (!transform.any_op) -> !transform.any_op
    %25 = transform.get_parent_op %24 {allow_empty_results, deduplicate, op_name = "func.func"} : (!transform.any_op) -> !transform.any_op
    %26 = transform.apply_registered_pass "ownership-based-buffer-deallocation" to %25 : (!transform.any_op) -> !transform.any_op
    %27 = transform.apply_registered_pass "buffer-deallocation-simplification" to %26 : (!transform.any_op) -> !transform.any_op
    %28 = transform.apply_registered_pass "bufferization-lower-deallocations" to %27 : (!transform.any_op) -> !transform.any_op
    %29 = transform.structured.match ops{["func.func"]} in %20 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %29 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %30 = transform.structured.match ops{["func.func"]} in %20 : (!transform.any_op) -> !transform.any_op
    %31 = transform.structured.match ops{["scf.for"]} in %30 : (!transform.any_op) -> !transform.any_op
    transform.apply_licm to %31 : !transform.any_op
    transform.apply_patterns to %30 {
      transform.apply_patterns.vector.lower_contraction
      transform.apply_patterns.vector.lower_transpose lowering_strategy = shuffle_1d
      transform.apply_patterns.vector.transfer_permutation_patterns
      transform.apply_patterns.vector.lower_outerproduct
      transform.apply_patterns.vector.lower_broadcast
      transform.apply_patterns.vector.lower_shape_cast
      transform.apply_patterns.vector.lower_create_mask
    } : !transform.any_op
    %32 = transform.structured.match ops{["vector.insert_strided_slice", "vector.extract_strided_slice"]} in %30 : (!transform.any_op) -> !transform.any_op
    %33 = transform.get_parent_op %32 {allow_empty_results, deduplicate, op_name = "func.func"} : (!transform.any_op) -> !transform.any_op
    %34 = transform.param.constant unit -> !transform.any_param
    transform.annotate %33 "mlopt.sliced" = %34 : !transform.any_op, !transform.any_param
    transform.apply_patterns to %30 {
      transform.apply_patterns.vector.multi_reduction_flattening
      transform.apply_patterns.vector.multi_reduction_unrolling
    } : !transform.any_op
    transform.apply_patterns to %30 {
      transform.apply_patterns.vector.multi_reduction_flattening lowering_strategy = innerreduction
      transform.apply_patterns.vector.multi_reduction_unrolling lowering_strategy = innerreduction
    } : !transform.any_op
    %35 = transform.structured.match ops{["vector.reduction"]} in %30 : (!transform.any_op) -> !transform.any_op
    %36 = transform.param.constant #arith.fastmath<reassoc> -> !transform.any_param
    transform.annotate %35 "fastmath" = %36 : !transform.any_op, !transform.any_param
    %37 = transform.apply_registered_pass "convert-linalg-to-loops" to %30 : (!transform.any_op) -> !transform.any_op
    %38 = transform.structured.match ops{["scf.for"]} in %37 : (!transform.any_op) -> !transform.any_op
    %39 = transform.get_parent_op %38 {allow_empty_results, deduplicate, op_name = "scf.for"} : (!transform.any_op) -> !transform.any_op
    %40 = transform.param.constant #loop_annotation -> !transform.any_param
    transform.annotate %39 "loop_annotation" = %40 : !transform.any_op, !transform.any_param
    transform.apply_patterns to %37 {
      transform.apply_patterns.vector.transfer_to_scf full_unroll = true
      transform.apply_patterns.vector.lower_transfer
      transform.apply_patterns.vector.materialize_masks
    } : !transform.any_op
    transform.yield
  }
}
