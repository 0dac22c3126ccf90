// Logarithms. What they share: e ln 2 or the like for the exponent of a number, a polynomial for its mantissa.

// log x = e ln 2 + log(1 + f) with x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2); e is found by subtracting the bits of
// sqrt(1/2). Denormal x are scaled by 2^23 first. log(1 + f) = f + f^2 q(f); q: degree 7, error 2^-25.
func.func private @mlopt.log(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %nan = arith.constant 0x7FC00000 : f32
  %inf = arith.constant 0x7F800000 : f32
  %minus_inf = arith.constant 0xFF800000 : f32
  %smallest = arith.constant 0x00800000 : f32 // of the normal numbers
  %lift = arith.constant 8388608.0 : f32
  %exponent = arith.constant 23 : i32
  %mantissa = arith.constant 0x007FFFFF : i32
  %root_bits = arith.constant 0x3F3504F3 : i32 // of sqrt(1/2)
  %lifted_bits = arith.constant 0x4AB504F3 : i32 // of sqrt(1/2) 2^23
  %denormal = arith.cmpf olt, %x, %smallest : f32
  %lifted = arith.mulf %x, %lift : f32
  %x1 = arith.select %denormal, %lifted, %x : f32
  %offset = arith.select %denormal, %lifted_bits, %root_bits : i32
  %xi = arith.bitcast %x1 : f32 to i32
  %d = arith.subi %xi, %offset : i32
  %e = arith.shrsi %d, %exponent : i32
  %ef = arith.sitofp %e : i32 to f32
  %m0 = arith.andi %d, %mantissa : i32
  %mi = arith.addi %m0, %root_bits : i32
  %m = arith.bitcast %mi : i32 to f32
  %f = arith.subf %m, %one : f32
  %c0 = arith.constant -0.49999991059303284 : f32
  %c1 = arith.constant 0.3333394527435303 : f32
  %c2 = arith.constant -0.25001776218414307 : f32
  %c3 = arith.constant 0.19962239265441895 : f32
  %c4 = arith.constant -0.16570313274860382 : f32
  %c5 = arith.constant 0.14916354417800903 : f32
  %c6 = arith.constant -0.14307720959186554 : f32
  %c7 = arith.constant 0.08738794922828674 : f32
  %q6 = math.fma %c7, %f, %c6 : f32
  %q5 = math.fma %q6, %f, %c5 : f32
  %q4 = math.fma %q5, %f, %c4 : f32
  %q3 = math.fma %q4, %f, %c3 : f32
  %q2 = math.fma %q3, %f, %c2 : f32
  %q1 = math.fma %q2, %f, %c1 : f32
  %q = math.fma %q1, %f, %c0 : f32
  %f2 = arith.mulf %f, %f : f32
  %l = math.fma %f2, %q, %f : f32
  %ln2 = arith.constant 0.69314718 : f32
  %y0 = math.fma %ef, %ln2, %l : f32
  %finite = arith.cmpf olt, %x, %inf : f32
  %y1 = arith.select %finite, %y0, %x : f32
  %negative = arith.cmpf olt, %x, %zero : f32
  %y2 = arith.select %negative, %nan, %y1 : f32
  %pole = arith.cmpf oeq, %x, %zero : f32
  %y = arith.select %pole, %minus_inf, %y2 : f32
  return %y : f32
}

