"""What users' files hold beside a kernel, and what their kernels are made of."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from user_kernel import FILE

from mlopt.backend.triton.ahead import stand_in
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.kernel_file import LEFT_OUT, source_of
from mlopt.backend.triton.played import playing
from mlopt.backend.triton.target import Gpu
from mlopt.core.errors import CompileError, UserError, WrongResult
from mlopt.core.schedule import Schedule
from mlopt.core.trial import UNVERIFIED
from mlopt.evaluator.simulation import Simulation
from mlopt.workloads.triton_file.workload import TritonFile

LOADED = "2 * tl.load(x + at, mask=at < n)"
"""What the kernel stores."""


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., TritonFile]:
    """The workload of a file of this text, beside others by their places."""

    def write(text: str, beside: Mapping[str, str] | None = None) -> TritonFile:
        for place, other in {"k.py": text, **(beside or {})}.items():
            (tmp_path / place).parent.mkdir(exist_ok=True)
            (tmp_path / place).write_text(other)
        return TritonFile(str(tmp_path / "k.py"))

    return write


@pytest.fixture
def evaluate(described: Callable[[str], Gpu]) -> Callable[..., Mapping[str, float]]:
    """Compile the file's first configuration, changed by `knobs`, verify and simulate it; metrics."""

    def carry_out(workload: TritonFile, **knobs: Any) -> Mapping[str, float]:
        backend = Triton(described("h200"))
        first = backend.space(workload).hints()[0]
        program = backend.build(workload, Schedule.of({**first, **knobs}))
        return Simulation().evaluate(program, workload, None).metrics

    return carry_out


def rerun(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", str(folder / "rerun.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


CLASS = """
from dataclasses import dataclass
from pathlib import Path

@dataclass
class Shape:
    n: int = 3

HERE = Path(__file__).parent
"""


@pytest.mark.parametrize(("first", "annotation"), [("", int), ("from __future__ import annotations\n", "int")])
def test_a_file_is_run_as_the_module_that_it_is(
    first: str, annotation: object, file: Callable[..., TritonFile], tmp_path: Path
) -> None:
    module = source_of(file(first + FILE + CLASS)).load().module
    assert (module.Shape().n, module.HERE) == (3, tmp_path)
    assert module.Shape.__annotations__ == {"n": annotation}


def test_each_file_has_the_modules_of_its_own_folder(tmp_path: Path) -> None:
    found = []
    for factor in (2, 3):
        folder = tmp_path / str(factor)
        folder.mkdir()
        (folder / "factors.py").write_text(f"FACTOR = {factor}\n")
        (folder / "k.py").write_text(f"import factors\n{FILE}")
        found.append(source_of(TritonFile(str(folder / "k.py"))))
    assert [source.load().module.factors.FACTOR for source in (*found, found[0])] == [2, 3, 2]
    assert found[0] != found[1]


def test_a_module_that_an_export_cannot_have_beside_it_is_a_mistake(file: Callable[..., TritonFile]) -> None:
    with pytest.raises(UserError, match=r"imports reference\.py, whose name"):
        source_of(file(f"import reference\n{FILE}", {"reference.py": ""}))


def test_grids_are_told_the_defaults_of_parameters(
    file: Callable[..., TritonFile], evaluate: Callable[..., Mapping[str, float]]
) -> None:
    text = FILE.replace("BLOCK: tl.constexpr)", "BLOCK: tl.constexpr, PARTS: tl.constexpr = 2)")
    text = text.replace('meta["BLOCK"])', 'meta["BLOCK"]) * meta["PARTS"] // 2')
    assert evaluate(file(text))["programs"] == 16


def test_a_grid_that_no_gpu_takes_is_not_compiled(
    file: Callable[..., TritonFile], evaluate: Callable[..., Mapping[str, float]]
) -> None:
    with pytest.raises(CompileError, match="65535 programs at most"):
        evaluate(file(FILE.replace('meta["BLOCK"]),)', 'meta["BLOCK"]), 70_000)')))


TUTORIAL = (
    FILE.replace(
        "@triton.autotune([",
        """DEVICE = triton.runtime.driver.active.get_active_torch_device()

def of_amd():
    return triton.runtime.driver.active.get_current_target().backend == "hip"

@triton.autotune([triton.Config({"BLOCK": 128}, num_warps=2)] if of_amd() else [""",
    )
    .replace("torch.randn(n)", "torch.randn(n, device=DEVICE)")
    .replace(
        "    double[lambda",
        """    assert x.device == DEVICE and x.is_cuda and y.is_cuda
    torch.empty(1, device="cuda")
    properties = triton.runtime.driver.active.utils.get_device_properties(DEVICE.index)
    assert properties["multiprocessor_count"] == torch.cuda.get_device_properties("cuda").multi_processor_count > 0
    assert torch.cuda.get_device_capability() == (9, 0)
    with torch.cuda.device(x.device.index):
        double[lambda""",
    )
)
"""As Triton's own tutorials are written."""


def test_a_file_that_asks_for_a_gpu_finds_one_that_is_played(
    file: Callable[..., TritonFile], evaluate: Callable[..., Mapping[str, float]], described: Callable[[str], Gpu]
) -> None:
    workload = file(TUTORIAL)
    assert UNVERIFIED not in evaluate(workload)
    first = {name: Triton(described(name)).space(workload).hints()[0] for name in ("h200", "mi300x")}
    assert {name: hint["BLOCK"] for name, hint in first.items()} == {"h200": 64, "mi300x": 128}


SHARED = (
    TUTORIAL.replace("import torch,", "from parts.inner import twice\nimport parts\nimport torch,")
    .replace(LOADED, "twice(tl.load(x + at, mask=at < n))")
    .replace("return 2 * x", "import late\n    return late.FACTOR * x")
)
INNER = """
import triton, triton.language as tl
from . import FACTOR

assert FACTOR == 2

@triton.jit
def twice(x):
    return x + x
"""
BESIDE = {"parts/__init__.py": "FACTOR = 2\n", "parts/inner.py": INNER, "late.py": "from parts import FACTOR\n"}


def test_what_a_file_imports_of_its_folder_goes_where_it_goes(
    file: Callable[..., TritonFile],
    evaluate: Callable[..., Mapping[str, float]],
    described: Callable[[str], Gpu],
    tmp_path: Path,
) -> None:
    workload = file(SHARED, BESIDE)
    assert UNVERIFIED not in evaluate(workload)
    backend = Triton(described("h200"))
    backend.export(workload, Schedule.of({**backend.space(workload).hints()[0]}), tmp_path / "best")
    for name in ("k.py", "late.py"):
        (tmp_path / name).unlink()
    done = rerun(tmp_path / "best")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "capability"), [("l4", (8, 9)), ("b200", (10, 0)), ("mi300x", (9, 4))])
