#loop_unroll = #llvm.loop_unroll<disable = true>
#map = affine_map<()[s0, s1] -> (s0 + s1)>
#map1 = affine_map<(d0) -> (d0 + 1)>
#map2 = affine_map<(d0) -> (d0 + 2)>
#map3 = affine_map<()[s0, s1] -> (s0 + s1 + 1)>
#map4 = affine_map<()[s0, s1] -> (s0 + s1 + 2)>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module {
  func.func @conv2d(%arg0: memref<2x6x8x16xf32>, %arg1: memref<3x3x16x16xf32>, %arg2: memref<2x4x6x16xf32>) attributes {llvm.emit_c_interface} {
    %0 = ub.poison : vector<3x16xf32>
    %cst = arith.constant dense<0.000000e+00> : vector<3x16xf32>
    %cst_0 = arith.constant dense<0.000000e+00> : vector<16xf32>
    %c2 = arith.constant 2 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c6 = arith.constant 6 : index
    %c16 = arith.constant 16 : index
    %c0 = arith.constant 0 : index
    scf.forall (%arg3, %arg4) in (2, 4) {
      %alloc = memref.alloc() {alignment = 64 : i64} : memref<1x3x3x16x16xf32>
      scf.for %arg5 = %c0 to %c3 step %c1 {
        scf.for %arg6 = %c0 to %c3 step %c1 {
          scf.for %arg7 = %c0 to %c16 step %c1 {
            %1 = vector.load %arg1[%arg5, %arg6, %arg7, %c0] : memref<3x3x16x16xf32>, vector<16xf32>
            vector.store %1, %alloc[%c0, %arg5, %arg6, %arg7, %c0] : memref<1x3x3x16x16xf32>, vector<16xf32>
          } {loop_annotation = #loop_annotation}
        } {loop_annotation = #loop_annotation}
      } {loop_annotation = #loop_annotation}
      %alloc_1 = memref.alloc() {alignment = 64 : i64} : memref<1x1x1x6x16xf32>
      scf.for %arg5 = %c0 to %c6 step %c3 {
        scf.for %arg6 = %c0 to %c3 step %c1 {
          %15 = affine.apply #map()[%arg5, %arg6]
          vector.store %cst_0, %alloc_1[%c0, %c0, %c0, %15, %c0] : memref<1x1x1x6x16xf32>, vector<16xf32>
        } {loop_annotation = #loop_annotation}
        %1 = vector.load %alloc_1[%c0, %c0, %c0, %arg5, %c0] : memref<1x1x1x6x16xf32>, vector<16xf32>
        %2 = vector.insert %1, %0 [0] : vector<16xf32> into vector<3x16xf32>
        %3 = affine.apply #map1(%arg5)
        %4 = vector.load %alloc_1[%c0, %c0, %c0, %3, %c0] : memref<1x1x1x6x16xf32>, vector<16xf32>
        %5 = vector.insert %4, %2 [1] : vector<16xf32> into vector<3x16xf32>
        %6 = affine.apply #map2(%arg5)
        %7 = vector.load %alloc_1[%c0, %c0, %c0, %6, %c0] : memref<1x1x1x6x16xf32>, vector<16xf32>
        %8 = vector.insert %7, %5 [2] : vector<16xf32> into vector<3x16xf32>
        %9 = scf.for %arg6 = %c0 to %c3 step %c1 iter_args(%arg7 = %8) -> (vector<3x16xf32>) {
          %15 = affine.apply #map()[%arg4, %arg6]
          %16 = scf.for %arg8 = %c0 to %c3 step %c1 iter_args(%arg9 = %arg7) -> (vector<3x16xf32>) {
            %17 = scf.for %arg10 = %c0 to %c16 step %c2 iter_args(%arg11 = %arg9) -> (vector<3x16xf32>) {
              %18 = affine.apply #map()[%arg5, %arg8]
              %19 = vector.load %arg0[%arg3, %15, %18, %arg10] : memref<2x6x8x16xf32>, vector<2xf32>
              %20 = affine.apply #map3()[%arg5, %arg8]
              %21 = vector.load %arg0[%arg3, %15, %20, %arg10] : memref<2x6x8x16xf32>, vector<2xf32>
              %22 = affine.apply #map4()[%arg5, %arg8]
              %23 = vector.load %arg0[%arg3, %15, %22, %arg10] : memref<2x6x8x16xf32>, vector<2xf32>
              %24 = vector.load %alloc[%c0, %arg6, %arg8, %arg10, %c0] : memref<1x3x3x16x16xf32>, vector<16xf32>
              %25 = affine.apply #map1(%arg10)
              %26 = vector.load %alloc[%c0, %arg6, %arg8, %25, %c0] : memref<1x3x3x16x16xf32>, vector<16xf32>
              %27 = vector.extract %arg11[0] : vector<16xf32> from vector<3x16xf32>
              %28 = vector.extract %19[0] : f32 from vector<2xf32>
              %29 = vector.broadcast %28 : f32 to vector<16xf32>
              %30 = vector.fma %24, %29, %27 : vector<16xf32>
              %31 = vector.extract %19[1] : f32 from vector<2xf32>
              %32 = vector.broadcast %31 : f32 to vector<16xf32>
              %33 = vector.fma %26, %32, %30 : vector<16xf32>
              %34 = vector.insert %33, %cst [0] : vector<16xf32> into vector<3x16xf32>
              %35 = vector.extract %arg11[1] : vector<16xf32> from vector<3x16xf32>
              %36 = vector.extract %21[0] : f32 from vector<2xf32>
              %37 = vector.broadcast %36 : f32 to vector<16xf32>
              %38 = vector.fma %24, %37, %35 : vector<16xf32>
              %39 = vector.extract %21[1] : f32 from vector<2xf32>
              %40 = vector.broadcast %39 : f32 to vector<16xf32>
              %41 = vector.fma %26, %40, %38 : vector<16xf32>
              %42 = vector.insert %41, %34 [1] : vector<16xf32> into vector<3x16xf32>
              %43 = vector.extract %arg11[2] : vector<16xf32> from vector<3x16xf32>
              %44 = vector.extract %23[0] : f32 from vector<2xf32>
              %45 = vector.broadcast %44 : f32 to vector<16xf32>
              %46 = vector.fma %24, %45, %43 : vector<16xf32>
              %47 = vector.extract %23[1] : f32 from vector<2xf32>
              %48 = vector.broadcast %47 : f32 to vector<16xf32>
              %49 = vector.fma %26, %48, %46 : vector<16xf32>
              %50 = vector.insert %49, %42 [2] : vector<16xf32> into vector<3x16xf32>
              scf.yield %50 : vector<3x16xf32>
            } {loop_annotation = #loop_annotation}
            scf.yield %17 : vector<3x16xf32>
          } {loop_annotation = #loop_annotation}
          scf.yield %16 : vector<3x16xf32>
        } {loop_annotation = #loop_annotation}
        %10 = vector.extract %9[0] : vector<16xf32> from vector<3x16xf32>
        vector.store %10, %arg2[%arg3, %arg4, %arg5, %c0] : memref<2x4x6x16xf32>, vector<16xf32>
        %11 = affine.apply #map1(%arg5)
        %12 = vector.extract %9[1] : vector<16xf32> from vector<3x16xf32>
        vector.store %12, %arg2[%arg3, %arg4, %11, %c0] : memref<2x4x6x16xf32>, vector<16xf32>
        %13 = affine.apply #map2(%arg5)
        %14 = vector.extract %9[2] : vector<16xf32> from vector<3x16xf32>
        vector.store %14, %arg2[%arg3, %arg4, %13, %c0] : memref<2x4x6x16xf32>, vector<16xf32>
      } {loop_annotation = #loop_annotation}
      memref.dealloc %alloc : memref<1x3x3x16x16xf32>
      memref.dealloc %alloc_1 : memref<1x1x1x6x16xf32>
    }
    return
  }
}
