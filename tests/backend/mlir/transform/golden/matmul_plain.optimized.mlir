#loop_unroll = #llvm.loop_unroll<disable = true>
#map = affine_map<(d0) -> ((d0 floordiv 8) * 8)>
#map1 = affine_map<(d0) -> (d0 * 2)>
#map2 = affine_map<(d0) -> ((d0 floordiv 2) * 2)>
#map3 = affine_map<(d0) -> ((d0 floordiv 2) * 2 + 1)>
#map4 = affine_map<(d0) -> (d0 * 2 + 1)>
#map5 = affine_map<(d0) -> (d0 + 1)>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module {
  func.func @matmul(%arg0: memref<8x8xf32>, %arg1: memref<8x16xf32>, %arg2: memref<8x16xf32>) attributes {llvm.emit_c_interface} {
    %cst = arith.constant dense<0.000000e+00> : vector<2x8xf32>
    %c4 = arith.constant 4 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    %c16 = arith.constant 16 : index
    %c0 = arith.constant 0 : index
    scf.for %arg3 = %c0 to %c16 step %c8 {
      %0 = affine.apply #map(%arg3)
      scf.for %arg4 = %c0 to %c8 step %c2 {
        %1 = scf.for %arg5 = %c0 to %c4 step %c1 iter_args(%arg6 = %cst) -> (vector<2x8xf32>) {
          %5 = affine.apply #map1(%arg5)
          %6 = affine.apply #map2(%arg4)
          %7 = vector.load %arg0[%6, %5] : memref<8x8xf32>, vector<2xf32>
          %8 = affine.apply #map3(%arg4)
          %9 = vector.load %arg0[%8, %5] : memref<8x8xf32>, vector<2xf32>
          %10 = affine.apply #map1(%arg5)
          %11 = vector.load %arg1[%10, %0] : memref<8x16xf32>, vector<8xf32>
          %12 = affine.apply #map4(%arg5)
          %13 = vector.load %arg1[%12, %0] : memref<8x16xf32>, vector<8xf32>
          %14 = vector.extract %7[0] : f32 from vector<2xf32>
          %15 = vector.broadcast %14 : f32 to vector<8xf32>
          %16 = vector.extract %arg6[0] : vector<8xf32> from vector<2x8xf32>
          %17 = vector.fma %15, %11, %16 : vector<8xf32>
          %18 = vector.extract %9[0] : f32 from vector<2xf32>
          %19 = vector.broadcast %18 : f32 to vector<8xf32>
          %20 = vector.extract %arg6[1] : vector<8xf32> from vector<2x8xf32>
          %21 = vector.fma %19, %11, %20 : vector<8xf32>
          %22 = vector.extract %7[1] : f32 from vector<2xf32>
          %23 = vector.broadcast %22 : f32 to vector<8xf32>
          %24 = vector.fma %23, %13, %17 : vector<8xf32>
          %25 = vector.insert %24, %cst [0] : vector<8xf32> into vector<2x8xf32>
          %26 = vector.extract %9[1] : f32 from vector<2xf32>
          %27 = vector.broadcast %26 : f32 to vector<8xf32>
          %28 = vector.fma %27, %13, %21 : vector<8xf32>
          %29 = vector.insert %28, %25 [1] : vector<8xf32> into vector<2x8xf32>
          scf.yield %29 : vector<2x8xf32>
        } {loop_annotation = #loop_annotation}
        %2 = vector.extract %1[0] : vector<8xf32> from vector<2x8xf32>
        vector.store %2, %arg2[%arg4, %arg3] : memref<8x16xf32>, vector<8xf32>
        %3 = affine.apply #map5(%arg4)
        %4 = vector.extract %1[1] : vector<8xf32> from vector<2x8xf32>
        vector.store %4, %arg2[%3, %arg3] : memref<8x16xf32>, vector<8xf32>
      } {loop_annotation = #loop_annotation}
    } {loop_annotation = #loop_annotation}
    return
  }
}
