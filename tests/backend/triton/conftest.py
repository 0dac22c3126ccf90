"""What the tests of kernels share: the GPU that they are compiled for, and kernels that are interpreted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlopt.backend.triton.interpreter import interpreted
from mlopt.backend.triton.kernel_file import Source, given
from mlopt.backend.triton.target import Gpu, gpu
from mlopt.evaluator.correctness import TIMED, case, empty
from mlopt.protocols import Workload

TARGETS = Path(__file__).parents[3] / "conf" / "target"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def described() -> Callable[[str], Gpu]:
    """The GPU that a file in conf/target/ describes."""

    def read(name: str) -> Gpu:
        figures = yaml.safe_load((TARGETS / f"{name}.yaml").read_text())
        return gpu(**{key: value for key, value in figures.items() if key != "_target_"})

    return read


@pytest.fixture(scope="session")
def interpret() -> Callable[..., None]:
    """Carry out a workload's kernel in a configuration; raises WrongResult."""

    def carry_out(workload: Workload, config: Mapping[str, Any], text: str | None = None) -> None:
        kernel = interpreted(Source(text or workload.source("triton"), workload.name), config, given(workload))
        case(workload, 0, TIMED).check(kernel, [empty(spec) for spec in workload.outputs])

    return carry_out
