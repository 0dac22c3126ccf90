"""Constants that are arguments: where their values are, and that kernels cannot change them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mlopt.backend.mlir.bindings import ir, new_context
from mlopt.backend.mlir.constants import files, load, save


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    context = new_context()
    with context, ir.Location.unknown(context):
        yield


@pytest.mark.parametrize("dtype", ["float32", "bool", "complex64"])
def test_what_is_saved_is_loaded_in_whole_pages(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    loaded = load(str(save(array)))
    assert loaded.dtype == array.dtype
    assert np.array_equal(loaded, array)
    assert loaded.ctypes.data % 4096 == 0


def test_a_file_is_named_after_what_it_holds() -> None:
    array = np.arange(6, dtype=np.float32)
    assert save(array) == save(array.copy())
    others = (array + 1, array.reshape(2, 3), array.view(np.int32))
    assert len({save(array), *map(save, others)}) == 4


def test_no_half_written_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    written = save(np.zeros(3))
    assert list(written.parent.iterdir()) == [written]


def test_whoever_writes_to_a_constant_dies() -> None:
    array = load(str(save(np.zeros(3))))
    child = os.fork()
    if not child:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        array[0] = 1.0
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGSEGV


def test_only_marked_arguments_are_constants() -> None:
    module = ir.Module.parse('func.func @f(%x: tensor<2xf32>, %w: tensor<2xf32> {mlopt.constant = "w.npy"}) { return }')
    assert files(module) == [None, "w.npy"]
    assert files(ir.Module.parse("func.func @f(%x: tensor<2xf32>) { return }")) == [None]
