// Exponentials, and what is made of them.

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
