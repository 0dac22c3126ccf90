"""Which results may be stored past the caches, and what becomes of the stores."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.simd import host_simd
from mlopt.backend.mlir.space.program import ProgramSpace
from mlopt.backend.mlir.space.stores import CACHED, LINE, STORES, STREAMED, USUAL_CACHE
from mlopt.core.fingerprint import cache_bytes
from mlopt.core.schedule import Schedule
from mlopt.protocols import Space, Workload
from mlopt.search.draw import Draw
from mlopt.testing.backend import assert_computes
from mlopt.workloads.add.workload import Add
from mlopt.workloads.mlir_file.workload import MlirFile
from mlopt.workloads.relu.workload import Relu
from mlopt.workloads.softmax.workload import Softmax

COLUMNS = 1024
ROWS = cache_bytes().get("L2", USUAL_CACHE) // (4 * COLUMNS) + 8
"""Of a matrix of float32 that no core holds in its own caches."""

TWICE = f"""
func.func @twice(%x: tensor<{ROWS}x{COLUMNS}xf32>) -> tensor<{ROWS}x{COLUMNS}xf32> {{
  %empty = tensor.empty() : tensor<{ROWS}x{COLUMNS}xf32>
  %sums = tensor.empty() : tensor<{ROWS}xf32>
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %square = linalg.square ins(%x : tensor<{ROWS}x{COLUMNS}xf32>) outs(%empty : tensor<{ROWS}x{COLUMNS}xf32>)
    -> tensor<{ROWS}x{COLUMNS}xf32>
  %start = linalg.fill ins(%zero : f32) outs(%sums : tensor<{ROWS}xf32>) -> tensor<{ROWS}xf32>
  %sum = linalg.reduce ins(%square : tensor<{ROWS}x{COLUMNS}xf32>) outs(%start : tensor<{ROWS}xf32>) dimensions = [1]
    (%in: f32, %total: f32) {{
      %next = arith.addf %in, %total : f32
      linalg.yield %next : f32
    }}
  %result = linalg.generic {{
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}}
    ins(%square, %sum : tensor<{ROWS}x{COLUMNS}xf32>, tensor<{ROWS}xf32>) outs(%empty : tensor<{ROWS}x{COLUMNS}xf32>) {{
    ^bb0(%a: f32, %b: f32, %c: f32):
      %d = arith.subf %a, %b : f32
      linalg.yield %d : f32
    }} -> tensor<{ROWS}x{COLUMNS}xf32>
  return %result : tensor<{ROWS}x{COLUMNS}xf32>
}}
"""
"""A temporary of the result's very type, which stays in the caches."""


def offers(workload: Workload) -> bool:
    return any(knob.name == STORES for knob in Mlir(threads=1).space(workload).knobs)


def drawn(space: Space, **wanted: str) -> Schedule:
    """Some schedule of these values."""
    assert isinstance(space, ProgramSpace)
    draw = Draw(space, np.random.default_rng(0))
    found = (draw.fresh() for _ in range(1000))
    return next(each for each in found if each and wanted.items() <= each.values().items())


def test_large_results_that_nobody_reads_may_pass_the_caches_by() -> None:
    assert offers(Add(shape=(ROWS, COLUMNS)))
    assert offers(Softmax(rows=ROWS, cols=COLUMNS))


def test_small_results_stay_in_the_caches() -> None:
    assert not offers(Add(shape=(ROWS // 2, COLUMNS)))


def test_rows_that_are_no_whole_vectors_are_stored_as_usual() -> None:
    assert not offers(Softmax(rows=ROWS, cols=COLUMNS + 1))
    assert not offers(Relu(shape=(ROWS * COLUMNS + 1,)))


def test_a_search_begins_past_the_caches_where_no_cache_holds_what_is_moved() -> None:
    def first(rows: int) -> object:
        space = Mlir(threads=1).space(Relu(shape=(rows, COLUMNS)))
        assert isinstance(space, ProgramSpace)
        return space.hints()[0][STORES]

    largest = max(cache_bytes().values(), default=USUAL_CACHE)
    assert first(largest // (8 * COLUMNS) + 8) == STREAMED
    if largest // (8 * COLUMNS) > ROWS:
        assert first(ROWS) == CACHED


@pytest.mark.parametrize("threads", [1, 2])
def test_what_passes_the_caches_by_is_computed_right(threads: int) -> None:
    backend = Mlir(threads=threads)
    for workload in (Add(shape=(ROWS, COLUMNS)), Softmax(rows=ROWS, cols=COLUMNS)):
        assert_computes(backend, workload, drawn(backend.space(workload), stores=STREAMED))


def test_stores_say_what_the_schedule_says() -> None:
    backend, workload = Mlir(threads=1), Add(shape=(ROWS, COLUMNS))
    for choice in (CACHED, STREAMED):
        text = backend.build(workload, drawn(backend.space(workload), stores=choice)).ir
        stores = [line for line in text.splitlines() if "vector.store" in line]
        streamed = [line for line in stores if "nontemporal = true" in line]
        assert stores
        assert streamed == (stores if choice == STREAMED else [])
        aligned = min(LINE, 4 * host_simd().lanes)
        assert all(f"alignment = {aligned} : i64" in line for line in streamed)


def test_temporaries_of_the_same_type_stay_in_the_caches(tmp_path: Path) -> None:
    (tmp_path / "twice.mlir").write_text(TWICE)
    workload, backend = MlirFile(str(tmp_path / "twice.mlir")), Mlir(threads=1)
    space = backend.space(workload)
    schedule = drawn(space, **{STORES: STREAMED, "map0.parallel": "i"})
    text = backend.build(workload, schedule).ir
    streamed = re.findall(r"vector.store %\w+, (%\w+)\[.*nontemporal = true", text)
    assert set(streamed) == {"%arg1"}
    assert len(re.findall(r"vector.store %\w+, (%alloc\w*)\[", text)) > 0
    assert_computes(backend, workload, schedule)
