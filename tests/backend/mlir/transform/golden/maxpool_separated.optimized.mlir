#loop_unroll = #llvm.loop_unroll<disable = true>
#map = affine_map<(d0) -> (d0 * 2)>
#map1 = affine_map<(d0) -> (d0 * 2 + 1)>
#map2 = affine_map<(d0) -> (d0 * 2 + 2)>
#map3 = affine_map<(d0, d1) -> (d0 * 2 + d1)>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module {
  func.func @maxpool(%arg0: memref<4x7x20xf32>, %arg1: memref<4x3x9xf32>) attributes {llvm.emit_c_interface} {
    %c3 = arith.constant 3 : index
    %c9 = arith.constant 9 : index
    %c1 = arith.constant 1 : index
    %cst = arith.constant dense<0xFF800000> : vector<1xf32>
    %cst_0 = arith.constant dense<0xFF800000> : vector<8xf32>
    %cst_1 = arith.constant dense<0xFF800000> : vector<3xf32>
    %cst_2 = arith.constant dense<0xFF800000> : vector<16xf32>
    %c8 = arith.constant 8 : index
    %c16 = arith.constant 16 : index
    %c0 = arith.constant 0 : index
    scf.forall (%arg2, %arg3) in (4, 3) {
      %alloca = memref.alloca() {alignment = 64 : i64} : memref<1x1x16xf32>
      vector.store %cst_2, %alloca[%c0, %c0, %c0] : memref<1x1x16xf32>, vector<16xf32>
      %alloca_3 = memref.alloca() {alignment = 64 : i64} : memref<1x1x19xf32>
      %subview = memref.subview %alloca_3[0, 0, 0] [1, 1, 16] [1, 1, 1] : memref<1x1x19xf32> to memref<1x1x16xf32, strided<[19, 19, 1]>>
      scf.for %arg4 = %c0 to %c1 step %c1 {
        scf.for %arg5 = %c0 to %c1 step %c1 {
          scf.for %arg6 = %c0 to %c16 step %c1 {
            %10 = memref.load %alloca[%arg4, %arg5, %arg6] : memref<1x1x16xf32>
            memref.store %10, %subview[%arg4, %arg5, %arg6] : memref<1x1x16xf32, strided<[19, 19, 1]>>
          }
        } {loop_annotation = #loop_annotation}
      } {loop_annotation = #loop_annotation}
      vector.store %cst_1, %alloca_3[%c0, %c0, %c16] : memref<1x1x19xf32>, vector<3xf32>
      %0 = affine.apply #map(%arg3)
      %1 = affine.apply #map1(%arg3)
      %2 = affine.apply #map2(%arg3)
      scf.for %arg4 = %c0 to %c16 step %c8 {
        %10 = vector.load %arg0[%arg2, %0, %arg4] : memref<4x7x20xf32>, vector<8xf32>
        %11 = vector.load %alloca_3[%c0, %c0, %arg4] : memref<1x1x19xf32>, vector<8xf32>
        %12 = arith.maximumf %10, %11 : vector<8xf32>
        %13 = vector.load %arg0[%arg2, %1, %arg4] : memref<4x7x20xf32>, vector<8xf32>
        %14 = arith.maximumf %13, %12 : vector<8xf32>
        %15 = vector.load %arg0[%arg2, %2, %arg4] : memref<4x7x20xf32>, vector<8xf32>
        %16 = arith.maximumf %15, %14 : vector<8xf32>
        vector.store %16, %alloca_3[%c0, %c0, %arg4] : memref<1x1x19xf32>, vector<8xf32>
      }
      %3 = vector.load %arg0[%arg2, %0, %c16] : memref<4x7x20xf32>, vector<3xf32>
      %4 = vector.load %alloca_3[%c0, %c0, %c16] : memref<1x1x19xf32>, vector<3xf32>
      %5 = arith.maximumf %3, %4 : vector<3xf32>
      %6 = vector.load %arg0[%arg2, %1, %c16] : memref<4x7x20xf32>, vector<3xf32>
      %7 = arith.maximumf %6, %5 : vector<3xf32>
      %8 = vector.load %arg0[%arg2, %2, %c16] : memref<4x7x20xf32>, vector<3xf32>
      %9 = arith.maximumf %8, %7 : vector<3xf32>
      vector.store %9, %alloca_3[%c0, %c0, %c16] : memref<1x1x19xf32>, vector<3xf32>
      vector.store %cst_0, %arg1[%arg2, %arg3, %c0] : memref<4x3x9xf32>, vector<8xf32>
      vector.store %cst, %arg1[%arg2, %arg3, %c8] : memref<4x3x9xf32>, vector<1xf32>
      %subview_4 = memref.subview %alloca_3[0, 0, 0] [1, 1, 19] [1, 1, 1] : memref<1x1x19xf32> to memref<19xf32, strided<[1]>>
      %subview_5 = memref.subview %arg1[%arg2, %arg3, 0] [1, 1, 9] [1, 1, 1] : memref<4x3x9xf32> to memref<9xf32, strided<[1], offset: ?>>
      scf.for %arg4 = %c0 to %c9 step %c1 {
        scf.for %arg5 = %c0 to %c3 step %c1 {
          %10 = affine.apply #map3(%arg4, %arg5)
          %11 = memref.load %subview_4[%10] : memref<19xf32, strided<[1]>>
          %12 = memref.load %subview_5[%arg4] : memref<9xf32, strided<[1], offset: ?>>
          %13 = arith.maximumf %11, %12 : f32
          memref.store %13, %subview_5[%arg4] : memref<9xf32, strided<[1], offset: ?>>
        }
      }
    }
    return
  }
}
