// Mathematical functions of float32 in arithmetic that vectorises: no branch, no call, no table. Each is within 4 ulp
// for every input: denormal numbers, infinities, NaN and the sign of zero included. Last, the ways to bfloat16 and back.
//
// Shared means:
// - Clamping by a comparison and a selection is one instruction, unlike arith.minimumf, and lets NaN pass.
// - 1.5 * 2^23 added to a small number rounds it to a whole one, n, in the low bits of the sum's mantissa. With the
//   bias of float32's exponent (127) added too, a shift by 23 makes 2^n of these bits.
// - Polynomials are minimax fits of relative error (a linear program on Chebyshev points), their coefficients rounded
//   to float32 one after another, lowest first, the rest fitted again. The comments give the error of the fit alone.

// e^x = (2^n * e^(r/2))^2 with x = n * 2 ln 2 + r, |r| <= ln 2, in two steps after Cody and Waite. Squared last, the
// result overflows to infinity and underflows gradually by itself. e^(r/2): degree 6, error 2^-28.
func.func private @mlopt.exp(%x: f32) -> f32 {
  %lo = arith.constant -104.0 : f32
  %hi = arith.constant 89.0 : f32
  %low = arith.cmpf olt, %x, %lo : f32
  %x0 = arith.select %low, %lo, %x : f32
  %high = arith.cmpf ogt, %x0, %hi : f32
  %x1 = arith.select %high, %hi, %x0 : f32
  %scale = arith.constant 0.72134752 : f32
  %magic = arith.constant 12583039.0 : f32
  %t = math.fma %x1, %scale, %magic : f32
  %n = arith.subf %t, %magic : f32
  %ln4_hi = arith.constant -1.38629150390625 : f32
  %ln4_lo = arith.constant -2.857213530660374e-06 : f32
  %r0 = math.fma %n, %ln4_hi, %x1 : f32
  %r = math.fma %n, %ln4_lo, %r0 : f32
  %c0 = arith.constant 1.0 : f32
  %c1 = arith.constant 0.5 : f32
  %c2 = arith.constant 0.1249999850988388 : f32
  %c3 = arith.constant 0.020833151414990425 : f32
  %c4 = arith.constant 0.0026042666286230087 : f32
  %c5 = arith.constant 0.00026152137434110045 : f32
  %c6 = arith.constant 2.159522773581557e-05 : f32
  %p5 = math.fma %c6, %r, %c5 : f32
  %p4 = math.fma %p5, %r, %c4 : f32
  %p3 = math.fma %p4, %r, %c3 : f32
  %p2 = math.fma %p3, %r, %c2 : f32
  %p1 = math.fma %p2, %r, %c1 : f32
  %p = math.fma %p1, %r, %c0 : f32
  %exponent = arith.constant 23 : i32
  %ti = arith.bitcast %t : f32 to i32
  %si = arith.shli %ti, %exponent : i32
  %s = arith.bitcast %si : i32 to f32
  %root = arith.mulf %p, %s : f32
  %y = arith.mulf %root, %root : f32
  return %y : f32
}

// 2^x = (2^n * 2^(r/2))^2 with x = 2 n + r, |r| <= 1, as for exp; r is exact. 2^(r/2): degree 6, error 2^-28.
func.func private @mlopt.exp2(%x: f32) -> f32 {
  %lo = arith.constant -151.0 : f32
  %hi = arith.constant 129.0 : f32
  %low = arith.cmpf olt, %x, %lo : f32
  %x0 = arith.select %low, %lo, %x : f32
  %high = arith.cmpf ogt, %x0, %hi : f32
  %x1 = arith.select %high, %hi, %x0 : f32
  %scale = arith.constant 0.5 : f32
  %magic = arith.constant 12583039.0 : f32
  %t = math.fma %x1, %scale, %magic : f32
  %n = arith.subf %t, %magic : f32
  %step = arith.constant -2.0 : f32
  %r = math.fma %n, %step, %x1 : f32
  %c0 = arith.constant 1.0 : f32
  %c1 = arith.constant 0.3465735912322998 : f32
  %c2 = arith.constant 0.060056619346141815 : f32
  %c3 = arith.constant 0.0069379499182105064 : f32
  %c4 = arith.constant 0.0006011566147208214 : f32
  %c5 = arith.constant 4.1846269596135244e-05 : f32
  %c6 = arith.constant 2.394761168034165e-06 : f32
  %p5 = math.fma %c6, %r, %c5 : f32
  %p4 = math.fma %p5, %r, %c4 : f32
  %p3 = math.fma %p4, %r, %c3 : f32
  %p2 = math.fma %p3, %r, %c2 : f32
  %p1 = math.fma %p2, %r, %c1 : f32
  %p = math.fma %p1, %r, %c0 : f32
  %exponent = arith.constant 23 : i32
  %ti = arith.bitcast %t : f32 to i32
  %si = arith.shli %ti, %exponent : i32
  %s = arith.bitcast %si : i32 to f32
  %root = arith.mulf %p, %s : f32
  %y = arith.mulf %root, %root : f32
  return %y : f32
}

