"""Our own searches, as benchmarks drive them: with their defaults, and told apart by their code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kept import digest
from omegaconf import OmegaConf

import mlopt
from mlopt.cli.instantiate import build
from mlopt.plugins import BUILT_IN
from mlopt.protocols import Search

SEARCHES = Path(mlopt.__path__[0]) / "search"


def ours(name: str, hints: bool = False, **settings: Any) -> Search:
    """The search that `search=NAME` chooses, with some settings; without the space's hints, which others would lack."""
    arguments: Any = OmegaConf.to_container(OmegaConf.load(_config(name)), resolve=True)
    if "hints" in arguments:
        arguments["hints"] = hints
    search: Search = build("search", {**arguments, **settings})
    return search


def code(name: str) -> str:
    """What tells the runs of a search from those of another version of it."""
    targets = re.findall(r"_target_: mlopt\.search\.([\w.]+)\.\w+", _config(name).read_text())
    found: dict[Path, None] = {}
    left = [SEARCHES / f"{target.replace('.', '/')}.py" for target in targets]
    while left:
        if (module := left.pop()) not in found:
            found[module] = None
            left += _imported(module)
    core = SEARCHES.parent / "core"
    return digest(_config(name), core / "space.py", core / "counting.py", *sorted(found))


def _config(name: str) -> Path:
    return BUILT_IN.conf / "search" / f"{name}.yaml"


def _imported(module: Path) -> Iterator[Path]:
    """The modules of searches that a module imports from."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level and node.module:
            path = module.parents[node.level - 1] / f"{node.module.replace('.', '/')}.py"
            if path.is_relative_to(SEARCHES) and path.exists():
                yield path