def test_a_gpu_that_is_played_has_the_capability_of_the_target(
    name: str, capability: tuple[int, int], described: Callable[[str], Gpu]
) -> None:
    import torch

    with playing(stand_in(described(name))):
        assert torch.cuda.get_device_capability() == capability


def test_nothing_is_played_when_a_file_has_been_run(file: Callable[..., TritonFile]) -> None:
    import torch
    from triton.runtime import driver

    before = driver._active
    source_of(file(TUTORIAL)).load()
    assert driver._active is before
    assert not torch.ones(1).is_cuda
    assert torch.cuda.is_available.__module__ == "torch.cuda"


def test_a_launcher_that_insists_on_a_gpu_is_told_where_its_tensors_are(
    file: Callable[..., TritonFile], evaluate: Callable[..., Mapping[str, float]]
) -> None:
    with pytest.raises(CompileError, match="device meta"):
        evaluate(file(FILE.replace("    y = torch.empty", "    assert x.device.type == 'cuda'\n    y = torch.empty")))


TANH = FILE.replace("import torch,", "from triton.language.extra import libdevice\nimport torch,")
TANH = TANH.replace("2 * tl.load(x + at, mask=at < n)", "libdevice.tanh(tl.load(x + at, mask=at < n))")


def test_functions_of_libdevice_are_verified(
    file: Callable[..., TritonFile], evaluate: Callable[..., Mapping[str, float]]
) -> None:
    assert UNVERIFIED not in evaluate(file(TANH.replace("return 2 * x", "return torch.tanh(x)")))


def test_a_wrong_function_of_libdevice_is_found(
    file: Callable[..., TritonFile], evaluate: Callable[..., Mapping[str, float]]
) -> None:
    with pytest.raises(WrongResult, match="elements are wrong"):
        evaluate(file(TANH.replace("return 2 * x", "return torch.sinh(x)")))


ASSEMBLY = FILE.replace(
    LOADED,
    "tl.inline_asm_elementwise('add.f32 $0, $1, $1;', '=r,r', [tl.load(x + at, mask=at < n)], tl.float32, True, 1)",
)


