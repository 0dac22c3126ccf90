#loop_unroll = #llvm.loop_unroll<disable = true>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%arg0: !transform.any_op {transform.consumed}) {
    %0 = transform.structured.match attributes {mlopt.nest = "product0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %tiled_op, %forall_op = transform.structured.tile_using_forall %0 tile_sizes [1, 1, 0, 0, 0, 0, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %1 = transform.structured.match attributes {mlopt.nest = "fill0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %fused_op, %new_containing_op = transform.structured.fuse_into_containing_op %1 into %forall_op : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %2 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %2 {
      transform.apply_patterns.linalg.tiling_canonicalization
    } : !transform.any_op
    %3 = transform.structured.match attributes {mlopt.nest = "product0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %4 = transform.structured.pack %3 packed_sizes = [0, 0, 0, 16, 0, 0, 0] : (!transform.any_op) -> !transform.op<"linalg.generic">
    %5 = transform.get_producer_of_operand %4[1] : (!transform.op<"linalg.generic">) -> !transform.op<"linalg.pack">
    %packed_op, %pack_op, %un_pack_op = transform.structured.pack_transpose %5 with_compute_op(%4) outer_perm = [3, 0, 1, 2] inner_perm = [0] : (!transform.op<"linalg.pack">, !transform.op<"linalg.generic">) -> (!transform.op<"linalg.generic">, !transform.op<"linalg.pack">, !transform.any_op)
    %6 = transform.get_consumers_of_result %packed_op[0] : (!transform.op<"linalg.generic">) -> !transform.op<"linalg.unpack">
    %packed_op_0, %pack_op_1, %un_pack_op_2 = transform.structured.pack_transpose %6 with_compute_op(%packed_op) outer_perm = [0, 1, 3, 2] inner_perm = [0] : (!transform.op<"linalg.unpack">, !transform.op<"linalg.generic">) -> (!transform.op<"linalg.generic">, !transform.op<"linalg.pack">, !transform.any_op)
    %7 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %7 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %8 = transform.get_producer_of_operand %packed_op_0[1] : (!transform.op<"linalg.generic">) -> !transform.any_op
    %9 = transform.get_producer_of_operand %packed_op_0[2] : (!transform.op<"linalg.generic">) -> !transform.any_op
    %10 = transform.get_consumers_of_result %packed_op_0[0] : (!transform.op<"linalg.generic">) -> !transform.any_op
    %tiled_linalg_op, %loops:2 = transform.structured.tile_using_for %10 tile_sizes [0, 0, 3, 16] interchange = [3, 2, 0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %fused_op_3, %new_containing_op_4 = transform.structured.fuse_into_containing_op %packed_op_0 into %loops#1 : (!transform.op<"linalg.generic">, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %11 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %11 {
      transform.apply_patterns.memref.resolve_ranked_shaped_type_result_dims
    } : !transform.any_op
    %fused_op_5, %new_containing_op_6 = transform.structured.fuse_into_containing_op %9 into %loops#1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op_7, %loops_8:3 = transform.structured.tile_using_for %fused_op_3 tile_sizes [0, 0, 0, 0, 1, 1, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    %tiled_linalg_op_9, %loops_10:4 = transform.structured.tile_using_for %8 tile_sizes [1, 1, 1, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.structured.vectorize %tiled_linalg_op_9 vector_sizes [1, 1, 1, 1, 16] : !transform.any_op
    %tiled_linalg_op_11, %loops_12:4 = transform.structured.tile_using_for %fused_op_5 tile_sizes [1, 1, 1, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    %tiled_linalg_op_13, %loops_14:4 = transform.structured.tile_using_for %tiled_linalg_op tile_sizes [1, 1, 3, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.structured.vectorize %tiled_linalg_op_13 vector_sizes [1, 1, 1, 3, 16] : !transform.any_op
    %12 = transform.structured.match attributes {mlopt.nest = "fill0"} in %arg0 : (!transform.any_op) -> !transform.any_op
    %tiled_linalg_op_15, %loops_16:3 = transform.structured.tile_using_for %12 tile_sizes [1, 1, 1, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    %13 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %13 {
      transform.apply_patterns.linalg.fold_unit_extent_dims_via_slices
      transform.apply_patterns.linalg.tiling_canonicalization
    } : !transform.any_op
    %14 = transform.structured.match ops{["linalg.generic", "linalg.fill", "linalg.transpose", "linalg.copy", "linalg.reduce"]} in %13 : (!transform.any_op) -> !transform.any_op
    transform.foreach %14 : !transform.any_op {
    ^bb0(%arg1: !transform.any_op):
      transform.sequence %arg1 : !transform.any_op failures(suppress) {
      ^bb0(%arg2: !transform.any_op):
        transform.structured.vectorize %arg2 : !transform.any_op
      }
    }
    transform.apply_patterns to %13 {
      transform.apply_patterns.vector.reduction_to_contract
      transform.apply_patterns.vector.transfer_permutation_patterns
      transform.apply_patterns.vector.lower_masked_transfers
      transform.apply_patterns.vector.cast_away_vector_leading_one_dim
      transform.apply_patterns.tensor.fold_tensor_subset_ops_into_vector_transfers
    } : !transform.any_op
    transform.apply_cse to %13 : !transform.any_op
    %15 = transform.structured.match ops{["scf.for"]} in %13 : (!transform.any_op) -> !transform.any_op
    transform.apply_licm to %15 : !transform.any_op
    %16 = transform.structured.match ops{["scf.for"]} in %13 : (!transform.any_op) -> !transform.any_op
    transform.loop.hoist_loop_invariant_subsets %16 : !transform.any_op
    transform.apply_patterns to %13 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %17 = transform.bufferization.one_shot_bufferize layout{IdentityLayoutMap} %arg0 {allow_return_allocs_from_loops = true, bufferize_function_boundaries = true, memcpy_op = "linalg.copy"} : (!transform.any_op) -> !transform.any_op
    %18 = transform.structured.match ops{["func.func"]} in %17 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %18 {
      transform.apply_patterns.memref.fold_memref_alias_ops
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %19 = transform.apply_registered_pass "buffer-results-to-out-params" with options = {"hoist-static-allocs" = true, "modify-public-functions" = true} to %17 : (!transform.any_op) -> !transform.any_op
    %20 = transform.structured.match ops{["func.func"]} in %19 : (!transform.any_op) -> !transform.any_op
    transform.apply_cse to %20 : !transform.any_op
    %21 = transform.apply_registered_pass "buffer-loop-hoisting" to %20 : (!transform.any_op) -> !transform.any_op
    %22 = transform.structured.match ops{["memref.alloc"]} in %19 : (!transform.any_op) -> !transform.any_op
    %23 = transform.get_parent_op %22 {allow_empty_results, deduplicate, op_name = "func.func"} : (!transform.any_op) -> !transform.any_op
    %24 = transform.apply_registered_pass "ownership-based-buffer-deallocation" to %23 : (!transform.any_op) -> !transform.any_op
    %25 = transform.apply_registered_pass "buffer-deallocation-simplification" to %24 : (!transform.any_op) -> !transform.any_op
    %26 = transform.apply_registered_pass "bufferization-lower-deallocations" to %25 : (!transform.any_op) -> !transform.any_op
    %27 = transform.structured.match ops{["func.func"]} in %19 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %27 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %28 = transform.structured.match ops{["func.func"]} in %19 : (!transform.any_op) -> !transform.any_op
    %29 = transform.structured.match ops{["scf.for"]} in %28 : (!transform.any_op) -> !transform.any_op
    transform.apply_licm to %29 : !transform.any_op
    transform.apply_patterns to %28 {
      transform.apply_patterns.vector.lower_contraction
      transform.apply_patterns.vector.lower_transpose lowering_strategy = shuffle_1d
      transform.apply_patterns.vector.transfer_permutation_patterns
      transform.apply_patterns.vector.lower_outerproduct
      transform.apply_patterns.vector.lower_broadcast
      transform.apply_patterns.vector.lower_shape_cast
      transform.apply_patterns.vector.lower_create_mask
    } : !transform.any_op
    %30 = transform.structured.match ops{["vector.insert_strided_slice", "vector.extract_strided_slice"]} in %28 : (!transform.any_op) -> !transform.any_op
    %31 = transform.get_parent_op %30 {allow_empty_results, deduplicate, op_name = "func.func"} : (!transform.any_op) -> !transform.any_op
    %32 = transform.param.constant unit -> !transform.any_param
    transform.annotate %31 "mlopt.sliced" = %32 : !transform.any_op, !transform.any_param
    %33 = transform.apply_registered_pass "convert-linalg-to-loops" to %28 : (!transform.any_op) -> !transform.any_op
    %34 = transform.structured.match ops{["scf.for"]} in %33 : (!transform.any_op) -> !transform.any_op
    %35 = transform.param.constant #loop_annotation -> !transform.any_param
    transform.annotate %34 "loop_annotation" = %35 : !transform.any_op, !transform.any_param
    transform.apply_patterns to %33 {
      transform.apply_patterns.vector.transfer_to_scf full_unroll = true
      transform.apply_patterns.vector.lower_transfer
      transform.apply_patterns.vector.materialize_masks
    } : !transform.any_op
    transform.yield
  }
}
