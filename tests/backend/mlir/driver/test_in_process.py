"""Compiling in this process: how much machine code there is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.bindings import PassManager, active, ir
from mlopt.backend.mlir.code_size import object_code
from mlopt.backend.mlir.lowering import lowering
from mlopt.backend.mlir.payload.walk import operations
from mlopt.core.cores import placement
from mlopt.core.errors import CompileError
from mlopt.core.schedule import Schedule
from mlopt.search.draw import Draw
from mlopt.workloads.softmax.workload import Softmax


def test_regions_of_openmp_take_no_descriptors() -> None:
    with active():
        module = ir.Module.parse("""func.func @f(%a: memref<64x32xf32>, %b: memref<64x32xf32>) {
          %c0 = arith.constant 0 : index
          scf.forall (%i) in (64) {
            %v = vector.load %a[%i, %c0] : memref<64x32xf32>, vector<16xf32>
            vector.store %v, %b[%i, %c0] : memref<64x32xf32>, vector<16xf32>
          }
          return
        }""")
        PassManager.parse(lowering(parallel=True)).run(module.operation)
        (region,) = [op for op in operations(module.operation) if op.name == "omp.parallel"]
        kinds = [str(operand.type) for op in operations(region) for operand in op.operands]
    assert "!llvm.ptr" in kinds
    assert not [kind for kind in kinds if "struct" in kind]


@pytest.mark.skipif(which("nm") is None, reason="binutils are not installed")
@pytest.mark.skipif(len(placement()) < 2, reason="one core has no parallel regions")
def test_the_entry_point_is_written_out_once_and_called_by_its_wrappers(tmp_path: Path) -> None:
    workload, backend = Softmax(rows=64, cols=256), Mlir(threads=2)
    program = backend.build(workload, Draw(backend.space(workload), np.random.default_rng(0)).fresh())
    file = tmp_path / "kernel.o"
    file.write_bytes(object_code(program._engine))
    lines = subprocess.run(["nm", "-S", "--defined-only", file], capture_output=True, text=True, check=True).stdout
    sizes = {fields[3]: int(fields[1], 16) for fields in map(str.split, lines.splitlines()) if len(fields) == 4}
    wrappers = {name: size for name, size in sizes.items() if name.startswith("_mlir_")}
    assert len(wrappers) == 3
    assert max(wrappers.values()) < sizes[program.entry]


def test_a_pipeline_that_stops_short_of_llvm_says_which_operation_is_left(tmp_path: Path) -> None:
    (tmp_path / "passes.yaml").write_text("""
before: [{pass: one-shot-bufferize, options: {bufferize-function-boundaries: true}}]
passes: [{pass: canonicalize, optional: true}]
after: [convert-linalg-to-loops]
""")
    backend = Mlir(threads=1, pipeline_space=str(tmp_path / "passes.yaml"))
    program = backend.build(Softmax(rows=4, cols=8), Schedule.of({"canonicalize": False}))
    with pytest.raises(CompileError, match=r"^machine_code: .*(func\.func|memref|scf\.for)"):
        program.load()
