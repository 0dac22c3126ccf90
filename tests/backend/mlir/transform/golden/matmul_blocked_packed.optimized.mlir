#loop_unroll = #llvm.loop_unroll<disable = true>
#map = affine_map<(d0) -> (d0 * 8)>
#map1 = affine_map<(d0) -> (d0 * 2)>
#map2 = affine_map<(d0) -> (d0 * 2 + 1)>
#map3 = affine_map<(d0, d1) -> (d0 * 2 + d1 * 2)>
#map4 = affine_map<(d0, d1) -> (d0 * 16 + d1 * 2)>
#map5 = affine_map<(d0, d1) -> (d0 * 16 + d1 * 2 + 1)>
#map6 = affine_map<()[s0, s1] -> (s0 + s1)>
#map7 = affine_map<(d0) -> (d0 floordiv 2)>
#map8 = affine_map<(d0) -> (d0 floordiv 8)>
#map9 = affine_map<(d0)[s0] -> (d0 * 16 + s0)>
#map10 = affine_map<(d0)[s0] -> (d0 * 16 + s0 + 1)>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module {
  func.func @matmul(%arg0: memref<32x32xf32>, %arg1: memref<32x32xf32>, %arg2: memref<32x32xf32>) attributes {llvm.emit_c_interface} {
    %0 = ub.poison : vector<2x8xf32>
    %cst = arith.constant dense<0.000000e+00> : vector<8xf32>
    %cst_0 = arith.constant dense<0.000000e+00> : vector<2x8xf32>
    %c32 = arith.constant 32 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %c4 = arith.constant 4 : index
    %c0 = arith.constant 0 : index
    %alloc = memref.alloc() {alignment = 64 : i64} : memref<4x16x2x8xf32>
    scf.for %arg3 = %c0 to %c4 step %c1 {
      %1 = affine.apply #map(%arg3)
      scf.for %arg4 = %c0 to %c16 step %c1 {
        %2 = affine.apply #map1(%arg4)
        %3 = vector.load %arg1[%2, %1] : memref<32x32xf32>, vector<8xf32>
        %4 = affine.apply #map2(%arg4)
        %5 = vector.load %arg1[%4, %1] : memref<32x32xf32>, vector<8xf32>
        vector.store %3, %alloc[%arg3, %arg4, %c0, %c0] : memref<4x16x2x8xf32>, vector<8xf32>
        vector.store %5, %alloc[%arg3, %arg4, %c1, %c0] : memref<4x16x2x8xf32>, vector<8xf32>
      } {loop_annotation = #loop_annotation}
    } {loop_annotation = #loop_annotation}
    scf.forall (%arg3) in (2) {
      %alloc_1 = memref.alloc() {alignment = 64 : i64} : memref<8x4x2x8xf32>
      scf.for %arg4 = %c0 to %c8 step %c1 {
        scf.for %arg5 = %c0 to %c4 step %c1 {
          vector.store %cst, %alloc_1[%arg4, %arg5, %c0, %c0] : memref<8x4x2x8xf32>, vector<8xf32>
          vector.store %cst, %alloc_1[%arg4, %arg5, %c1, %c0] : memref<8x4x2x8xf32>, vector<8xf32>
        } {loop_annotation = #loop_annotation}
      } {loop_annotation = #loop_annotation}
      %alloc_2 = memref.alloc() {alignment = 64 : i64} : memref<8x8x2x2xf32>
      scf.for %arg4 = %c0 to %c4 step %c2 {
        scf.for %arg5 = %c0 to %c16 step %c8 {
          scf.for %arg6 = %c0 to %c8 step %c1 {
            scf.for %arg7 = %c0 to %c8 step %c1 {
              %1 = affine.apply #map3(%arg5, %arg7)
              %2 = affine.apply #map4(%arg3, %arg6)
              %3 = vector.load %arg0[%2, %1] : memref<32x32xf32>, vector<2xf32>
              %4 = affine.apply #map5(%arg3, %arg6)
              %5 = vector.load %arg0[%4, %1] : memref<32x32xf32>, vector<2xf32>
              vector.store %3, %alloc_2[%arg6, %arg7, %c0, %c0] : memref<8x8x2x2xf32>, vector<2xf32>
              vector.store %5, %alloc_2[%arg6, %arg7, %c1, %c0] : memref<8x8x2x2xf32>, vector<2xf32>
            } {loop_annotation = #loop_annotation}
          } {loop_annotation = #loop_annotation}
          scf.for %arg6 = %c0 to %c2 step %c1 {
            %1 = affine.apply #map6()[%arg4, %arg6]
            scf.for %arg7 = %c0 to %c8 step %c1 {
              %2 = vector.load %alloc_1[%arg7, %1, %c0, %c0] : memref<8x4x2x8xf32>, vector<8xf32>
              %3 = vector.insert %2, %0 [0] : vector<8xf32> into vector<2x8xf32>
              %4 = vector.load %alloc_1[%arg7, %1, %c1, %c0] : memref<8x4x2x8xf32>, vector<8xf32>
              %5 = vector.insert %4, %3 [1] : vector<8xf32> into vector<2x8xf32>
              %6 = scf.for %arg8 = %c0 to %c8 step %c1 iter_args(%arg9 = %5) -> (vector<2x8xf32>) {
                %9 = vector.load %alloc_2[%arg7, %arg8, %c0, %c0] : memref<8x8x2x2xf32>, vector<2xf32>
                %10 = vector.load %alloc_2[%arg7, %arg8, %c1, %c0] : memref<8x8x2x2xf32>, vector<2xf32>
                %11 = affine.apply #map6()[%arg5, %arg8]
                %12 = vector.load %alloc[%1, %11, %c0, %c0] : memref<4x16x2x8xf32>, vector<8xf32>
                %13 = vector.load %alloc[%1, %11, %c1, %c0] : memref<4x16x2x8xf32>, vector<8xf32>
                %14 = vector.extract %9[0] : f32 from vector<2xf32>
                %15 = vector.broadcast %14 : f32 to vector<8xf32>
                %16 = vector.extract %arg9[0] : vector<8xf32> from vector<2x8xf32>
                %17 = vector.fma %15, %12, %16 : vector<8xf32>
                %18 = vector.extract %10[0] : f32 from vector<2xf32>
                %19 = vector.broadcast %18 : f32 to vector<8xf32>
                %20 = vector.extract %arg9[1] : vector<8xf32> from vector<2x8xf32>
                %21 = vector.fma %19, %12, %20 : vector<8xf32>
                %22 = vector.extract %9[1] : f32 from vector<2xf32>
                %23 = vector.broadcast %22 : f32 to vector<8xf32>
                %24 = vector.fma %23, %13, %17 : vector<8xf32>
                %25 = vector.insert %24, %cst_0 [0] : vector<8xf32> into vector<2x8xf32>
                %26 = vector.extract %10[1] : f32 from vector<2xf32>
                %27 = vector.broadcast %26 : f32 to vector<8xf32>
                %28 = vector.fma %27, %13, %21 : vector<8xf32>
                %29 = vector.insert %28, %25 [1] : vector<8xf32> into vector<2x8xf32>
                scf.yield %29 : vector<2x8xf32>
              } {loop_annotation = #loop_annotation}
              %7 = vector.extract %6[0] : vector<8xf32> from vector<2x8xf32>
              vector.store %7, %alloc_1[%arg7, %1, %c0, %c0] : memref<8x4x2x8xf32>, vector<8xf32>
              %8 = vector.extract %6[1] : vector<8xf32> from vector<2x8xf32>
              vector.store %8, %alloc_1[%arg7, %1, %c1, %c0] : memref<8x4x2x8xf32>, vector<8xf32>
            } {loop_annotation = #loop_annotation}
          } {loop_annotation = #loop_annotation}
        } {loop_annotation = #loop_annotation}
      } {loop_annotation = #loop_annotation}
      scf.for %arg4 = %c0 to %c16 step %c2 {
        %1 = affine.apply #map7(%arg4)
        scf.for %arg5 = %c0 to %c32 step %c8 {
          %2 = affine.apply #map8(%arg5)
          %3 = vector.load %alloc_1[%1, %2, %c0, %c0] : memref<8x4x2x8xf32>, vector<8xf32>
          %4 = vector.load %alloc_1[%1, %2, %c1, %c0] : memref<8x4x2x8xf32>, vector<8xf32>
          %5 = affine.apply #map9(%arg3)[%arg4]
          vector.store %3, %arg2[%5, %arg5] : memref<32x32xf32>, vector<8xf32>
          %6 = affine.apply #map10(%arg3)[%arg4]
          vector.store %4, %arg2[%6, %arg5] : memref<32x32xf32>, vector<8xf32>
        } {loop_annotation = #loop_annotation}
      } {loop_annotation = #loop_annotation}
      memref.dealloc %alloc_1 : memref<8x4x2x8xf32>
      memref.dealloc %alloc_2 : memref<8x8x2x2xf32>
    }
    memref.dealloc %alloc : memref<4x16x2x8xf32>
    return
  }
}
