#loop_unroll = #llvm.loop_unroll<disable = true>
#map = affine_map<(d0) -> (-d0 + 3, 1)>
#map1 = affine_map<(d0) -> (d0 * 2)>
#map2 = affine_map<(d0) -> (d0 * 2 + 1)>
#map3 = affine_map<(d0) -> (-d0 + 5, 2)>
#map4 = affine_map<(d0) -> (2, (d0 floordiv 2) * -2 + 5)>
#map5 = affine_map<(d0) -> (d0 * -2 + 4, 2)>
#map6 = affine_map<(d0) -> ((d0 floordiv 2) * 2)>
#map7 = affine_map<(d0) -> ((d0 floordiv 2) * 2 + 1)>
#map8 = affine_map<()[s0] -> ((s0 floordiv 2) * 2)>
#map9 = affine_map<(d0) -> (d0 floordiv 2)>
#map10 = affine_map<()[s0, s1] -> (s0 + s1)>
#map11 = affine_map<()[s0, s1] -> (s0 + s1 + 1)>
#map12 = affine_map<(d0)[s0] -> (-d0 + s0)>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module {
  func.func @batch_matmul(%arg0: memref<3x5x4xf32>, %arg1: memref<3x4x8xf32>, %arg2: memref<3x5x8xf32>) attributes {llvm.emit_c_interface} {
    %cst = arith.constant dense<true> : vector<8xi1>
    %cst_0 = arith.constant dense<0.000000e+00> : vector<2xf32>
    %cst_1 = arith.constant dense<[0, 1]> : vector<2xi64>
    %cst_2 = arith.constant dense<false> : vector<8xi1>
    %cst_3 = arith.constant dense<false> : vector<2x2xi1>
    %cst_4 = arith.constant dense<false> : vector<2xi1>
    %c5 = arith.constant 5 : index
    %cst_5 = arith.constant dense<0.000000e+00> : vector<2x8xf32>
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c0 = arith.constant 0 : index
    scf.forall (%arg3) in (3) {
      %0 = affine.min #map(%arg3)
      %alloc = memref.alloc() {alignment = 64 : i64} : memref<1x1x2x2x8xf32>
      scf.for %arg4 = %c0 to %c2 step %c1 {
        %1 = affine.apply #map1(%arg4)
        %2 = vector.load %arg1[%arg3, %1, %c0] : memref<3x4x8xf32>, vector<8xf32>
        %3 = affine.apply #map2(%arg4)
        %4 = vector.load %arg1[%arg3, %3, %c0] : memref<3x4x8xf32>, vector<8xf32>
        vector.store %2, %alloc[%c0, %c0, %arg4, %c0, %c0] : memref<1x1x2x2x8xf32>, vector<8xf32>
        vector.store %4, %alloc[%c0, %c0, %arg4, %c1, %c0] : memref<1x1x2x2x8xf32>, vector<8xf32>
      } {loop_annotation = #loop_annotation}
      %alloc_6 = memref.alloc() {alignment = 64 : i64} : memref<1x1x1x2x8xf32>
      scf.for %arg4 = %c0 to %c5 step %c2 {
        %1 = affine.min #map3(%arg4)
        %2 = affine.min #map4(%arg4)
        %3 = scf.for %arg5 = %c0 to %c2 step %c1 iter_args(%arg6 = %cst_5) -> (vector<2x8xf32>) {
          %7 = affine.min #map5(%arg5)
          %8 = arith.index_cast %7 : index to i64
          %9 = vector.broadcast %8 : i64 to vector<2xi64>
          %10 = arith.cmpi sgt, %9, %cst_1 : vector<2xi64>
          %11 = arith.cmpi sgt, %2, %c0 : index
          %12 = arith.select %11, %10, %cst_4 : vector<2xi1>
          %13 = vector.insert %12, %cst_3 [0] : vector<2xi1> into vector<2x2xi1>
          %14 = arith.cmpi sgt, %2, %c1 : index
          %15 = arith.select %14, %10, %cst_4 : vector<2xi1>
          %16 = vector.insert %15, %13 [1] : vector<2xi1> into vector<2x2xi1>
          %17 = arith.cmpi sgt, %0, %c0 : index
          %18 = arith.select %17, %16, %cst_3 : vector<2x2xi1>
          %19 = affine.apply #map1(%arg5)
          %20 = affine.apply #map6(%arg4)
          %21 = vector.extract %18[0] : vector<2xi1> from vector<2x2xi1>
          %22 = vector.maskedload %arg0[%arg3, %20, %19], %21, %cst_0 : memref<3x5x4xf32>, vector<2xi1>, vector<2xf32> into vector<2xf32>
          %23 = affine.apply #map7(%arg4)
          %24 = vector.extract %18[1] : vector<2xi1> from vector<2x2xi1>
          %25 = vector.maskedload %arg0[%arg3, %23, %19], %24, %cst_0 : memref<3x5x4xf32>, vector<2xi1>, vector<2xf32> into vector<2xf32>
          %26 = vector.load %alloc[%c0, %c0, %arg5, %c0, %c0] : memref<1x1x2x2x8xf32>, vector<8xf32>
          %27 = vector.load %alloc[%c0, %c0, %arg5, %c1, %c0] : memref<1x1x2x2x8xf32>, vector<8xf32>
          %28 = vector.extract %22[0] : f32 from vector<2xf32>
          %29 = vector.broadcast %28 : f32 to vector<8xf32>
          %30 = vector.extract %arg6[0] : vector<8xf32> from vector<2x8xf32>
          %31 = vector.fma %29, %26, %30 : vector<8xf32>
          %32 = vector.extract %25[0] : f32 from vector<2xf32>
          %33 = vector.broadcast %32 : f32 to vector<8xf32>
          %34 = vector.extract %arg6[1] : vector<8xf32> from vector<2x8xf32>
          %35 = vector.fma %33, %26, %34 : vector<8xf32>
          %36 = vector.extract %22[1] : f32 from vector<2xf32>
          %37 = vector.broadcast %36 : f32 to vector<8xf32>
          %38 = vector.fma %37, %27, %31 : vector<8xf32>
          %39 = vector.insert %38, %cst_5 [0] : vector<8xf32> into vector<2x8xf32>
          %40 = vector.extract %25[1] : f32 from vector<2xf32>
          %41 = vector.broadcast %40 : f32 to vector<8xf32>
          %42 = vector.fma %41, %27, %35 : vector<8xf32>
          %43 = vector.insert %42, %39 [1] : vector<8xf32> into vector<2x8xf32>
          scf.yield %43 : vector<2x8xf32>
        } {loop_annotation = #loop_annotation}
        %4 = vector.extract %3[0] : vector<8xf32> from vector<2x8xf32>
        vector.store %4, %alloc_6[%c0, %c0, %c0, %c0, %c0] : memref<1x1x1x2x8xf32>, vector<8xf32>
        %5 = vector.extract %3[1] : vector<8xf32> from vector<2x8xf32>
        vector.store %5, %alloc_6[%c0, %c0, %c0, %c1, %c0] : memref<1x1x1x2x8xf32>, vector<8xf32>
        %6 = affine.apply #map8()[%1]
        scf.for %arg5 = %c0 to %6 step %c2 {
          %7 = affine.apply #map9(%arg5)
          %8 = vector.load %alloc_6[%c0, %7, %c0, %c0, %c0] : memref<1x1x1x2x8xf32>, vector<8xf32>
          %9 = vector.load %alloc_6[%c0, %7, %c0, %c1, %c0] : memref<1x1x1x2x8xf32>, vector<8xf32>
          %10 = affine.apply #map10()[%arg4, %arg5]
          vector.store %8, %arg2[%arg3, %10, %c0] : memref<3x5x8xf32>, vector<8xf32>
          %11 = affine.apply #map11()[%arg4, %arg5]
          vector.store %9, %arg2[%arg3, %11, %c0] : memref<3x5x8xf32>, vector<8xf32>
        } {loop_annotation = #loop_annotation}
        scf.for %arg5 = %6 to %1 step %c2 {
          %7 = affine.apply #map12(%arg5)[%1]
          %8 = affine.apply #map9(%arg5)
          %9 = vector.load %alloc_6[%c0, %8, %c0, %c0, %c0] : memref<1x1x1x2x8xf32>, vector<8xf32>
          %10 = vector.load %alloc_6[%c0, %8, %c0, %c1, %c0] : memref<1x1x1x2x8xf32>, vector<8xf32>
          %11 = arith.cmpi sgt, %7, %c0 : index
          %12 = arith.select %11, %cst, %cst_2 : vector<8xi1>
          %13 = arith.cmpi sgt, %7, %c1 : index
          %14 = arith.select %13, %cst, %cst_2 : vector<8xi1>
          %15 = affine.apply #map10()[%arg4, %arg5]
          vector.maskedstore %arg2[%arg3, %15, %c0], %12, %9 : memref<3x5x8xf32>, vector<8xi1>, vector<8xf32>
          %16 = affine.apply #map11()[%arg4, %arg5]
          vector.maskedstore %arg2[%arg3, %16, %c0], %14, %10 : memref<3x5x8xf32>, vector<8xi1>, vector<8xf32>
        } {loop_annotation = #loop_annotation}
      } {loop_annotation = #loop_annotation}
      memref.dealloc %alloc : memref<1x1x2x2x8xf32>
      memref.dealloc %alloc_6 : memref<1x1x1x2x8xf32>
    }
    return
  }
}
