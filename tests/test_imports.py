"""Who may import whom: the layers of docs/architecture.md, read from the source of every module."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import mlopt

PACKAGE = Path(mlopt.__file__).parent
SIBLINGS = {"search", "backend", "evaluator", "executor", "tracker"}
STUDY = {
    "study",
    "runner",
    "library",
    "finals",
    "judging",
    "train",
    "doctor",
    "envs",
    "result",
    "limit",
    "roofline",
    "calibration",
    "trackers",
    "trial_log",
    "proposal_log",
    "proposal_record",
    "proposals",
    "spending",
    "waiting",
    "plugins",
    "archive",
    "aside",
    "brief",
    "compare",
    "dataset",
    "devices",
    "page",
    "report",
    "residual",
}
# Each layer may import the ones before it. Within a layer, only the study's own modules may import one another.
LAYERS = (
    {"__init__"},
    {"core"},
    {"protocols"},
    {"sandbox"},
    {*SIBLINGS, "workloads", "testing"},
    STUDY,
    {"cli"},
    {"python"},
)
FACE = ("__init__", "python")  # what `import mlopt` offers, by name, when it is asked for
# Workloads given as programs ask the backend what they compute.
IMPORTER = "workloads/torch_module/importer.py"
TRITON = ("backend/triton/*.py", "backend/triton/cost/machine.py")
GIVEN = ("mlir_file", "random_program", "torch_module", "triton_file")
PROGRAMS = (*(f"workloads/{name}/workload.py" for name in GIVEN), IMPORTER)
# The modules that exist for a heavy library. They import it when it is used, not when they are imported.
HEAVY = {
    "deap": ("search/pareto.py",),
    "gymnasium": ("envs/schedule_env.py",),
    "httpx": ("search/llm/endpoint.py",),
    "jinja2": ("page/render.py", "search/llm/prompt.py"),
    "matplotlib": ("page/figure.py",),
    "mlflow": ("tracker/pages.py", "tracker/run.py", "tracker/store.py", "tracker/training.py", "cli/ui.py"),
    "mlir": ("backend/mlir/bindings.py",),
    "moocore": ("core/pareto.py",),
    "optuna": ("search/optuna.py",),
    "pyarrow": ("dataset.py",),
    "ray": ("executor/ray/*.py",),
    "safetensors": ("search/ppo/policy.py",),
    "sklearn": ("report/importance.py", "residual/learn.py", "search/surrogate.py"),
    "torch": (
        "core/tensors.py",
        "finals/device_pytorch.py",
        "finals/pytorch.py",
        "search/ppo/*.py",
        "workloads/*/eager.py",
        "workloads/*/kernel.py",
        "workloads/triton_file/reference.py",
        IMPORTER,
        *TRITON,
    ),
    "torch_mlir": ("backend/mlir/bindings.py", IMPORTER),
    "triton": ("workloads/*/kernel.py", *TRITON),
}
# Loaded by the rest of their packages only when used, so that they may import at their top.
LAZY = (
    "backend/mlir/bindings.py",
    "backend/triton/rerun.py",
    "envs/schedule_env.py",
    "search/ppo/learning.py",
    "search/ppo/network.py",
    "tracker/run.py",
    "workloads/*/eager.py",
    "workloads/*/kernel.py",
    "workloads/triton_file/reference.py",
)


def faults(path: str, source: str) -> list[str]:
    """What the module at `path` (relative to the package) imports that it must not."""
    part = path.split("/")[0].removesuffix(".py")
    found = [] if any(part in layer for layer in LAYERS) else [f"{part} stands in no layer"]
    for name, at_top in imports(path, ast.parse(source)):
        top, _, rest = name.partition(".")
        if top == "mlopt":
            other = rest.split(".")[0]
            other = "__init__" if other.startswith("__") or not other else other
            if not may_import(part, other) and not (path in PROGRAMS and other == "backend" and not at_top):
                found.append(f"{part} must not import {other}")
        elif top in HEAVY:
            if not any(fnmatch(path, home) for home in HEAVY[top]):
                found.append(f"{top} is imported outside of its module")
            elif at_top and not any(fnmatch(path, module) for module in LAZY):
                found.append(f"{top} is imported before it is used")
    return found


def may_import(part: str, other: str) -> bool:
    here, there = (next((i for i, layer in enumerate(LAYERS) if p in layer), None) for p in (part, other))
    if here is None or there is None:
        return False
    return there < here or part == other or {part, other} <= STUDY or (part, other) == FACE


def imports(path: str, tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """The full name of each imported module, and whether importing this one imports it."""
    package = ["mlopt", *path.split("/")[:-1]]
    top = {id(node) for statement in tree.body for node in run_on_import(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "mlopt" else [base]
            yield from ((name, id(node) in top) for name in names)


def run_on_import(statement: ast.stmt) -> Iterator[ast.AST]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
        return
    yield statement
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield from run_on_import(child)
        elif isinstance(child, ast.ExceptHandler):
            for inner in child.body:
                yield from run_on_import(inner)


def modules() -> list[str]:
    # The links to conf/ and workloads/ are followed by hand: rglob leaves them out before Python 3.13.
    places = [PACKAGE, PACKAGE / "workloads"]
    return sorted({file.relative_to(PACKAGE).as_posix() for place in places for file in place.rglob("*.py")})


@pytest.mark.parametrize("path", modules())
def test_every_module_keeps_to_its_layer(path: str) -> None:
    assert faults(path, (PACKAGE / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/space.py", "from ..protocols import Space"),
        ("protocols.py", "from .search.random import Random"),
        ("search/evolve.py", "from ..executor.local import Local"),
        ("search/evolve.py", "import mlopt.backend.mlir"),
        ("search/evolve.py", "def f():\n    from .. import study"),
        ("testing/search.py", "from ..search.random import Random"),
        ("study.py", "from .cli.progress import Progress"),
        ("evaluator/execution.py", "from ..executor import device"),
        ("finals/pytorch.py", "import torch"),
        ("finals/contender.py", "def f():\n    import torch"),
        ("executor/ray/task.py", "import ray"),
        ("executor/ray/task.py", "class Ray:\n    import ray"),
        ("executor/ray/task.py", "try:\n    pass\nexcept ImportError:\n    import ray"),
        ("executor/local.py", "def f():\n    import ray.util"),
        ("evaluator/execution.py", "def f():\n    from torch import nn"),
        ("workloads/matmul/__init__.py", "def f():\n    import torch"),
        ("workloads/matmul/workload.py", "def f():\n    from mlopt.backend.mlir import naive"),
        ("workloads/mlir_file/workload.py", "from mlopt.backend.mlir import naive"),
        ("workloads/mlir_file/workload.py", "def f():\n    from mlopt import study"),
        ("helpers/text.py", ""),
        ("search/evolve.py", "from ..helpers import text"),
    ],
)
def test_a_breach_is_seen(path: str, source: str) -> None:
    assert len(faults(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("search/evolve.py", "from .. import __version__\nfrom ..core.trial import Trial\nfrom .draw import draw"),
        ("study.py", "from .runner import Work\nfrom .protocols import Search"),
        ("finals/contender.py", "from ..executor import device\nfrom ..evaluator.timing import take"),
        ("finals/pytorch.py", "def f():\n    import torch"),
        ("cli/run.py", "from ..study import Study"),
        ("executor/ray/task.py", "def f():\n    import ray"),
        ("cli/ui.py", "if TYPE_CHECKING:\n    import mlflow"),
        ("backend/mlir/bindings.py", "import mlir.ir"),
        ("workloads/matmul/eager.py", "import torch.nn"),
        ("workloads/mlir_file/workload.py", "def f():\n    from mlopt.backend.mlir import naive"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert faults(path, source) == []


def loaded_by(code: str, folder: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        cwd=folder,
        env={"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_listing_loads_no_heavy_library(tmp_path: Path) -> None:
    loaded = loaded_by("from mlopt.cli.main import main; main(['list']); main(['--help'])", tmp_path)
    assert "mlopt.plugins" in loaded
    assert not loaded & {*HEAVY, "hydra", "numpy", "omegaconf"}


def test_making_every_option_loads_no_heavy_library(tmp_path: Path) -> None:
    code = """
from omegaconf import OmegaConf
from mlopt.cli.instantiate import PARTS, build
from mlopt.plugins import BUILT_IN
for part in PARTS:
    for file in BUILT_IN.conf.glob(f"{part}/*.yaml"):
        target = OmegaConf.load(BUILT_IN.conf / "target" / "auto.yaml")
        study = OmegaConf.create({"seed": 0, "target": target, part: OmegaConf.load(file)})
        arguments = OmegaConf.to_container(study, resolve=True)[part]
        if "???" not in arguments.values():
            build(part, arguments)
"""
    loaded = loaded_by(code, tmp_path)
    assert "mlopt.cli.instantiate" in loaded
    assert not loaded & set(HEAVY)
