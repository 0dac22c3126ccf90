// Sines, cosines and the arc tangent.

// The sine and the cosine of x >= 0 less its n whole quarter turns, and n, of which the last two bits are right: those
// of r = f pi / 2, |r| <= 0.81, with 2 x / pi = n + f. In float64, 2 x / pi is h + low: h is the rounded product with
// the first word of 2 / pi, low its error and the product with the second word. Where x is 2^46 or more, it is a
// multiple of so large a power of two that the first bits of 2 / pi make whole turns, which are left out (Payne and
// Hanek): each of five ranges of x has two words of its own, with which h stays below 2^46 and low below 2^-6. sin r =
// r + r^3 s(r^2): degree 2, error 2^-28. cos r = 1 + r^2 c(r^2): degree 3, error 2^-33.
func.func private @mlopt.quarter(%x: f32) -> (f32, f32, i32) {
  %from1 = arith.constant 0x56800000 : f32 // 2^46
  %from2 = arith.constant 0x61000000 : f32 // 2^67
  %from3 = arith.constant 0x6B800000 : f32 // 2^88
  %from4 = arith.constant 0x76000000 : f32 // 2^109
  %first0 = arith.constant 0.6366197723675814 : f64
  %second0 = arith.constant -3.935735335036497e-17 : f64
  %first1 = arith.constant 2.0449648759307553e-07 : f64
  %second1 = arith.constant 6.074026489649846e-24 : f64
  %first2 = arith.constant 1.4504564269239186e-14 : f64
  %second2 = arith.constant -5.321602079519459e-31 : f64
  %first3 = arith.constant 1.0760572810738749e-19 : f64
  %second3 = arith.constant -1.690193447800753e-36 : f64
  %first4 = arith.constant 2.52682603558315e-26 : f64
  %second4 = arith.constant -1.3190424939343312e-42 : f64
  %in1 = arith.cmpf oge, %x, %from1 : f32
  %in2 = arith.cmpf oge, %x, %from2 : f32
  %in3 = arith.cmpf oge, %x, %from3 : f32
  %in4 = arith.cmpf oge, %x, %from4 : f32
  %to1_first = arith.select %in1, %first1, %first0 : f64
  %to2_first = arith.select %in2, %first2, %to1_first : f64
  %to3_first = arith.select %in3, %first3, %to2_first : f64
  %first = arith.select %in4, %first4, %to3_first : f64
  %to1_second = arith.select %in1, %second1, %second0 : f64
  %to2_second = arith.select %in2, %second2, %to1_second : f64
  %to3_second = arith.select %in3, %second3, %to2_second : f64
  %second = arith.select %in4, %second4, %to3_second : f64
  %wide = arith.extf %x : f32 to f64
  %h = arith.mulf %wide, %first : f64
  %minus_h = arith.negf %h : f64
  %error = math.fma %wide, %first, %minus_h : f64
  %low = math.fma %wide, %second, %error : f64
  %magic = arith.constant 6755399441055744.0 : f64
  %t = arith.addf %h, %magic : f64
  %n = arith.subf %t, %magic : f64
  %high = arith.subf %h, %n : f64
  %f = arith.addf %high, %low : f64
  %quarter = arith.constant 1.5707963267948966 : f64
  %turned = arith.mulf %f, %quarter : f64
  %r = arith.truncf %turned : f64 to f32
  %ti = arith.bitcast %t : f64 to i64
  %count = arith.trunci %ti : i64 to i32
  %u = arith.mulf %r, %r : f32
  %sine0 = arith.constant -0.16666652262210846 : f32
  %sine1 = arith.constant 0.00833201128989458 : f32
  %sine2 = arith.constant -0.00019495048036333174 : f32
  %s1 = math.fma %sine2, %u, %sine1 : f32
  %s = math.fma %s1, %u, %sine0 : f32
  %ru = arith.mulf %r, %u : f32
  %sine = math.fma %ru, %s, %r : f32
  %one = arith.constant 1.0 : f32
  %cosine0 = arith.constant -0.5 : f32
  %cosine1 = arith.constant 0.04166664183139801 : f32
  %cosine2 = arith.constant -0.001388712553307414 : f32
  %cosine3 = arith.constant 2.4411221602349542e-05 : f32
  %c2 = math.fma %cosine3, %u, %cosine2 : f32
  %c1 = math.fma %c2, %u, %cosine1 : f32
  %c = math.fma %c1, %u, %cosine0 : f32
  %cosine = math.fma %u, %c, %one : f32
  return %sine, %cosine, %count : f32, f32, i32
}

