"""mlopt as a library: `tune` and `load`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlopt
from mlopt.cli.compose import hydra_session, parse, word
from mlopt.core.errors import UserError
from mlopt.finals import interleaved, meeting
from mlopt.workloads.matmul.workload import Matmul

PROGRAM = Matmul(m=24, n=16, k=8).source("mlir")
SMALL: dict[str, Any] = {
    "workload": "mlir_file",  # not `matmul`, which PyTorch would compile as well
    **{"workload.path": "product.mlir", "backend.threads": 1, "budget.trials": 3},
    "executor": "local",
    "tracker": "none",
    "search": "random",
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1e3, 1e3) | st.text("ab \\'\"=,{}[]1.$é", max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


def test_values_reach_hydra_as_they_are() -> None:
    with hydra_session() as hydra:

        @given(VALUES)
        def arrive(value: object) -> None:
            (override,) = parse(hydra, [word("a.b", value)])
            assert override.value() == value

        arrive()


def test_a_study_is_a_call_and_its_kernel_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_device: None
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(meeting, "FINALISTS", 1)
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 6)
    monkeypatch.setattr(interleaved, "MOST_ROUNDS", 6)
    Path("product.mlir").write_text(PROGRAM)
    tuned = mlopt.tune("seed=1", **SMALL)
    assert tuned.directory.is_relative_to("outputs")
    assert tuned.result["trials"] == 3
    assert tuned.seconds is not None
    again = mlopt.tune(resume=tuned.directory)  # which is complete
    assert (again.directory, again.result) == (tuned.directory, tuned.result)
    kernel = tuned.load()
    rng = np.random.default_rng(0)
    a, b = (rng.random(shape, dtype=np.float32) for shape, _ in kernel.inputs)
    assert np.allclose(kernel(a, b), a @ b, rtol=1e-5)
    product = kernel(torch.from_numpy(a), torch.from_numpy(b))
    assert isinstance(product, torch.Tensor)
    assert np.allclose(product.numpy(), a @ b, rtol=1e-5)
    written = (tuned.directory / "export" / "export.json").stat().st_mtime_ns
    assert np.allclose(mlopt.load(tuned.directory)(a, b), a @ b, rtol=1e-5)
    assert (tuned.directory / "export" / "export.json").stat().st_mtime_ns == written
    assert np.allclose(mlopt.load(tuned.directory / "export")(a, b), a @ b, rtol=1e-5)
    with pytest.raises(ValueError, match="shape"):
        kernel(a.T.copy(), b)


def test_mistakes_are_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="matmul"):
        mlopt.tune(workload="matmull")
    with pytest.raises(UserError, match="takes no flags such as -m"):
        mlopt.tune("-m", "seed=1,2")
    for key in ("resume", "hydra.run.dir"):
        with pytest.raises(UserError, match=f"by name: .*'{key}': 'FOLDER'"):
            mlopt.tune(f"{key}=there")
    with pytest.raises(UserError, match="there is no folder"):
        mlopt.tune(resume="none")
    with pytest.raises(UserError, match="there is no folder"):
        mlopt.load(tmp_path / "none")
    with pytest.raises(AttributeError, match="no attribute 'tunes'"):
        _ = mlopt.tunes


def test_an_export_without_a_kernel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text("{}")
    with pytest.raises(UserError, match="holds no kernel for Python"):
        mlopt.load(tmp_path)