// log2 x = e + log2(1 + f), as for log. log2(1 + f) = f q(f); q: degree 8, error 2^-25.
func.func private @mlopt.log2(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %nan = arith.constant 0x7FC00000 : f32
  %inf = arith.constant 0x7F800000 : f32
  %minus_inf = arith.constant 0xFF800000 : f32
  %smallest = arith.constant 0x00800000 : f32 // of the normal numbers
  %lift = arith.constant 8388608.0 : f32
  %exponent = arith.constant 23 : i32
  %mantissa = arith.constant 0x007FFFFF : i32
  %root_bits = arith.constant 0x3F3504F3 : i32 // of sqrt(1/2)
  %lifted_bits = arith.constant 0x4AB504F3 : i32 // of sqrt(1/2) 2^23
  %denormal = arith.cmpf olt, %x, %smallest : f32
  %lifted = arith.mulf %x, %lift : f32
  %x1 = arith.select %denormal, %lifted, %x : f32
  %offset = arith.select %denormal, %lifted_bits, %root_bits : i32
  %xi = arith.bitcast %x1 : f32 to i32
  %d = arith.subi %xi, %offset : i32
  %e = arith.shrsi %d, %exponent : i32
  %ef = arith.sitofp %e : i32 to f32
  %m0 = arith.andi %d, %mantissa : i32
  %mi = arith.addi %m0, %root_bits : i32
  %m = arith.bitcast %mi : i32 to f32
  %f = arith.subf %m, %one : f32
  %c0 = arith.constant 1.4426950216293335 : f32
  %c1 = arith.constant -0.7213473916053772 : f32
  %c2 = arith.constant 0.48090896010398865 : f32
  %c3 = arith.constant -0.3607005774974823 : f32
  %c4 = arith.constant 0.2879534959793091 : f32
  %c5 = arith.constant -0.2390148788690567 : f32
  %c6 = arith.constant 0.21548081934452057 : f32
  %c7 = arith.constant -0.20678715407848358 : f32
  %c8 = arith.constant 0.12584273517131805 : f32
  %q7 = math.fma %c8, %f, %c7 : f32
  %q6 = math.fma %q7, %f, %c6 : f32
  %q5 = math.fma %q6, %f, %c5 : f32
  %q4 = math.fma %q5, %f, %c4 : f32
  %q3 = math.fma %q4, %f, %c3 : f32
  %q2 = math.fma %q3, %f, %c2 : f32
  %q1 = math.fma %q2, %f, %c1 : f32
  %q = math.fma %q1, %f, %c0 : f32
  %y0 = math.fma %f, %q, %ef : f32
  %finite = arith.cmpf olt, %x, %inf : f32
  %y1 = arith.select %finite, %y0, %x : f32
  %negative = arith.cmpf olt, %x, %zero : f32
  %y2 = arith.select %negative, %nan, %y1 : f32
  %pole = arith.cmpf oeq, %x, %zero : f32
  %y = arith.select %pole, %minus_inf, %y2 : f32
  return %y : f32
}

// log(1 + x) = e ln 2 + log(1 + f) with e from 1 + x rounded, as for log, but f = x 2^-e + (2^-e - 1), which loses
// nothing of a small x. Written in k = -e, and with 1 - 2^-e subtracted, so that -0 stays -0.
func.func private @mlopt.log1p(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %minus_one = arith.constant -1.0 : f32
  %minus_half = arith.constant -0.5 : f32
  %nan = arith.constant 0x7FC00000 : f32
  %inf = arith.constant 0x7F800000 : f32
  %minus_inf = arith.constant 0xFF800000 : f32
  %exponent = arith.constant 23 : i32
  %exponent_mask = arith.constant 0xFF800000 : i32
  %root_bits = arith.constant 0x3FB504F2 : i32 // of sqrt(1/2), and 2^23 - 1 for rounding k up
  %two_bits = arith.constant 0x40000000 : i32
  %w = arith.addf %x, %one : f32
  %wi = arith.bitcast %w : f32 to i32
  %d = arith.subi %root_bits, %wi : i32
  %k = arith.shrsi %d, %exponent : i32
  %kf = arith.sitofp %k : i32 to f32
  %ki = arith.andi %d, %exponent_mask : i32
  %si = arith.addi %two_bits, %ki : i32 // twice 2^-e, which for e = 128 would not be normal
  %s = arith.bitcast %si : i32 to f32
  %rest = math.fma %s, %minus_half, %one : f32
  %xi = arith.bitcast %x : f32 to i32
  %fi = arith.addi %xi, %ki : i32
  %f0 = arith.bitcast %fi : i32 to f32
  %f = arith.subf %f0, %rest : f32
  %c0 = arith.constant -0.49999991059303284 : f32
  %c1 = arith.constant 0.3333394527435303 : f32
  %c2 = arith.constant -0.25001776218414307 : f32
  %c3 = arith.constant 0.19962239265441895 : f32
  %c4 = arith.constant -0.16570313274860382 : f32
  %c5 = arith.constant 0.14916354417800903 : f32
  %c6 = arith.constant -0.14307720959186554 : f32
  %c7 = arith.constant 0.08738794922828674 : f32
  %q6 = math.fma %c7, %f, %c6 : f32
  %q5 = math.fma %q6, %f, %c5 : f32
  %q4 = math.fma %q5, %f, %c4 : f32
  %q3 = math.fma %q4, %f, %c3 : f32
  %q2 = math.fma %q3, %f, %c2 : f32
  %q1 = math.fma %q2, %f, %c1 : f32
  %q = math.fma %q1, %f, %c0 : f32
  %f2 = arith.mulf %f, %f : f32
  %l = math.fma %f2, %q, %f : f32
  %minus_ln2 = arith.constant -0.69314718 : f32
  %y0 = math.fma %kf, %minus_ln2, %l : f32
  %finite = arith.cmpf olt, %x, %inf : f32
  %y1 = arith.select %finite, %y0, %x : f32
  %below = arith.cmpf olt, %x, %minus_one : f32
  %y2 = arith.select %below, %nan, %y1 : f32
  %pole = arith.cmpf oeq, %x, %minus_one : f32
  %y = arith.select %pole, %minus_inf, %y2 : f32
  return %y : f32
}