def test_what_cannot_be_interpreted_is_ranked_and_not_called_wrong(
    file: Callable[..., TritonFile],
    evaluate: Callable[..., Mapping[str, float]],
    described: Callable[[str], Gpu],
    tmp_path: Path,
) -> None:
    workload = file(ASSEMBLY)
    found = evaluate(workload)
    assert found["cost"] > 0
    assert found[UNVERIFIED] == 1.0
    backend = Triton(described("h200"))
    backend.export(workload, Schedule.of({**backend.space(workload).hints()[0]}), tmp_path / "best")
    done = rerun(tmp_path / "best")
    assert done.returncode == 2, done.stderr
    assert done.stdout.startswith("without a GPU this kernel cannot be run")


DYING = FILE.replace("import torch,", "import os, torch,").replace(
    "def launch(x):",
    """def launch(x, *, config):
    if config["BLOCK"] == 64 and os.environ.get("TRITON_INTERPRET") == "1":
        os._exit(3)""",
)


def test_an_interpreter_that_dies_costs_the_configuration_that_it_was_at(
    file: Callable[..., TritonFile], evaluate: Callable[..., Mapping[str, float]]
) -> None:
    workload = file(DYING)
    with pytest.raises(WrongResult, match="the interpreter died"):
        evaluate(workload, BLOCK=64)
    assert evaluate(workload, BLOCK=128)["cost"] > 0


DIFFERING = FILE.replace("num_warps=1)", "num_warps=1, num_stages=0)").replace(
    "num_warps=2)", "num_warps=2, maxnreg=64)"
)


def test_configurations_that_say_different_things_are_all_where_to_begin(
    file: Callable[..., TritonFile], described: Callable[[str], Gpu], tmp_path: Path
) -> None:
    workload, backend = file(DIFFERING), Triton(described("h200"))
    space = backend.space(workload)
    first, second = space.hints()
    assert (first["num_stages"], first["maxnreg"]) == (0, LEFT_OUT)
    assert (second["BLOCK"], second["maxnreg"]) == (256, 64)
    for number, hint in enumerate((first, second)):
        backend.export(workload, Schedule.of({**hint}), tmp_path / str(number))
    written = [json.loads((tmp_path / number / "config.json").read_text()) for number in "01"]
    assert [config.get("maxnreg") for config in written] == [None, 64]
    assert written[0]["kwargs"] == {"BLOCK": 64}


HOOKED = (
    FILE.replace("import torch,", "one, two = lambda arguments: 1, lambda arguments: 2\nimport torch,")
    .replace("num_warps=1)", "num_warps=1, pre_hook=one)")
    .replace("num_warps=2)", "num_warps=2, pre_hook=two)")
    .replace("    y = torch.empty_like(x)\n", "    return x * double.configs[0].pre_hook({})\n")
)


@pytest.mark.parametrize(("config", "hook"), [((64, 1), 1), ((256, 2), 2), ((512, 2), 2), ((64, 4), 1)])
def test_a_configuration_has_the_hook_of_the_given_one_that_is_most_like_it(
    file: Callable[..., TritonFile], config: tuple[int, int], hook: int
) -> None:
    import torch

    block, warps = config
    launch = source_of(file(HOOKED)).load().launcher({"BLOCK": block, "num_warps": warps}, {})
    assert launch([torch.ones(1)])[0].item() == hook


TWO = FILE.replace(
    "def launch",
    """
@triton.autotune([triton.Config({"WIDTH": 32})], key=[])
@triton.jit
def halve(y, WIDTH: tl.constexpr):
    pass

same = double

def launch""",
)


def test_which_of_several_kernels_to_tune_has_to_be_said(file: Callable[..., TritonFile]) -> None:
    with pytest.raises(UserError, match=r"halve.* are under triton\.autotune: .* workload\.kernel="):
        source_of(file(TWO)).load()


@pytest.mark.parametrize(
    ("returned", "message"),
    [("torch.randn(n, 3).t()", "input 0 is not contiguous"), ("torch.randn(n), 0.5", "float for input 1")],
)
def test_inputs_that_kernels_cannot_be_given_as_they_are_are_mistakes(
    file: Callable[..., TritonFile], returned: str, message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        file(FILE.replace("torch.randn(n)", returned)).operands  # noqa: B018
    assert "\n" not in str(caught.value)


POSITIVE = (
    FILE.replace(LOADED, "tl.load(x + at, mask=at < n) > 0")
    .replace("empty_like(x)", "empty_like(x, dtype=torch.bool)")
    .replace("return 2 * x", "return x > 0")
)


def test_results_that_are_true_or_false_are_judged(
    file: Callable[..., TritonFile], evaluate: Callable[..., Mapping[str, float]]
) -> None:
    assert evaluate(file(POSITIVE))["cost"] > 0
    with pytest.raises(WrongResult, match="elements are wrong"):
        evaluate(file(POSITIVE.replace("at < n) > 0", "at < n) > 0.1")))
