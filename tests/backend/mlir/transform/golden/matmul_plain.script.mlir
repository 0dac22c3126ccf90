#loop_unroll = #llvm.loop_unroll<disable = true>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%arg0: !transform.any_op {transform.consumed}) {
    %0 = transform.structured.match ops{["linalg.matmul"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    %1 = transform.structured.pack %0 packed_sizes = [2, 8, 2] : (!transform.any_op) -> !transform.op<"linalg.generic">
    %2 = transform.get_producer_of_operand %1[1] : (!transform.op<"linalg.generic">) -> !transform.op<"linalg.pack">
    %packed_op, %pack_op, %un_pack_op = transform.structured.pack_transpose %2 with_compute_op(%1) outer_perm = [1, 0] inner_perm = [1, 0] : (!transform.op<"linalg.pack">, !transform.op<"linalg.generic">) -> (!transform.op<"linalg.generic">, !transform.op<"linalg.pack">, !transform.any_op)
    transform.apply_patterns to %arg0 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %3 = transform.structured.match ops{["linalg.generic"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    %4 = transform.structured.match ops{["linalg.unpack"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    %5 = transform.get_producer_of_operand %3[2] : (!transform.any_op) -> !transform.any_op
    %6 = transform.get_producer_of_operand %3[0] : (!transform.any_op) -> !transform.any_op
    %7 = transform.get_producer_of_operand %3[1] : (!transform.any_op) -> !transform.any_op
    %tiled_op, %forall_op = transform.structured.tile_using_forall %4 tile_sizes [8, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused_op, %new_containing_op = transform.structured.fuse_into_containing_op %3 into %forall_op : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused_op_0, %new_containing_op_1 = transform.structured.fuse_into_containing_op %5 into %new_containing_op : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused_op_2, %new_containing_op_3 = transform.structured.fuse_into_containing_op %6 into %new_containing_op_1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused_op_4, %new_containing_op_5 = transform.structured.fuse_into_containing_op %7 into %new_containing_op_3 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op, %loops:2 = transform.structured.tile_using_for %tiled_op tile_sizes [2, 8] interchange = [1, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %fused_op_6, %new_containing_op_7 = transform.structured.fuse_into_containing_op %fused_op into %loops#1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %8 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %8 {
      transform.apply_patterns.memref.resolve_ranked_shaped_type_result_dims
    } : !transform.any_op
    %fused_op_8, %new_containing_op_9 = transform.structured.fuse_into_containing_op %fused_op_0 into %loops#1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused_op_10, %new_containing_op_11 = transform.structured.fuse_into_containing_op %fused_op_2 into %loops#1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused_op_12, %new_containing_op_13 = transform.structured.fuse_into_containing_op %fused_op_4 into %loops#1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op_14, %loops_15 = transform.structured.tile_using_for %fused_op_6 tile_sizes [0, 0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused_op_16, %new_containing_op_17 = transform.structured.fuse_into_containing_op %fused_op_10 into %loops_15 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused_op_18, %new_containing_op_19 = transform.structured.fuse_into_containing_op %fused_op_12 into %loops_15 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %tiled_linalg_op_20, %loops_21:2 = transform.structured.tile_using_for %fused_op_16 tile_sizes [1, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.structured.vectorize %tiled_linalg_op_20 vector_sizes [1, 1, 2, 2] : !transform.any_op
    %tiled_linalg_op_22, %loops_23:2 = transform.structured.tile_using_for %fused_op_18 tile_sizes [1, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.structured.vectorize %tiled_linalg_op_22 vector_sizes [1, 1, 2, 8] : !transform.any_op
    %tiled_linalg_op_24, %loops_25:2 = transform.structured.tile_using_for %fused_op_8 tile_sizes [1, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %tiled_linalg_op_26, %loops_27:2 = transform.structured.tile_using_for %tiled_linalg_op tile_sizes [2, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.structured.vectorize %tiled_linalg_op_26 vector_sizes [1, 1, 2, 8] : !transform.any_op
    %9 = transform.structured.match ops{["func.func"]} in %arg0 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %9 {
      transform.apply_patterns.linalg.fold_unit_extent_dims_via_slices
      transform.apply_patterns.linalg.tiling_canonicalization
    } : !transform.any_op
    %10 = transform.structured.match ops{["linalg.generic", "linalg.fill", "linalg.transpose", "linalg.copy", "linalg.reduce"]} in %9 : (!transform.any_op) -> !transform.any_op
    transform.foreach %10 : !transform.any_op {
    ^bb0(%arg1: !transform.any_op):
      transform.sequence %arg1 : !transform.any_op failures(suppress) {
      ^bb0(%arg2: !transform.any_op):
        transform.structured.vectorize %arg2 : !transform.any_op
      }
    }
    transform.apply_patterns to %9 {
      transform.apply_patterns.vector.reduction_to_contract
      transform.apply_patterns.vector.transfer_permutation_patterns
      transform.apply_patterns.vector.lower_masked_transfers
      transform.apply_patterns.vector.cast_away_vector_leading_one_dim
      transform.apply_patterns.tensor.fold_tensor_subset_ops_into_vector_transfers
    } : !transform.any_op
    transform.apply_cse to %9 : !transform.any_op
    %11 = transform.structured.match ops{["scf.for"]} in %9 : (!transform.any_op) -> !transform.any_op
    transform.apply_licm to %11 : !transform.any_op
    %12 = transform.structured.match ops{["scf.for"]} in %9 : (!transform.any_op) -> !transform.any_op
    transform.loop.hoist_loop_invariant_subsets %12 : !transform.any_op
    transform.apply_patterns to %9 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %13 = transform.bufferization.one_shot_bufferize layout{IdentityLayoutMap} %arg0 {allow_return_allocs_from_loops = true, bufferize_function_boundaries = true, memcpy_op = "linalg.copy"} : (!transform.any_op) -> !transform.any_op
    %14 = transform.structured.match ops{["func.func"]} in %13 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %14 {
      transform.apply_patterns.memref.fold_memref_alias_ops
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %15 = transform.apply_registered_pass "buffer-results-to-out-params" with options = {"hoist-static-allocs" = true, "modify-public-functions" = true} to %13 : (!transform.any_op) -> !transform.any_op
    %16 = transform.structured.match ops{["func.func"]} in %15 : (!transform.any_op) -> !transform.any_op
    transform.apply_cse to %16 : !transform.any_op
    %17 = transform.apply_registered_pass "buffer-loop-hoisting" to %16 : (!transform.any_op) -> !transform.any_op
    %18 = transform.structured.match ops{["memref.alloc"]} in %15 : (!transform.any_op) -> !transform.any_op
    %19 = transform.get_parent_op %18 {allow_empty_results, deduplicate, op_name = "func.func"} : (!transform.any_op) -> !transform.any_op
    %20 = transform.apply_registered_pass "ownership-based-buffer-deallocation" to %19 : (!transform.any_op) -> !transform.any_op
    %21 = transform.apply_registered_pass "buffer-deallocation-simplification" to %20 : (!transform.any_op) -> !transform.any_op
    %22 = transform.apply_registered_pass "bufferization-lower-deallocations" to %21 : (!transform.any_op) -> !transform.any_op
    %23 = transform.structured.match ops{["func.func"]} in %15 : (!transform.any_op) -> !transform.any_op
    transform.apply_patterns to %23 {
      transform.apply_patterns.canonicalization
    } : !transform.any_op
    %24 = transform.structured.match ops{["func.func"]} in %15 : (!transform.any_op) -> !transform.any_op
    %25 = transform.structured.match ops{["scf.for"]} in %24 : (!transform.any_op) -> !transform.any_op
    transform.apply_licm to %25 : !transform.any_op
    transform.apply_patterns to %24 {
      transform.apply_patterns.vector.lower_contraction
      transform.apply_patterns.vector.lower_transpose lowering_strategy = shuffle_1d
      transform.apply_patterns.vector.transfer_permutation_patterns
      transform.apply_patterns.vector.lower_outerproduct
      transform.apply_patterns.vector.lower_broadcast
      transform.apply_patterns.vector.lower_shape_cast
      transform.apply_patterns.vector.lower_create_mask
    } : !transform.any_op
    %26 = transform.structured.match ops{["vector.insert_strided_slice", "vector.extract_strided_slice"]} in %24 : (!transform.any_op) -> !transform.any_op
    %27 = transform.get_parent_op %26 {allow_empty_results, deduplicate, op_name = "func.func"} : (!transform.any_op) -> !transform.any_op
    %28 = transform.param.constant unit -> !transform.any_param
    transform.annotate %27 "mlopt.sliced" = %28 : !transform.any_op, !transform.any_param
    %29 = transform.apply_registered_pass "convert-linalg-to-loops" to %24 : (!transform.any_op) -> !transform.any_op
    %30 = transform.structured.match ops{["scf.for"]} in %29 : (!transform.any_op) -> !transform.any_op
    %31 = transform.param.constant #loop_annotation -> !transform.any_param
    transform.annotate %30 "loop_annotation" = %31 : !transform.any_op, !transform.any_param
    transform.apply_patterns to %29 {
      transform.apply_patterns.vector.transfer_to_scf full_unroll = true
      transform.apply_patterns.vector.lower_transfer
      transform.apply_patterns.vector.materialize_masks
    } : !transform.any_op
    transform.yield
  }
}
