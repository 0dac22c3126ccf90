"""Machine code is made in this process; where LLVM makes none, its own reason is told, and printed on no screen."""

from __future__ import annotations

import os

import pytest

from mlopt.backend.mlir.bindings import PassManager, active, ir
from mlopt.backend.mlir.lowering import TO_LLVM, pipeline
from mlopt.backend.mlir.machine_code import STDERR, compile_llvm

CAST = """
llvm.func @f(%x: f32) -> i32 {
  %y = builtin.unrealized_conversion_cast %x : f32 to i32
  llvm.return %y : i32
}"""
UNKNOWN = """
func.func private @no_such_function(f32) -> f32
func.func @first() { return }
func.func @f(%x: f32) -> f32 {
  %y = func.call @no_such_function(%x) : (f32) -> f32
  return %y : f32
}"""


def lowered(text: str) -> ir.Module:
    module = ir.Module.parse(text)
    PassManager.parse(pipeline(*TO_LLVM)).run(module.operation)
    return module


def test_what_llvm_cannot_say_is_named_and_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    reason = "^LLVM Translation failed for operation: builtin.unrealized_conversion_cast$"
    with active(), pytest.raises(RuntimeError, match=reason):
        compile_llvm(ir.Module.parse(CAST), level=2)
    assert capfd.readouterr().err == ""


def test_a_function_that_nobody_defines_is_named_and_stderr_is_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    with active(), pytest.raises(RuntimeError, match=r"Symbols not found:.* no_such_function"):
        compile_llvm(lowered(UNKNOWN), level=0)
    capfd.readouterr()
    os.write(STDERR, b"later\n")
    assert capfd.readouterr().err == "later\n"


def test_what_compiles_is_found_and_what_comes_of_it_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with active():
        module = lowered(UNKNOWN.replace("@no_such_function", "@fabsf"))
        assert compile_llvm(module, level=2).raw_lookup("f")
        assert compile_llvm(ir.Module.parse("module {}"), level=2)
    assert capfd.readouterr().err == ""


def test_others_hear_the_errors_of_a_context_again_afterwards() -> None:
    with active():
        with pytest.raises(RuntimeError):
            compile_llvm(ir.Module.parse(CAST), level=2)
        with pytest.raises(ir.MLIRError, match="expected"):
            ir.Module.parse("func.func @f(")
