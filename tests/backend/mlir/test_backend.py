"""The MLIR backend keeps the contract on one thread and on two, and says plainly what it cannot work with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contracts import MatmulContract

from mlopt.backend.mlir import naive, problem, target
from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.bindings import apply_named_sequence, ir, new_context
from mlopt.backend.mlir.lowering import NAIVE_LEVEL
from mlopt.backend.mlir.payload import frontend
from mlopt.backend.mlir.space.pipeline import PipelineSpace
from mlopt.backend.mlir.transform.script import Script
from mlopt.core.errors import CompileError, UserError
from mlopt.core.fingerprint import available_cores
from mlopt.protocols import Backend, SizedProgram, Workload
from mlopt.testing.backend import assert_computes
from mlopt.testing.space import walks
from mlopt.testing.workload import assert_mistake
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.matmul.workload import Matmul

SMALL = Matmul(m=8, n=16, k=16)


class TestOneThread(MatmulContract):
    def make(self) -> Backend:
        return Mlir(threads=1)


class TestTwoThreads(TestOneThread):
    def make(self) -> Backend:
        return Mlir(threads=2)

    def workload(self) -> Workload:
        return BatchMatmul(b=2, m=16, n=16, k=16)


EXAMPLE = Path(__file__).parents[3] / "benchmarks" / "pipelines" / "matmul.yaml"


class TestPipelines(TestOneThread):
    """Passes in the place of schedules, as the example lists them."""

    def make(self) -> Backend:
        return Mlir(threads=1, pipeline_space=str(EXAMPLE))


def test_the_documented_file_of_passes_works(tmp_path: Path) -> None:
    page = EXAMPLE.parents[2] / "docs" / "mlir.md"
    (text,) = (part.partition("```")[0] for part in page.read_text().split("```yaml")[1:])
    (tmp_path / "passes.yaml").write_text(text)
    backend = Mlir(threads=1, pipeline_space=str(tmp_path / "passes.yaml"))
    for schedule in walks(backend.space(SMALL))[:3]:
        assert_computes(backend, SMALL, schedule)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"driver": "mlir_opt"}, r"^backend\.driver=mlir_opt must be bindings or mlir-opt; did you mean 'mlir-opt'\?$"),
        ({"mlir_opt": "mlir-opt-22"}, r"^backend\.mlir_opt=mlir-opt-22 is used with backend\.driver=mlir-opt only$"),
    ],
)
def test_a_driver_that_is_none_is_a_mistake(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        Mlir(**arguments)


def test_paths_are_those_of_the_folder_that_it_was_made_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLE.parent)
    backend = Mlir(threads=1, pipeline_space=EXAMPLE.name)
    tool = Mlir(threads=1, driver="mlir-opt", mlir_opt="./mlir-opt")
    monkeypatch.chdir(tmp_path)
    assert isinstance(backend.space(SMALL), PipelineSpace)
    with pytest.raises(UserError, match=rf"backend\.mlir_opt={EXAMPLE.parent}/mlir-opt is no program"):
        tool.space(SMALL)


def test_a_pipeline_starts_from_the_payload_as_written_and_ends_as_the_file_says(tmp_path: Path) -> None:
    backend = Mlir(threads=1, pipeline_space=str(EXAMPLE))
    backend.export(SMALL, walks(backend.space(SMALL))[0], tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    assert (tmp_path / "payload.mlir").read_text() == MATMUL
    assert "convert-linalg-to-affine-loops" in (tmp_path / "schedule.mlir").read_text()
    assert record["pipeline"].startswith("builtin.module(lower-affine,func.func(convert-vector-to-scf),")
    assert (record["driver"], record["level"]) == ("bindings", NAIVE_LEVEL)


def test_all_threads_are_all_cores_that_the_process_may_use() -> None:
    assert Mlir().thread_count == Mlir(threads="all").thread_count == available_cores()
    assert Mlir(threads=1).thread_count == 1


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", "some", None, True])
def test_a_number_of_threads_that_is_none_is_a_mistake(threads: Any) -> None:
    assert_mistake(lambda: Mlir(threads=threads))


def test_more_threads_than_cores_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "available_cores", lambda: 3)
    assert Mlir(threads=3).thread_count == 3
    with pytest.raises(UserError, match=r"^backend\.threads=4 must be at most 3, as many cores as there are$"):
        Mlir(threads=4)


@dataclass(frozen=True)
class Payload(Matmul):
    """A matrix product whose program is this text."""

    text: str = ""

    def source(self, language: str) -> str:
        return self.text


MATMUL = SMALL.source("mlir")
DYNAMIC = """
func.func @total(%x: tensor<?xf32>, %zero: tensor<f32>) -> tensor<f32> {
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<?xf32>) outs(%zero : tensor<f32>) {
  ^bb0(%in: f32, %sum: f32):
    %next = arith.addf %sum, %in : f32
    linalg.yield %next : f32
  } -> tensor<f32>
  return %y : tensor<f32>
}"""
BUFFERS = """
func.func @clear(%x: memref<8xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%x : memref<8xf32>)
  return
}"""
TURNED = """
func.func @turn(%x: tensor<8xf32>) -> tensor<16xf32> {
  %empty = tensor.empty() : tensor<16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i floordiv 2)>, affine_map<(i) -> (i)>],
                       iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%empty : tensor<16xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<16xf32>
  return %y : tensor<16xf32>
}"""
SOFTMAX = """
func.func @softmax(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %empty = tensor.empty() : tensor<8x16xf32>
  %y = linalg.softmax dimension(1) ins(%x : tensor<8x16xf32>) outs(%empty : tensor<8x16xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "does not parse: .*nonsense"),
        (MATMUL.replace("ins(%a, %b", "ins(%a, %nothing"), "does not parse: .*undeclared"),
        (MATMUL.replace("8x16xf32", "8x17xf32"), "does not parse"),
        ("", "no linalg operation on tensors"),
        ("func.func @f() { return }", "no linalg operation on tensors"),
        (BUFFERS, "no linalg operation on tensors"),
        (MATMUL.replace("%a: tensor<8x16xf32>", "%a: tensor<8x?xf32>").replace("(%a, %b : tensor<8x16xf32>",
         "(%a, %b : tensor<8x?xf32>"), r"linalg\.matmul has .*tensor<8x\?xf32>; its shape must be static"),
        (DYNAMIC, r"linalg\.generic has .*tensor<\?xf32>; its shape must be static"),
        (TURNED, "floordiv"),
        (SOFTMAX, r"cannot optimise linalg\.softmax"),
    ],
)  # fmt: skip
def test_a_payload_that_it_cannot_optimise_is_a_mistake(text: str, reason: str) -> None:
    payload = Payload(text=text)
    assert_mistake(lambda: Mlir().space(payload))
    with pytest.raises(UserError, match=reason):
        Mlir().space(payload)


