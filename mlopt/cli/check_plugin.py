"""`mlopt check-plugin PACKAGE`: whether a plugin keeps what its kind promises, by the contract suites."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from .. import plugins
from ..core.errors import UserError
from .errors import complain, suggest
from .instantiate import build

SUITES_FILE = """
from mlopt.cli.check_plugin import suites

globals().update(suites({package!r}))
"""
NOTHING_COLLECTED = 5
"""pytest's exit code."""


def check_plugin(arguments: Sequence[str]) -> int:
    """Run the suites and the plugin's own tests; 0 if all pass, 2 if not."""
    if len(arguments) != 1:
        raise UserError("check-plugin takes the name of one plugin")
    (package,) = arguments
    if importlib.util.find_spec("pytest") is None or importlib.util.find_spec("hypothesis") is None:
        raise UserError("check-plugin runs tests, for which pytest and hypothesis must be installed")
    options = offered(package)
    for option in options:
        print(f"{option.group}={option.name}: {option.purpose}")
        if option.group not in SUITES:
            print(f"  there is no suite for {option.group}; the plugin's own tests have to do")
    own = [source.conf.parent for source in plugins.sources() if _is(package, source.origin)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "test_contracts.py")
        file.write_text(SUITES_FILE.format(package=package))
        words = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(file), *map(str, own)]
        code = subprocess.run([sys.executable, "-m", "pytest", *words], check=False).returncode
    if code == NOTHING_COLLECTED:
        complain(f"{package} offers nothing that a suite is for, and has no tests of its own")
    elif code:
        complain(f"{package} does not keep its promises: see above")
    return 2 if code else 0


def offered(package: str) -> list[plugins.Option]:
    """What a plugin offers. Raises UserError where there is none of that name."""
    options = plugins.options()
    found = [option for option in options if _is(package, option.origin)]
    if not found:
        names = {Path(option.origin).name for option in options if option.origin != plugins.BUILT_IN.origin}
        raise UserError(f"there is no plugin '{package}'{suggest(package, names)}")
    return found


def suites(package: str) -> dict[str, type]:
    """A class of tests for each option of a plugin that has a contract, by its name."""
    plugins.make_importable()
    return {
        f"Test{option.group.title()}{''.join(part.title() for part in option.name.split('_'))}": SUITES[option.group](
            option.group, _config(option)
        )
        for option in offered(package)
        if option.group in SUITES
    }


def _is(package: str, origin: str) -> bool:
    return package.rstrip("/") in (origin, Path(origin).name)


def _config(option: plugins.Option) -> Mapping[str, Any]:
    """An option's own keys, as a study without any words about it has them."""
    files = [source.conf / option.group / f"{option.name}.yaml" for source in plugins.sources()]
    file = next(file for file in files if file.is_file())
    try:
        study = OmegaConf.create({"seed": 0, "search": {"warm_start": None}, option.group: OmegaConf.load(file)})
        plain = OmegaConf.to_container(study[option.group], resolve=True, throw_on_missing=True)
    except (OSError, OmegaConfBaseException) as error:
        raise UserError(f"{file}: {error}") from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _search(group: str, config: Mapping[str, Any]) -> type:
    from ..testing import SearchContract

    return type("Suite", (SearchContract,), {"make": lambda self: build(group, config)})


def _workload(group: str, config: Mapping[str, Any]) -> type:
    from ..testing import WorkloadContract

    return type("Suite", (WorkloadContract,), {"make": lambda self: build(group, config)})


def _tracker(group: str, config: Mapping[str, Any]) -> type:
    from ..testing import TrackerContract

    return type("Suite", (TrackerContract,), {"make": lambda self, folder: build(group, config)})


def _executor(group: str, config: Mapping[str, Any]) -> type:
    from ..testing import ExecutorContract

    def make(self: object, slots: int, memory_bytes: int) -> Any:
        known = inspect.signature(type(build(group, config))).parameters
        asked = {"slots": slots, "memory_bytes": memory_bytes}
        return build(group, {**config, **{key: value for key, value in asked.items() if key in known}})

    return type("Suite", (ExecutorContract,), {"make": make})


def _evaluator(group: str, config: Mapping[str, Any]) -> type:
    """Judges a small product, and one that is off by one."""
    from ..backend.mlir.backend import Mlir
    from ..testing import EvaluatorContract
    from ..workloads.matmul.workload import Matmul

    product = Matmul(8, 8, 8)

    def program(self: object) -> Any:
        return Mlir(threads=1).build(product, None)

    members = {
        "make": lambda self: build(group, config),
        "workload": lambda self: product,
        "program": program,
        "wrong_program": lambda self: _Off(program(self)),
    }
    return type("Suite", (EvaluatorContract,), members)


class _Off:
    """A program, or its kernel, that adds one to what is right."""

    def __init__(self, right: Any) -> None:
        self._right = right

    def __getattr__(self, name: str) -> Any:
        return getattr(self._right, name)

    def load(self) -> _Off:
        return _Off(self._right.load())

    def bind(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[[], None]:
        call = self._right.bind(inputs, outputs)

        def off() -> None:
            call()
            outputs[0][...] += 1

        return off


def _backend(group: str, config: Mapping[str, Any]) -> type:
    """Its space of a small product; how to spoil what it exports, only its author can say."""
    from ..testing import SpaceContract
    from ..workloads.matmul.workload import Matmul

    return type("Suite", (SpaceContract,), {"make": lambda self: build(group, config).space(Matmul(8, 8, 8))})


SUITES: Mapping[str, Callable[[str, Mapping[str, Any]], type]] = {
    "search": _search,
    "workload": _workload,
    "tracker": _tracker,
    "executor": _executor,
    "evaluator": _evaluator,
    "backend": _backend,
}
