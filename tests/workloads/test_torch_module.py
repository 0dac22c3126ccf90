"""PyTorch modules as workloads: imported once, in another process, and judged by what they compute themselves.

Most tests run the importer in this process, which has PyTorch loaded; those on `own_process` run it as users do.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.evaluator.correctness import DISTRIBUTIONS, case, empty
from mlopt.protocols import Space, TensorSpec, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import draw, within_tolerance
from mlopt.workloads.torch_module import importer
from mlopt.workloads.torch_module.workload import TorchModule

LINEAR = TorchModule("modules:Linear", ((6, 16),))
MODULES = {
    "modules:Linear": LINEAR,
    "modules:Depthwise": TorchModule("modules:Depthwise", ((1, 4, 8, 8),)),
    "modules:Gated": TorchModule("modules:Gated", ((8, 16),)),
    "modules:scaled_sum": TorchModule("modules:scaled_sum", ((8, 32), (8, 32))),
    "modules:GroupNorm": TorchModule("modules:GroupNorm", ((2, 8, 6, 6),)),
    "modules:enlarged": TorchModule("modules:enlarged", ((1, 3, 7, 5),)),
    "modules:smoothly_enlarged": TorchModule("modules:smoothly_enlarged", ((1, 3, 7, 5),)),
    "modules:masked_softmax": TorchModule("modules:masked_softmax", ((2, 24, 24),)),
    "modules:Weights": TorchModule("modules:Weights", ((8, 16),)),
    "modules:curved": TorchModule("modules:curved", ((8, 40),)),
    "modules:unbounded": TorchModule("modules:unbounded", ((8, 24),)),
    "modules:signs": TorchModule("modules:signs", ((8, 24),)),
}
WITHOUT_TORCH = """
import pickle, sys
workload = pickle.loads(bytes.fromhex(sys.argv[1]))
assert workload.source("mlir")
assert "torch" not in sys.modules
"""


def run_here(words: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
    """What the importer would do in a process of its own."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = importer.main(*words[-3:])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlopt.workloads.torch_module.workload.subprocess", SimpleNamespace(run=run_here))


@pytest.fixture
def own_process(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlopt.workloads.torch_module.workload.subprocess", subprocess)


class TestTorchModule(WorkloadContract):
    libraries = ("numpy", "torch_mlir", "mlir", "ml_dtypes")

    def make(self) -> Workload:
        made = TorchModule(LINEAR.target, LINEAR.shapes)
        made.__dict__.update(LINEAR.__dict__)  # what has been imported already
        return made

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [
            lambda: TorchModule("modules", ((3,),)),
            lambda: TorchModule("modules:Linear", ()),
            lambda: TorchModule("modules:Linear", ((3, 0),)),
        ]


def drawn(space: Space) -> Schedule:
    rng, schedule = np.random.default_rng(0), Schedule()
    while options := space.options(schedule):
        schedule = schedule.then(options[rng.integers(len(options))])
    return schedule


@pytest.mark.parametrize("target", MODULES)
def test_is_what_the_module_computes_naively_and_scheduled(target: str) -> None:
    torch = pytest.importorskip("torch")
    workload, backend = MODULES[target], Mlir(threads=1)
    inputs = draw(workload, "normal")
    eager = workload.eager()
    with torch.inference_mode():
        result = eager(*map(torch.from_numpy, inputs))
    for one, other in zip(result if isinstance(result, tuple) else (result,), workload.reference(*inputs), strict=True):
        np.testing.assert_allclose(one.detach().numpy(), other, rtol=1e-4, atol=1e-5)
    outputs = [empty(spec) for spec in workload.outputs]
    for path in (None, drawn(backend.space(workload))):
        kernel = backend.build(workload, path).load()
        for number in range(len(DISTRIBUTIONS)):
            case(workload, 0, number).check(kernel, outputs)


def test_an_enlarged_image_has_every_pixel_from_where_pytorch_takes_it() -> None:
    torch = pytest.importorskip("torch")
    workload, backend = MODULES["modules:enlarged"], Mlir(threads=1)
    inputs = draw(workload, "normal")
    expected = [each.numpy() for each in workload.eager()(*map(torch.from_numpy, inputs))]
    outputs = [empty(spec) for spec in workload.outputs]
    for path in (None, drawn(backend.space(workload))):
        backend.build(workload, path).load().bind(inputs, outputs)()
        assert all(map(np.array_equal, outputs, expected))
    assert within_tolerance(workload, inputs, outputs)
    for output in outputs:
        wrong = [np.roll(each, 1, axis=3) if each is output else each for each in outputs]
        assert not within_tolerance(workload, inputs, wrong)


def test_dropout_is_off_and_parameters_follow_from_the_seed() -> None:
    assert LINEAR.outputs == (TensorSpec((6, 24), "float32"),)
    again = TorchModule(LINEAR.target, LINEAR.shapes)
    assert again.source("mlir") == LINEAR.source("mlir")


@pytest.mark.usefixtures("own_process")
def test_a_copy_in_another_process_has_the_program_without_pytorch(tmp_path: Path) -> None:
    imported = TorchModule(LINEAR.target, LINEAR.shapes)
    assert imported.source("mlir") == LINEAR.source("mlir")
    sent = pickle.dumps(imported).hex()
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH, sent], cwd=tmp_path, check=True, timeout=60)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("modulez:Linear", "cannot be imported: No module named 'modulez'"),
        ("modules:Lnear", "cannot be imported: .*has no attribute 'Lnear'"),
        ("modules:Sized", "cannot be made without arguments"),
        ("modules:SIZE", "neither a module nor a function"),
        ("modules:named", "returns a dict; it must return tensors"),
        ("modules:nothing", "returns a NoneType; it must return tensors"),
        ("modules:Gated", "cannot be imported for these inputs: mat1 and mat2 shapes"),
        ("modules:unbounded_in_float64", "computes something else once it is imported"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_plain_line(target: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"^workload.target={target} .*{reason}") as mistake:
        TorchModule(target, ((6, 17),)).source("mlir")
    assert str(mistake.value).isprintable()


@pytest.mark.usefixtures("own_process")
def test_what_the_importers_process_refuses_is_a_mistake_too() -> None:
    with pytest.raises(UserError, match=r"^workload.target=modules:SIZE is neither a module nor a function$"):
        TorchModule("modules:SIZE", ((6, 17),)).source("mlir")


def test_weights_are_no_part_of_the_program() -> None:
    """Nor are they turned round at every call."""
    wide = TorchModule("modules:Wide", ((2, 256),))
    assert len(wide.source("mlir")) < 10_000
    assert "linalg.transpose" not in wide.source("mlir")
    assert wide.operands == (TensorSpec((2, 256), "float32"),)
