#loop_unroll = #llvm.loop_unroll<disable = true>
#map = affine_map<(d0)[s0] -> (d0 * 4 + s0)>
#loop_annotation = #llvm.loop_annotation<unroll = #loop_unroll>
module {
  func.func @softmax(%arg0: memref<8x32xf32>, %arg1: memref<8x32xf32>) attributes {llvm.emit_c_interface} {
    %cst = arith.constant dense<0.000000e+00> : vector<1xf32>
    %cst_0 = arith.constant dense<0.000000e+00> : vector<8xf32>
    %cst_1 = arith.constant dense<0xFF800000> : vector<8xf32>
    %cst_2 = arith.constant dense<0.000000e+00> : vector<4xf32>
    %cst_3 = arith.constant dense<23> : vector<8xi32>
    %cst_4 = arith.constant dense<1.000000e+00> : vector<8xf32>
    %cst_5 = arith.constant dense<5.000000e-01> : vector<8xf32>
    %cst_6 = arith.constant dense<0.124999985> : vector<8xf32>
    %cst_7 = arith.constant dense<0.0208331514> : vector<8xf32>
    %cst_8 = arith.constant dense<0.00260426663> : vector<8xf32>
    %cst_9 = arith.constant dense<2.61521374E-4> : vector<8xf32>
    %cst_10 = arith.constant dense<2.15952277E-5> : vector<8xf32>
    %cst_11 = arith.constant dense<-2.85721353E-6> : vector<8xf32>
    %cst_12 = arith.constant dense<-1.3862915> : vector<8xf32>
    %cst_13 = arith.constant dense<0x4B40007F> : vector<8xf32>
    %cst_14 = arith.constant dense<0.72134751> : vector<8xf32>
    %cst_15 = arith.constant dense<8.900000e+01> : vector<8xf32>
    %cst_16 = arith.constant dense<-1.040000e+02> : vector<8xf32>
    %cst_17 = arith.constant dense<0xFF800000> : vector<4xf32>
    %c8 = arith.constant 8 : index
    %c32 = arith.constant 32 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c0 = arith.constant 0 : index
    scf.forall (%arg2) in (2) {
      %alloca = memref.alloca() {alignment = 64 : i64} : memref<4xf32>
      vector.store %cst_17, %alloca[%c0] : memref<4xf32>, vector<4xf32>
      scf.for %arg3 = %c0 to %c4 step %c1 {
        %0 = affine.apply #map(%arg2)[%arg3]
        %1 = scf.for %arg4 = %c0 to %c32 step %c8 iter_args(%arg5 = %cst_1) -> (vector<8xf32>) {
          %6 = vector.load %arg0[%0, %arg4] : memref<8x32xf32>, vector<8xf32>
          %7 = arith.maximumf %arg5, %6 : vector<8xf32>
          scf.yield %7 : vector<8xf32>
        }
        %2 = vector.load %alloca[%arg3] : memref<4xf32>, vector<1xf32>
        %3 = vector.extract %2[0] : f32 from vector<1xf32>
        %4 = vector.reduction <maximumf>, %1, %3 : vector<8xf32> into f32
        %5 = vector.insert %4, %cst [0] : f32 into vector<1xf32>
        vector.store %5, %alloca[%arg3] : memref<4xf32>, vector<1xf32>
      } {loop_annotation = #loop_annotation}
      %alloca_18 = memref.alloca() {alignment = 64 : i64} : memref<4x32xf32>
      scf.for %arg3 = %c0 to %c4 step %c1 {
        %0 = affine.apply #map(%arg2)[%arg3]
        %1 = vector.load %alloca[%arg3] : memref<4xf32>, vector<f32>
        %2 = vector.extract %1[] : f32 from vector<f32>
        %3 = vector.broadcast %2 : f32 to vector<8xf32>
        scf.for %arg4 = %c0 to %c32 step %c8 {
          %4 = vector.load %arg0[%0, %arg4] : memref<8x32xf32>, vector<8xf32>
          %5 = arith.subf %4, %3 : vector<8xf32>
          %6 = arith.cmpf olt, %5, %cst_16 : vector<8xf32>
          %7 = arith.select %6, %cst_16, %5 : vector<8xi1>, vector<8xf32>
          %8 = arith.cmpf ogt, %7, %cst_15 : vector<8xf32>
          %9 = arith.select %8, %cst_15, %7 : vector<8xi1>, vector<8xf32>
          %10 = math.fma %9, %cst_14, %cst_13 : vector<8xf32>
          %11 = arith.subf %10, %cst_13 : vector<8xf32>
          %12 = math.fma %11, %cst_12, %9 : vector<8xf32>
          %13 = math.fma %11, %cst_11, %12 : vector<8xf32>
          %14 = math.fma %cst_10, %13, %cst_9 : vector<8xf32>
          %15 = math.fma %14, %13, %cst_8 : vector<8xf32>
          %16 = math.fma %15, %13, %cst_7 : vector<8xf32>
          %17 = math.fma %16, %13, %cst_6 : vector<8xf32>
          %18 = math.fma %17, %13, %cst_5 : vector<8xf32>
          %19 = math.fma %18, %13, %cst_4 : vector<8xf32>
          %20 = arith.bitcast %10 : vector<8xf32> to vector<8xi32>
          %21 = arith.shli %20, %cst_3 : vector<8xi32>
          %22 = arith.bitcast %21 : vector<8xi32> to vector<8xf32>
          %23 = arith.mulf %19, %22 : vector<8xf32>
          %24 = arith.mulf %23, %23 : vector<8xf32>
          vector.store %24, %alloca_18[%arg3, %arg4] : memref<4x32xf32>, vector<8xf32>
        }
      }
      %alloca_19 = memref.alloca() {alignment = 64 : i64} : memref<4xf32>
      vector.store %cst_2, %alloca_19[%c0] : memref<4xf32>, vector<4xf32>
      scf.for %arg3 = %c0 to %c4 step %c1 {
        %0 = scf.for %arg4 = %c0 to %c32 step %c8 iter_args(%arg5 = %cst_0) -> (vector<8xf32>) {
          %5 = vector.load %alloca_18[%arg3, %arg4] : memref<4x32xf32>, vector<8xf32>
          %6 = arith.addf %arg5, %5 : vector<8xf32>
          scf.yield %6 : vector<8xf32>
        }
        %1 = vector.load %alloca_19[%arg3] : memref<4xf32>, vector<1xf32>
        %2 = vector.extract %1[0] : f32 from vector<1xf32>
        %3 = vector.reduction <add>, %0, %2 : vector<8xf32> into f32
        %4 = vector.insert %3, %cst [0] : f32 into vector<1xf32>
        vector.store %4, %alloca_19[%arg3] : memref<4xf32>, vector<1xf32>
      }
      scf.for %arg3 = %c0 to %c4 step %c1 {
        %0 = affine.apply #map(%arg2)[%arg3]
        %1 = vector.load %alloca_19[%arg3] : memref<4xf32>, vector<f32>
        %2 = vector.extract %1[] : f32 from vector<f32>
        %3 = vector.broadcast %2 : f32 to vector<8xf32>
        scf.for %arg4 = %c0 to %c32 step %c8 {
          %4 = vector.load %alloca_18[%arg3, %arg4] : memref<4x32xf32>, vector<8xf32>
          %5 = arith.divf %4, %3 : vector<8xf32>
          vector.store %5, %arg1[%0, %arg4] : memref<8x32xf32>, vector<8xf32>
        }
      }
    }
    return
  }
}
