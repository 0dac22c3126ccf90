"""A user's mlir-opt carries out the same schedules as the bindings do."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from contracts import MatmulContract

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.driver import tools
from mlopt.backend.mlir.driver.mlir_opt import MlirOpt
from mlopt.backend.mlir.driver.tools import Tools, find
from mlopt.core.errors import CompileError, UserError
from mlopt.core.schedule import Schedule
from mlopt.protocols import Backend, Workload
from mlopt.testing.backend import assert_computes, assert_right, rerun, schedules
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.decode.workload import Decode
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlir_file.workload import MlirFile
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.softmax.workload import Softmax


def missing() -> str:
    """Why this machine cannot do it; '' where it can."""
    try:
        find(None)
    except UserError as error:
        return str(error)
    return ""


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

SMALL = Matmul(m=8, n=16, k=16)
WORKLOADS: dict[str, Workload] = {
    "matmul": Matmul(m=33, n=40, k=24),
    "batch_matmul": BatchMatmul(b=2, m=16, n=17, k=8),
    "conv2d": Conv2d(n=1, c=4, h=10, w=10, f=16, kh=3, kw=3),
    "maxpool": Maxpool(n=1, c=2, h=9, w=9, k=3, stride=2),
    "gelu": Gelu(shape=(8, 33)),
    "softmax": Softmax(rows=8, cols=40),
    "layernorm": Layernorm(rows=8, cols=40),
    "mlp": Mlp(m=8, d_model=16, d_ff=24),
    "attention": Attention(heads=2, kv_heads=2, seq=16, kv_seq=16, head_dim=16, causal=True),
    "decode": Decode(heads=2, kv_heads=1, kv_len=32, head_dim=16),
    "contraction": Contraction(spec="tij,tjk->tik", sizes={"t": 2, "i": 4, "j": 8, "k": 8}, dtype="complex64"),
}


class TestMlirOpt(MatmulContract):
    """On two threads, whose kernels are linked with a runtime besides; most of what follows is on one."""

    builds = 8

    def make(self) -> Backend:
        return Mlir(threads=2, driver="mlir-opt")

    def workload(self) -> Workload:
        return BatchMatmul(b=2, m=16, n=16, k=16)


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workloads_schedules_compute_right(name: str) -> None:
    backend = Mlir(threads=2, driver="mlir-opt")
    for schedule in schedules(backend, WORKLOADS[name])[:2]:
        assert_computes(backend, WORKLOADS[name], schedule)


def first(backend: Mlir, workload: Workload = SMALL) -> Schedule:
    return schedules(backend, workload)[0]


def test_a_program_of_the_users_own_name_is_enough(tmp_path: Path) -> None:
    own = tmp_path / "my-opt"
    own.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexec {find(None).mlir_opt} "$@"\n')
    own.chmod(0o755)
    backend = Mlir(threads=1, driver="mlir-opt", mlir_opt=str(own))
    assert_computes(backend, SMALL, first(backend))
    assert "transform-interpreter" in (tmp_path / "calls").read_text()


def test_stages_are_timed_in_their_order() -> None:
    backend = Mlir(threads=1, driver="mlir-opt")
    program = backend.build(SMALL, first(backend))
    assert list(program.stage_seconds) == ["parse", "transform", "lower"]
    program.load()
    assert list(program.stage_seconds) == ["parse", "transform", "lower", "machine_code"]
    assert min(program.stage_seconds[stage] for stage in ("transform", "lower", "machine_code")) > 0.001


@pytest.mark.parametrize(
    ("tool", "stage"), [("mlir_translate", "machine_code"), ("llc", "machine_code"), ("linker", "machine_code")]
)
def test_a_tool_that_fails_is_a_compile_error_that_names_the_stage(
    tool: str, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Mlir(threads=1, driver="mlir-opt")
    schedule = first(backend)
    broken = dataclasses.replace(find(None), **{tool: shutil.which("false")})
    monkeypatch.setattr(MlirOpt, "tools", broken)
    with pytest.raises(CompileError, match=rf"^{stage}: false failed"):
        backend.build(SMALL, schedule).load()


def test_a_program_that_is_no_mlir_opt_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"^backend\.driver: .*false failed$"):
        Mlir(driver="mlir-opt", mlir_opt="/bin/false").space(SMALL)


def test_pipelines_may_hold_passes_that_no_bindings_have(tmp_path: Path) -> None:
    example = Path(__file__).parents[4] / "benchmarks" / "pipelines" / "matmul.yaml"
    own = "passes:\n  - {pass: test-memref-dependence-check, op: func.func}\n"
    (tmp_path / "own.yaml").write_text(example.read_text().replace("passes:\n", own))
    with pytest.raises(UserError, match="test-memref-dependence-check"):
        Mlir(threads=1, pipeline_space=str(tmp_path / "own.yaml")).space(SMALL)
    backend = Mlir(threads=1, driver="mlir-opt", pipeline_space=str(tmp_path / "own.yaml"))
    assert_computes(backend, SMALL, first(backend))


def test_libraries_are_lowered_by_passes_that_no_bindings_have(tmp_path: Path) -> None:
    example = Path(__file__).parents[4] / "benchmarks" / "pipelines" / "matmul.yaml"
    own = "after:\n  - {pass: test-memref-dependence-check, op: func.func}\n"
    (tmp_path / "own.yaml").write_text(example.read_text().replace("after:\n", own))
    backend = Mlir(threads=1, driver="mlir-opt", pipeline_space=str(tmp_path / "own.yaml"))
    assert_right(backend.library(SMALL, first(backend), None).load(), SMALL)


def test_what_it_refuses_is_said_in_a_line() -> None:
    with pytest.raises(CompileError, match=r"no-such-pass.*does not refer to a registered pass") as refusal:
        MlirOpt().ask("", "builtin.module(no-such-pass)")
    assert str(refusal.value).isprintable()


def test_a_file_that_is_no_program_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "mlir-opt").write_text("nonsense")
    (tmp_path / "mlir-opt").chmod(0o755)
    with pytest.raises(UserError, match=r"^backend\.driver: .*mlir-opt cannot be run: Exec format error$"):
        Mlir(driver="mlir-opt", mlir_opt=str(tmp_path / "mlir-opt")).space(SMALL)


def test_a_tool_that_dies_says_of_what(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^sh was ended by SIGSEGV$"):
        tools.run(["/bin/sh", "-c", "kill -SEGV $$"], b"", tmp_path)


def test_an_export_says_what_made_it_and_is_made_by_the_same_again(tmp_path: Path) -> None:
    backend = Mlir(threads=1, driver="mlir-opt")
    backend.export(SMALL, first(backend), tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["driver"] == "mlir-opt"
    assert "LLVM version" in record["version"]
    assert [command[0] for command in record["commands"]] == [
        getattr(find(None), tool) for tool in ("mlir_opt", "mlir_opt", "mlir_translate", "opt", "llc")
    ]
    done = rerun(tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0
    gone = [["/nowhere/mlir-opt", *record["commands"][0][1:]], *record["commands"][1:]]
    (tmp_path / "record.json").write_text(json.dumps({**record, "commands": gone}))
    done = rerun(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "this kernel is made by /nowhere/mlir-opt, which cannot be run here\n"


class TestFind:
    """The tools that go with an `mlir-opt`."""

    @pytest.fixture(autouse=True)
    def _own_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.folder = tmp_path
        self.programs("path/cc")
        monkeypatch.setenv("PATH", str(tmp_path / "path"))
        find.cache_clear()
        yield
        find.cache_clear()

    def programs(self, *names: str) -> None:
        for name in names:
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).touch(mode=0o755)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def test_the_newest_on_path_where_none_is_without_a_version(self) -> None:
        self.programs(*(f"path/{tool}-{n}" for n in (9, 22) for tool in ("mlir-opt", "mlir-translate", "opt", "llc")))
        self.programs("path/mlir-opt-22.old")
        assert find(None) == Tools(
            *(self.path(f"path/{tool}-22") for tool in ("mlir-opt", "mlir-translate", "opt", "llc")),
            linker=self.path("path/cc"),
        )

    def test_tools_beside_it_come_before_those_on_path(self) -> None:
        self.programs(
            *(f"{folder}/{tool}" for folder in ("build", "path") for tool in ("mlir-translate", "opt", "llc"))
        )
        self.programs("build/my-opt")
        assert find(self.path("build/my-opt")).llc == self.path("build/llc")

    def test_tools_of_a_version_come_before_the_rest_of_path(self) -> None:
        self.programs(
            "build/my-opt", *(f"path/{tool}{n}" for n in ("-22", "") for tool in ("mlir-translate", "opt", "llc"))
        )
        assert find(self.path("build/my-opt")).opt == self.path("path/opt-22")

    def test_nothing_there(self) -> None:
        with pytest.raises(UserError, match=r"no mlir-opt is on PATH; .*backend\.mlir_opt=PATH"):
            find(None)
        with pytest.raises(UserError, match=r"^backend\.mlir_opt=/no/such is no program that can be run$"):
            find("/no/such")
        self.programs("build/mlir-opt", "build/mlir-translate", "build/opt")
        with pytest.raises(UserError, match=r"build/mlir-opt needs llc of the same version"):
            find(self.path("build/mlir-opt"))

    def test_no_linker(self) -> None:
        self.programs(*(f"build/{tool}" for tool in ("mlir-opt", "mlir-translate", "opt", "llc")))
        (self.folder / "path/cc").unlink()
        with pytest.raises(UserError, match=r"needs a linker: cc, clang, gcc, ld or ld\.lld"):
            find(self.path("build/mlir-opt"))


def test_a_program_that_is_no_mlir_opt_is_told_before_anything_runs() -> None:
    with pytest.raises(UserError, match=r"^backend\.driver: it does not do as MLIR does: .* makes nothing$"):
        Mlir(threads=1, driver="mlir-opt", mlir_opt=shutil.which("true")).space(SMALL)


def test_a_function_may_have_any_name_and_stand_behind_other_things(tmp_path: Path) -> None:
    path = tmp_path / "named.mlir"
    path.write_text("""
func.func @"my \\22function\\22, é"(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %y = math.exp %x : tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}""")
    backend, workload = Mlir(threads=1, driver="mlir-opt"), MlirFile(str(path))
    assert_computes(backend, workload, first(backend, workload))


@pytest.mark.parametrize(
    ("said", "version"),
    [("LLVM (http://llvm.org/):\\n  LLVM version 23.0.0git\\n", "LLVM version 23.0.0git"), ("mine\\n", "mine")],
)
def test_the_version_is_the_line_that_says_it(said: str, version: str, tmp_path: Path) -> None:
    own = tmp_path / "mlir-opt"
    own.write_text(f"#!/bin/sh\nprintf '{said}'\n")
    own.chmod(0o755)
    assert dataclasses.replace(find(None), mlir_opt=str(own)).version() == version
