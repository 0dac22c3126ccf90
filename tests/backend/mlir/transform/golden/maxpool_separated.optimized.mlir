#loop_unroll = #llvm.loop_unroll<disable = true>
#map = affine_map<(d0) -> (d0 * 2)>
#map1 = affine_map<(d0) -> (d0 * 2 + 1)>
#map2 = affine_map<(d0) -> (d0 * 2 + 2)>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module {
  func.func @maxpool(%arg0: memref<2x2x7x20xf32>, %arg1: memref<2x2x3x9xf32>) attributes {llvm.emit_c_interface} {
    %c9 = arith.constant 9 : index
    %cst = arith.constant dense<0xFF800000> : vector<1xf32>
    %cst_0 = arith.constant dense<0xFF800000> : vector<8xf32>
    %cst_1 = arith.constant dense<0xFF800000> : vector<3xf32>
    %cst_2 = arith.constant dense<0xFF800000> : vector<16xf32>
    %c8 = arith.constant 8 : index
    %c16 = arith.constant 16 : index
    %c3 = arith.constant 3 : index
    %c1 = arith.constant 1 : index
    %c0 = arith.constant 0 : index
    scf.forall (%arg2, %arg3) in (2, 2) {
      %alloca = memref.alloca() {alignment = 64 : i64} : memref<1x1x3x19xf32>
      scf.for %arg4 = %c0 to %c3 step %c1 {
        vector.store %cst_2, %alloca[%c0, %c0, %arg4, %c0] : memref<1x1x3x19xf32>, vector<16xf32>
        vector.store %cst_1, %alloca[%c0, %c0, %arg4, %c16] : memref<1x1x3x19xf32>, vector<3xf32>
      } {llvm.loop_annotation = #loop_annotation}
      scf.for %arg4 = %c0 to %c3 step %c1 {
        scf.for %arg5 = %c0 to %c16 step %c8 {
          %10 = affine.apply #map(%arg4)
          %11 = vector.load %arg0[%arg2, %arg3, %10, %arg5] : memref<2x2x7x20xf32>, vector<8xf32>
          %12 = affine.apply #map1(%arg4)
          %13 = vector.load %arg0[%arg2, %arg3, %12, %arg5] : memref<2x2x7x20xf32>, vector<8xf32>
          %14 = affine.apply #map2(%arg4)
          %15 = vector.load %arg0[%arg2, %arg3, %14, %arg5] : memref<2x2x7x20xf32>, vector<8xf32>
          %16 = vector.load %alloca[%c0, %c0, %arg4, %arg5] : memref<1x1x3x19xf32>, vector<8xf32>
          %17 = arith.maximumf %11, %16 : vector<8xf32>
          %18 = arith.maximumf %13, %17 : vector<8xf32>
          %19 = arith.maximumf %15, %18 : vector<8xf32>
          vector.store %19, %alloca[%c0, %c0, %arg4, %arg5] : memref<1x1x3x19xf32>, vector<8xf32>
        } {llvm.loop_annotation = #loop_annotation}
        %0 = affine.apply #map(%arg4)
        %1 = vector.load %arg0[%arg2, %arg3, %0, %c16] : memref<2x2x7x20xf32>, vector<3xf32>
        %2 = affine.apply #map1(%arg4)
        %3 = vector.load %arg0[%arg2, %arg3, %2, %c16] : memref<2x2x7x20xf32>, vector<3xf32>
        %4 = affine.apply #map2(%arg4)
        %5 = vector.load %arg0[%arg2, %arg3, %4, %c16] : memref<2x2x7x20xf32>, vector<3xf32>
        %6 = vector.load %alloca[%c0, %c0, %arg4, %c16] : memref<1x1x3x19xf32>, vector<3xf32>
        %7 = arith.maximumf %1, %6 : vector<3xf32>
        %8 = arith.maximumf %3, %7 : vector<3xf32>
        %9 = arith.maximumf %5, %8 : vector<3xf32>
        vector.store %9, %alloca[%c0, %c0, %arg4, %c16] : memref<1x1x3x19xf32>, vector<3xf32>
      } {llvm.loop_annotation = #loop_annotation}
      scf.for %arg4 = %c0 to %c3 step %c1 {
        vector.store %cst_0, %arg1[%arg2, %arg3, %arg4, %c0] : memref<2x2x3x9xf32>, vector<8xf32>
        vector.store %cst, %arg1[%arg2, %arg3, %arg4, %c8] : memref<2x2x3x9xf32>, vector<1xf32>
      } {llvm.loop_annotation = #loop_annotation}
      scf.for %arg4 = %c0 to %c3 step %c1 {
        %subview = memref.subview %arg1[%arg2, %arg3, %arg4, 0] [1, 1, 1, 9] [1, 1, 1, 1] : memref<2x2x3x9xf32> to memref<9xf32, strided<[1], offset: ?>>
        scf.for %arg5 = %c0 to %c3 step %c1 {
          %subview_3 = memref.subview %alloca[0, 0, %arg4, %arg5] [1, 1, 1, 17] [1, 1, 1, 1] : memref<1x1x3x19xf32> to memref<17xf32, strided<[1], offset: ?>>
          scf.for %arg6 = %c0 to %c9 step %c1 {
            %0 = affine.apply #map(%arg6)
            %1 = memref.load %subview_3[%0] : memref<17xf32, strided<[1], offset: ?>>
            %2 = memref.load %subview[%arg6] : memref<9xf32, strided<[1], offset: ?>>
            %3 = arith.maximumf %1, %2 : f32
            memref.store %3, %subview[%arg6] : memref<9xf32, strided<[1], offset: ?>>
          } {llvm.loop_annotation = #loop_annotation}
        } {llvm.loop_annotation = #loop_annotation}
      } {llvm.loop_annotation = #loop_annotation}
    }
    return
  }
}