// Sine and cosine change places with every quarter turn, and the sign with every other.
func.func private @mlopt.sin(%x: f32) -> f32 {
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %to_sign = arith.constant 30 : i32
  %zero = arith.constant 0 : i32
  %sign_bit = arith.constant 0x80000000 : i32
  %abs = math.absf %x : f32
  %sine, %cosine, %n = func.call @mlopt.quarter(%abs) : (f32) -> (f32, f32, i32)
  %odd_bit = arith.andi %n, %one : i32
  %odd = arith.cmpi ne, %odd_bit, %zero : i32
  %y0 = arith.select %odd, %cosine, %sine : f32
  %half_turns = arith.andi %n, %two : i32
  %turned = arith.shli %half_turns, %to_sign : i32
  %xi = arith.bitcast %x : f32 to i32
  %sign = arith.andi %xi, %sign_bit : i32
  %flip = arith.xori %turned, %sign : i32
  %yi0 = arith.bitcast %y0 : f32 to i32
  %yi = arith.xori %yi0, %flip : i32
  %y = arith.bitcast %yi : i32 to f32
  return %y : f32
}

// As sin; the sign changes first after one quarter turn.
func.func private @mlopt.cos(%x: f32) -> f32 {
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %to_sign = arith.constant 30 : i32
  %zero = arith.constant 0 : i32
  %abs = math.absf %x : f32
  %sine, %cosine, %n = func.call @mlopt.quarter(%abs) : (f32) -> (f32, f32, i32)
  %odd_bit = arith.andi %n, %one : i32
  %odd = arith.cmpi ne, %odd_bit, %zero : i32
  %y0 = arith.select %odd, %sine, %cosine : f32
  %next = arith.addi %n, %one : i32
  %half_turns = arith.andi %next, %two : i32
  %flip = arith.shli %half_turns, %to_sign : i32
  %yi0 = arith.bitcast %y0 : f32 to i32
  %yi = arith.xori %yi0, %flip : i32
  %y = arith.bitcast %yi : i32 to f32
  return %y : f32
}

// atan |x| = atan t, or pi / 2 - atan t with t = 1 / |x| where |x| > 1. atan t = t + t^3 a(t^2): degree 7, error
// 2^-26.
func.func private @mlopt.atan(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %quarter = arith.constant 1.57079637 : f32
  %abs = math.absf %x : f32
  %beyond = arith.cmpf ogt, %abs, %one : f32
  %inverse = arith.divf %one, %abs : f32
  %t = arith.select %beyond, %inverse, %abs : f32
  %u = arith.mulf %t, %t : f32
  %c0 = arith.constant -0.33333152532577515 : f32
  %c1 = arith.constant 0.19993767142295837 : f32
  %c2 = arith.constant -0.14211000502109528 : f32
  %c3 = arith.constant 0.10665755718946457 : f32
  %c4 = arith.constant -0.07551614940166473 : f32
  %c5 = arith.constant 0.04320399835705757 : f32
  %c6 = arith.constant -0.016362622380256653 : f32
  %c7 = arith.constant 0.002919251099228859 : f32
  %a6 = math.fma %c7, %u, %c6 : f32
  %a5 = math.fma %a6, %u, %c5 : f32
  %a4 = math.fma %a5, %u, %c4 : f32
  %a3 = math.fma %a4, %u, %c3 : f32
  %a2 = math.fma %a3, %u, %c2 : f32
  %a1 = math.fma %a2, %u, %c1 : f32
  %a = math.fma %a1, %u, %c0 : f32
  %tu = arith.mulf %t, %u : f32
  %near = math.fma %tu, %a, %t : f32
  %far = arith.subf %quarter, %near : f32
  %y0 = arith.select %beyond, %far, %near : f32
  %y = math.copysign %y0, %x : f32
  return %y : f32
}