// e^x - 1 = 2 (s p + (s - 1/2)) with x = n ln 2 + r, |r| <= ln(2) / 2, s = 2^(n-1), which is finite wherever the result
// is, and p = e^r - 1 = r + r^2 q(r); q: degree 4, error of p 2^-26. So that -0 stays -0, what is added is negative: -p
// is made and taken away, and so is 1/2 - s. A negation costs nothing beside a fused multiply-add.
func.func private @mlopt.expm1(%x: f32) -> f32 {
  %lo = arith.constant -18.0 : f32
  %hi = arith.constant 89.0 : f32
  %low = arith.cmpf olt, %x, %lo : f32
  %x0 = arith.select %low, %lo, %x : f32
  %high = arith.cmpf ogt, %x0, %hi : f32
  %x1 = arith.select %high, %hi, %x0 : f32
  %scale = arith.constant 1.44269504 : f32
  %magic = arith.constant 12583038.0 : f32
  %t = math.fma %x1, %scale, %magic : f32
  %n = arith.subf %t, %magic : f32
  %ln2_hi = arith.constant -0.693145751953125 : f32
  %ln2_lo = arith.constant -1.428606765330187e-06 : f32
  %r0 = math.fma %n, %ln2_hi, %x1 : f32
  %r = math.fma %n, %ln2_lo, %r0 : f32
  %c0 = arith.constant 0.4999999701976776 : f32
  %c1 = arith.constant 0.1666654646396637 : f32
  %c2 = arith.constant 0.04166743531823158 : f32
  %c3 = arith.constant 0.00836627185344696 : f32
  %c4 = arith.constant 0.001387069234624505 : f32
  %q3 = math.fma %c4, %r, %c3 : f32
  %q2 = math.fma %q3, %r, %c2 : f32
  %q1 = math.fma %q2, %r, %c1 : f32
  %q = math.fma %q1, %r, %c0 : f32
  %r2 = arith.mulf %r, %r : f32
  %minus_r = arith.negf %r : f32
  %minus_r2 = arith.negf %r2 : f32
  %minus_p = math.fma %minus_r2, %q, %minus_r : f32
  %p = arith.negf %minus_p : f32
  %exponent = arith.constant 23 : i32
  %ti = arith.bitcast %t : f32 to i32
  %si = arith.shli %ti, %exponent : i32
  %s = arith.bitcast %si : i32 to f32
  %half = arith.constant 0.5 : f32
  %rest = arith.subf %half, %s : f32
  %minus_rest = arith.negf %rest : f32
  %y0 = math.fma %s, %p, %minus_rest : f32
  %y = arith.addf %y0, %y0 : f32
  return %y : f32
}

// tanh x = u / (u + 1) with u = (e^(2x) - 1) / 2 = s h + (s - 1) / 2, where x = n ln(2) / 2 + r, |r| <= ln(2) / 4,
// s = 2^n, h = (e^(2r) - 1) / 2 = r + r^2 q(r): the polynomial of expm1, and its care for -0. Where n is large, errors
// of r do not reach the result.
func.func private @mlopt.tanh(%x: f32) -> f32 {
  %lo = arith.constant -10.0 : f32
  %hi = arith.constant 10.0 : f32
  %low = arith.cmpf olt, %x, %lo : f32
  %x0 = arith.select %low, %lo, %x : f32
  %high = arith.cmpf ogt, %x0, %hi : f32
  %x1 = arith.select %high, %hi, %x0 : f32
  %scale = arith.constant 2.88539008 : f32
  %magic = arith.constant 12583039.0 : f32
  %t = math.fma %x1, %scale, %magic : f32
  %n = arith.subf %t, %magic : f32
  %half_ln2 = arith.constant -0.34657359 : f32
  %r = math.fma %n, %half_ln2, %x1 : f32
  %c0 = arith.constant 0.9999999403953552 : f32
  %c1 = arith.constant 0.6666618585586548 : f32
  %c2 = arith.constant 0.33333948254585266 : f32
  %c3 = arith.constant 0.13386034965515137 : f32
  %c4 = arith.constant 0.04438621550798416 : f32
  %q3 = math.fma %c4, %r, %c3 : f32
  %q2 = math.fma %q3, %r, %c2 : f32
  %q1 = math.fma %q2, %r, %c1 : f32
  %q = math.fma %q1, %r, %c0 : f32
  %r2 = arith.mulf %r, %r : f32
  %minus_r = arith.negf %r : f32
  %minus_r2 = arith.negf %r2 : f32
  %minus_h = math.fma %minus_r2, %q, %minus_r : f32
  %h = arith.negf %minus_h : f32
  %exponent = arith.constant 23 : i32
  %ti = arith.bitcast %t : f32 to i32
  %si = arith.shli %ti, %exponent : i32
  %s = arith.bitcast %si : i32 to f32
  %half = arith.constant 0.5 : f32
  %minus_half = arith.constant -0.5 : f32
  %one = arith.constant 1.0 : f32
  %rest = math.fma %s, %minus_half, %half : f32
  %minus_rest = arith.negf %rest : f32
  %u = math.fma %s, %h, %minus_rest : f32
  %u1 = arith.addf %u, %one : f32
  %y = arith.divf %u, %u1 : f32
  return %y : f32
}