def test_a_script_that_the_interpreter_refuses_is_a_compile_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> Any:
        script = Script()
        script.tile(script.payload, [4, 4])
        return script.finish()

    schedule = walks(Mlir(threads=1).space(SMALL))[0]
    monkeypatch.setattr(problem.transform.matmul, "transformation", refused)
    with pytest.raises(CompileError, match=r"^transform: .*TilingInterface") as refusal:
        Mlir(threads=1).build(SMALL, schedule)
    assert str(refusal.value).isprintable()
    assert capfd.readouterr() == ("", "")


def test_a_pass_that_fails_is_a_compile_error_that_names_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naive, "NAIVE_LOOPS", "builtin.module(no-such-pass)")
    with pytest.raises(CompileError, match=r"^lower: .*no-such-pass"):
        Mlir().build(SMALL, None)


def test_a_program_knows_the_size_of_its_code() -> None:
    space = Mlir(1).space(SMALL)
    programs = [Mlir(1).build(SMALL, schedule) for schedule in (None, walks(space)[0])]
    for program in programs:
        assert isinstance(program, SizedProgram)
        program.load()
    plain, scheduled = (program.code_bytes() for program in programs if isinstance(program, SizedProgram))
    assert 500 < plain < scheduled < 1 << 20


def test_stages_are_timed_in_their_order() -> None:
    backend = Mlir(threads=1)
    program = backend.build(SMALL, walks(backend.space(SMALL))[0])
    assert list(program.stage_seconds) == ["parse", "transform", "lower"]
    program.load()
    assert list(program.stage_seconds) == ["parse", "transform", "lower", "machine_code"]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_export_is_what_was_built(tmp_path: Path, threads: int) -> None:
    backend, workload = Mlir(threads=threads), Matmul(m=32, n=32, k=32)
    schedule = next(s for s in walks(backend.space(workload)) if s.values()["pack_a"] == "block")
    backend.export(workload, schedule, tmp_path)
    names = {"payload.mlir", "schedule.mlir", "optimized.mlir", "record.json", "rerun.py"}
    assert {path.name for path in tmp_path.iterdir()} == {*names, "reference.py", "precision.py"}
    assert (tmp_path / "payload.mlir").read_text() == workload.source("mlir")
    assert (tmp_path / "optimized.mlir").read_text() == backend.build(workload, schedule).ir
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["threads"], record["schedule"]) == (threads, schedule.values())
    assert ("openmp" in record["pipeline"]) == (threads > 1)


def test_the_exported_script_leads_from_the_payload_to_the_exported_ir(tmp_path: Path) -> None:
    backend, workload = Mlir(threads=2), Matmul(m=32, n=32, k=32)
    schedule = next(s for s in walks(backend.space(workload)) if s.values()["pack_a"] == "block")
    backend.export(workload, schedule, tmp_path)
    context = new_context()
    with context, ir.Location.unknown(context):
        payload = frontend.parse((tmp_path / "payload.mlir").read_text())
        script = ir.Module.parse((tmp_path / "schedule.mlir").read_text())
        apply_named_sequence(payload, script.body.operations[0], script)
        assert str(payload) == (tmp_path / "optimized.mlir").read_text()
