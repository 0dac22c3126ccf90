"""Powers: within 4 ulp, with the special values of IEEE 754, whether the exponent is known or not."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from vectors import INSTRUCTIONS, ULPS, Vector, around, errors, evaluator, everywhere, lowered, payload

from mlopt.backend.mlir.payload.powers import EXPONENTS, multiply_out

POWER = "%value = math.powf %a0, %a1 : f32"
SPECIAL = (0.0, 1e-45, 1e-40, 2.0**-126, 0.1, 0.5, 1.0 - 2.0**-24, 1.0, 1.0 + 2.0**-23, 1.5, 2.0, 2.5, 3.0, 5.0, 1e20)
EXTREME = (3e38, 2.0**23 - 1, 2.0**24 - 1, 2.0**24, 2.0**24 + 2, np.inf, np.nan)


@np.errstate(all="ignore")
def assert_powers(computed: Vector, x: Vector, y: Vector) -> None:
    """Signs of zero and of infinity included."""
    exact = np.power(x.astype(np.float64), y.astype(np.float64))
    ulps = errors(computed, exact)
    worst = int(np.argmax(ulps))
    assert ulps[worst] <= ULPS, f"{x[worst]!r}^{y[worst]!r} is {computed[worst]!r}, not {exact[worst]!r}"
    numbers = ~np.isnan(exact)
    assert np.array_equal(np.signbit(computed[numbers]), np.signbit(exact[numbers]))


def constant(exponent: float, kind: str = "f32") -> Any:
    """The kernel of x to the power of a constant."""
    module = payload(f"%e = arith.constant {exponent!r} : {kind}\n%value = math.powf %a0, %e : {kind}", element=kind)
    multiply_out(module)
    return module


def test_powers_of_special_numbers_are_those_of_ieee_754() -> None:
    numbers = np.array([sign * each for each in (*SPECIAL, *EXTREME) for sign in (1.0, -1.0)], np.float32)
    x, y = (each.ravel() for each in np.meshgrid(numbers, numbers))
    assert_powers(evaluator(lowered(payload(POWER, 2)))(x, y), x, y)


@np.errstate(all="ignore")
def test_powers_are_within_4_ulp_over_the_whole_range() -> None:
    rng = np.random.default_rng(0)
    positive = rng.integers(0, 0x7F800000, 800_000, dtype=np.uint32).view(np.float32)
    x = np.concatenate([positive, around(1.0), -positive[:100_000]])
    y = (rng.uniform(-152, 130, x.size) / np.log2(np.abs(x).astype(np.float64))).astype(np.float32)
    y[-100_000:] = np.round(y[-100_000:])
    assert_powers(evaluator(lowered(payload(POWER, 2)))(x, y), x, y)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_a_small_constant_exponent_is_multiplied_out(exponent: float) -> None:
    module = constant(exponent)
    assert not re.search(r"powf|exp|log", str(module))
    x = np.concatenate([everywhere()[::16], np.array(SPECIAL, np.float32), -np.array(EXTREME, np.float32)])
    assert_powers(evaluator(lowered(module))(x), x, np.full(x.shape, exponent, np.float32))


def test_numbers_of_float64_are_multiplied_out_as_well() -> None:
    assert "math.powf" not in str(constant(1.5, "f64"))


def test_other_powers_stay_and_are_computed_in_vectors() -> None:
    for module in (constant(0.3), constant(7.0), payload(POWER, 2)):
        multiply_out(module)
        assert "math.powf" in str(module)
        assert set(re.findall(r"llvm\.intr\.(\w+)", str(lowered(module)))) <= INSTRUCTIONS
