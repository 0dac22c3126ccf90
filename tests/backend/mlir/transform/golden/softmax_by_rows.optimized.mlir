#map = affine_map<(d0) -> (d0 * 4)>
#map1 = affine_map<(d0) -> (d0 * 4 + 1)>
#map2 = affine_map<(d0) -> (d0 * 4 + 2)>
#map3 = affine_map<(d0) -> (d0 * 4 + 3)>
#map4 = affine_map<(d0)[s0] -> (d0 * 4 + s0)>
module {
  func.func @softmax(%arg0: memref<8x32xf32>, %arg1: memref<8x32xf32>) attributes {llvm.emit_c_interface} {
    %c3 = arith.constant 3 : index
    %c2 = arith.constant 2 : index
    %0 = ub.poison : vector<4x8xf32>
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 0xFF800000 : f32
    %cst_1 = arith.constant dense<0.000000e+00> : vector<4xf32>
    %cst_2 = arith.constant dense<0.000000e+00> : vector<4x8xf32>
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
    %cst_17 = arith.constant dense<0xFF800000> : vector<4x8xf32>
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c8 = arith.constant 8 : index
    %c32 = arith.constant 32 : index
    %c0 = arith.constant 0 : index
    scf.forall (%arg2) in (2) {
      %1 = scf.for %arg3 = %c0 to %c32 step %c8 iter_args(%arg4 = %cst_17) -> (vector<4x8xf32>) {
        %27 = affine.apply #map(%arg2)
        %28 = vector.load %arg0[%27, %arg3] : memref<8x32xf32>, vector<8xf32>
        %29 = vector.insert %28, %0 [0] : vector<8xf32> into vector<4x8xf32>
        %30 = affine.apply #map1(%arg2)
        %31 = vector.load %arg0[%30, %arg3] : memref<8x32xf32>, vector<8xf32>
        %32 = vector.insert %31, %29 [1] : vector<8xf32> into vector<4x8xf32>
        %33 = affine.apply #map2(%arg2)
        %34 = vector.load %arg0[%33, %arg3] : memref<8x32xf32>, vector<8xf32>
        %35 = vector.insert %34, %32 [2] : vector<8xf32> into vector<4x8xf32>
        %36 = affine.apply #map3(%arg2)
        %37 = vector.load %arg0[%36, %arg3] : memref<8x32xf32>, vector<8xf32>
        %38 = vector.insert %37, %35 [3] : vector<8xf32> into vector<4x8xf32>
        %39 = arith.maximumf %arg4, %38 : vector<4x8xf32>
        scf.yield %39 : vector<4x8xf32>
      }
      %2 = vector.extract %1[0] : vector<8xf32> from vector<4x8xf32>
      %3 = vector.reduction <maximumf>, %2, %cst_0 fastmath<reassoc> : vector<8xf32> into f32
      %4 = vector.insert %3, %cst_1 [0] : f32 into vector<4xf32>
      %5 = vector.extract %1[1] : vector<8xf32> from vector<4x8xf32>
      %6 = vector.reduction <maximumf>, %5, %cst_0 fastmath<reassoc> : vector<8xf32> into f32
      %7 = vector.insert %6, %4 [1] : f32 into vector<4xf32>
      %8 = vector.extract %1[2] : vector<8xf32> from vector<4x8xf32>
      %9 = vector.reduction <maximumf>, %8, %cst_0 fastmath<reassoc> : vector<8xf32> into f32
      %10 = vector.insert %9, %7 [2] : f32 into vector<4xf32>
      %11 = vector.extract %1[3] : vector<8xf32> from vector<4x8xf32>
      %12 = vector.reduction <maximumf>, %11, %cst_0 fastmath<reassoc> : vector<8xf32> into f32
      %13 = vector.insert %12, %10 [3] : f32 into vector<4xf32>
      %alloca = memref.alloca() {alignment = 64 : i64} : memref<4xf32>
      vector.store %13, %alloca[%c0] : memref<4xf32>, vector<4xf32>
      %alloca_18 = memref.alloca() {alignment = 64 : i64} : memref<4x32xf32>
      scf.for %arg3 = %c0 to %c4 step %c1 {
        %27 = affine.apply #map4(%arg2)[%arg3]
        %28 = vector.load %alloca[%arg3] : memref<4xf32>, vector<f32>
        %29 = vector.extract %28[] : f32 from vector<f32>
        %30 = vector.broadcast %29 : f32 to vector<8xf32>
        scf.for %arg4 = %c0 to %c32 step %c8 {
          %31 = vector.load %arg0[%27, %arg4] : memref<8x32xf32>, vector<8xf32>
          %32 = arith.subf %31, %30 : vector<8xf32>
          %33 = arith.cmpf olt, %32, %cst_16 : vector<8xf32>
          %34 = arith.select %33, %cst_16, %32 : vector<8xi1>, vector<8xf32>
          %35 = arith.cmpf ogt, %34, %cst_15 : vector<8xf32>
          %36 = arith.select %35, %cst_15, %34 : vector<8xi1>, vector<8xf32>
          %37 = math.fma %36, %cst_14, %cst_13 : vector<8xf32>
          %38 = arith.subf %37, %cst_13 : vector<8xf32>
          %39 = math.fma %38, %cst_12, %36 : vector<8xf32>
          %40 = math.fma %38, %cst_11, %39 : vector<8xf32>
          %41 = math.fma %cst_10, %40, %cst_9 : vector<8xf32>
          %42 = math.fma %41, %40, %cst_8 : vector<8xf32>
          %43 = math.fma %42, %40, %cst_7 : vector<8xf32>
          %44 = math.fma %43, %40, %cst_6 : vector<8xf32>
          %45 = math.fma %44, %40, %cst_5 : vector<8xf32>
          %46 = math.fma %45, %40, %cst_4 : vector<8xf32>
          %47 = arith.bitcast %37 : vector<8xf32> to vector<8xi32>
          %48 = arith.shli %47, %cst_3 : vector<8xi32>
          %49 = arith.bitcast %48 : vector<8xi32> to vector<8xf32>
          %50 = arith.mulf %46, %49 : vector<8xf32>
          %51 = arith.mulf %50, %50 : vector<8xf32>
          vector.store %51, %alloca_18[%arg3, %arg4] : memref<4x32xf32>, vector<8xf32>
        }
      }
      %14 = scf.for %arg3 = %c0 to %c32 step %c8 iter_args(%arg4 = %cst_2) -> (vector<4x8xf32>) {
        %27 = vector.load %alloca_18[%c0, %arg3] : memref<4x32xf32>, vector<8xf32>
        %28 = vector.insert %27, %0 [0] : vector<8xf32> into vector<4x8xf32>
        %29 = vector.load %alloca_18[%c1, %arg3] : memref<4x32xf32>, vector<8xf32>
        %30 = vector.insert %29, %28 [1] : vector<8xf32> into vector<4x8xf32>
        %31 = vector.load %alloca_18[%c2, %arg3] : memref<4x32xf32>, vector<8xf32>
        %32 = vector.insert %31, %30 [2] : vector<8xf32> into vector<4x8xf32>
        %33 = vector.load %alloca_18[%c3, %arg3] : memref<4x32xf32>, vector<8xf32>
        %34 = vector.insert %33, %32 [3] : vector<8xf32> into vector<4x8xf32>
        %35 = arith.addf %arg4, %34 : vector<4x8xf32>
        scf.yield %35 : vector<4x8xf32>
      }
      %15 = vector.extract %14[0] : vector<8xf32> from vector<4x8xf32>
      %16 = vector.reduction <add>, %15, %cst fastmath<reassoc> : vector<8xf32> into f32
      %17 = vector.insert %16, %cst_1 [0] : f32 into vector<4xf32>
      %18 = vector.extract %14[1] : vector<8xf32> from vector<4x8xf32>
      %19 = vector.reduction <add>, %18, %cst fastmath<reassoc> : vector<8xf32> into f32
      %20 = vector.insert %19, %17 [1] : f32 into vector<4xf32>
      %21 = vector.extract %14[2] : vector<8xf32> from vector<4x8xf32>
      %22 = vector.reduction <add>, %21, %cst fastmath<reassoc> : vector<8xf32> into f32
      %23 = vector.insert %22, %20 [2] : f32 into vector<4xf32>
      %24 = vector.extract %14[3] : vector<8xf32> from vector<4x8xf32>
      %25 = vector.reduction <add>, %24, %cst fastmath<reassoc> : vector<8xf32> into f32
      %26 = vector.insert %25, %23 [3] : f32 into vector<4xf32>
      %alloca_19 = memref.alloca() {alignment = 64 : i64} : memref<4xf32>
      vector.store %26, %alloca_19[%c0] : memref<4xf32>, vector<4xf32>
      scf.for %arg3 = %c0 to %c4 step %c1 {
        %27 = affine.apply #map4(%arg2)[%arg3]
        %28 = vector.load %alloca_19[%arg3] : memref<4xf32>, vector<f32>
        %29 = vector.extract %28[] : f32 from vector<f32>
        %30 = vector.broadcast %29 : f32 to vector<8xf32>
        scf.for %arg4 = %c0 to %c32 step %c8 {
          %31 = vector.load %alloca_18[%arg3, %arg4] : memref<4x32xf32>, vector<8xf32>
          %32 = arith.divf %31, %30 : vector<8xf32>
          vector.store %32, %arg1[%27, %arg4] : memref<8x32xf32>, vector<8xf32>
        }
      }
    }
    return
  }
}