// erf |x| = v (2 - v) with v = 1 - sqrt(erfc |x|) = |x| p(|x|), |x| <= 3.92, beyond which erf is 1; p: degree 11, error
// of the result 2^-24. Errors of v near 1 do not reach the result, as they would in a rational function for erf itself.
func.func private @mlopt.erf(%x: f32) -> f32 {
  %hi = arith.constant 3.92 : f32
  %abs = math.absf %x : f32
  %high = arith.cmpf ogt, %abs, %hi : f32
  %a = arith.select %high, %hi, %abs : f32
  %c0 = arith.constant 0.564189612865448 : f32
  %c1 = arith.constant 0.15915173292160034 : f32
  %c2 = arith.constant -0.09821253269910812 : f32
  %c3 = arith.constant -0.04316898435354233 : f32
  %c4 = arith.constant 0.018010366708040237 : f32
  %c5 = arith.constant 0.0046373214572668076 : f32
  %c6 = arith.constant 0.0011127535253763199 : f32
  %c7 = arith.constant -0.0037574463058263063 : f32
  %c8 = arith.constant 0.0017801893409341574 : f32
  %c9 = arith.constant -0.0003949589154217392 : f32
  %c10 = arith.constant 4.4285650801612064e-05 : f32
  %c11 = arith.constant -2.035834086200339e-06 : f32
  %p10 = math.fma %c11, %a, %c10 : f32
  %p9 = math.fma %p10, %a, %c9 : f32
  %p8 = math.fma %p9, %a, %c8 : f32
  %p7 = math.fma %p8, %a, %c7 : f32
  %p6 = math.fma %p7, %a, %c6 : f32
  %p5 = math.fma %p6, %a, %c5 : f32
  %p4 = math.fma %p5, %a, %c4 : f32
  %p3 = math.fma %p4, %a, %c3 : f32
  %p2 = math.fma %p3, %a, %c2 : f32
  %p1 = math.fma %p2, %a, %c1 : f32
  %p = math.fma %p1, %a, %c0 : f32
  %v = arith.mulf %a, %p : f32
  %minus_v = arith.negf %v : f32
  %v2 = arith.addf %v, %v : f32
  %y0 = math.fma %minus_v, %v, %v2 : f32
  %y = math.copysign %y0, %x : f32
  return %y : f32
}

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

// By definition: an estimate refined by Newton steps takes more instructions, given 0, denormal numbers and infinity.
func.func private @mlopt.rsqrt(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %root = math.sqrt %x : f32
  %y = arith.divf %one, %root : f32
  return %y : f32
}

// To the nearest bfloat16, the first half of a float32's bits, and to the even one from halfway: less than half a unit is
// added, or half a unit where the last bit kept is odd, and may carry as far as to infinity. NaN keeps its first bits,
// and one that says that it is quiet, so that it does not become an infinity.
func.func private @mlopt.truncf(%x: f32) -> bf16 {
  %one = arith.constant 1 : i32
  %half = arith.constant 16 : i32
  %nearly_half_unit = arith.constant 32767 : i32
  %quiet = arith.constant 4194304 : i32
  %bits = arith.bitcast %x : f32 to i32
  %kept = arith.shrui %bits, %half : i32
  %odd = arith.andi %kept, %one : i32
  %added = arith.addi %odd, %nearly_half_unit : i32
  %rounded = arith.addi %bits, %added : i32
  %quieted = arith.ori %bits, %quiet : i32
  %nan = arith.cmpf uno, %x, %x : f32
  %chosen = arith.select %nan, %quieted, %rounded : i32
  %high = arith.shrui %chosen, %half : i32
  %y_bits = arith.trunci %high : i32 to i16
  %y = arith.bitcast %y_bits : i16 to bf16
  return %y : bf16
}

// The float32 that begins with these bits.
func.func private @mlopt.extf(%x: bf16) -> f32 {
  %half = arith.constant 16 : i32
  %short = arith.bitcast %x : bf16 to i16
  %kept = arith.extui %short : i16 to i32
  %bits = arith.shli %kept, %half : i32
  %y = arith.bitcast %bits : i32 to f32
  return %y : f32
}
