"""What versions of MLIR say differently is found by asking them, and put in their words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mlopt.backend.mlir.bindings import active
from mlopt.backend.mlir.dialect import STEP, words
from mlopt.backend.mlir.driver.in_process import InProcess
from mlopt.backend.mlir.lowering import lowering
from mlopt.backend.mlir.transform.script import Script
from mlopt.core.errors import CompileError

FLATTENING, UNROLLING = (f"transform.apply_patterns.vector.multi_reduction_{it}" for it in ("flattening", "unrolling"))

FLAT_TRANSFERS = "vector.flatten_vector_transfer_ops"


@dataclass(frozen=True)
class Version:
    """One that does not know some words, and may leave vector.step as it is."""

    unknown: tuple[str, ...] = ()
    leaves_steps: bool = False

    def ask(self, text: str, pipeline: str) -> str:
        if any(word in text + pipeline for word in self.unknown):
            raise CompileError("unknown")
        return text if self.leaves_steps or text != STEP else "llvm"


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    with active():
        yield


def script() -> Script:
    """Every step that some version says differently."""
    written = Script()
    function = written.match(written.payload, "func.func")
    written.flatten_reductions(function)
    written.multiply_pairs(function)
    written.patterns(function, FLAT_TRANSFERS)
    written.run_pass(written.payload, "convert-vector-to-llvm", enable_x86=True)
    written.finish()
    return written


def said(version: Version) -> list[str]:
    """The script in a version's words, a step a line, in generic form."""
    module = words(version).script(script().module)
    return [line.strip() for line in module.operation.get_asm(print_generic_op_form=True).splitlines()]


def test_these_bindings_understand_what_is_written_for_them() -> None:
    known = words(InProcess())
    module = script().module
    before = str(module)
    assert str(known.script(module)) == before
    assert module.operation.verify()
    assert known.lowering(lowering(True)) == lowering(True)


def test_two_sets_of_patterns_for_reductions_were_one_before() -> None:
    lines = said(Version((FLATTENING, UNROLLING)))
    old = [line for line in lines if "multi_reduction" in line]
    assert all(line.startswith('"transform.apply_patterns.vector.lower_multi_reduction"()') for line in old)
    assert [f"lowering_strategy = {strategy} : i32" in line for strategy, line in enumerate(old)] == [True, True]
    steps = [sum('"transform.apply_patterns"' in line for line in each) for each in (lines, said(Version()))]
    assert steps[0] == steps[1]


def test_what_multiplies_pairs_had_another_name_and_less_around_it() -> None:
    now = said(Version())
    assert any("patterns.x86.vector_contract" in line for line in now)
    assert any('"enable-x86" = true' in line for line in now)
    old = said(Version(("patterns.x86.", "enable-x86", FLAT_TRANSFERS)))
    assert any("patterns.x86vector.vector_contract" in line for line in old)
    assert any('"enable-x86vector" = true' in line for line in old)
    assert not any(word in line for line in old for word in ("patterns.x86.", '"enable-x86"', FLAT_TRANSFERS))


def test_vector_step_may_need_a_pass_of_its_own() -> None:
    passes = words(Version(leaves_steps=True)).lowering(lowering(False))
    assert ",convert-vector-to-llvm,convert-to-llvm," in passes
    assert words(Version()).lowering(lowering(False)) == lowering(False)
