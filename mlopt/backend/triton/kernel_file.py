"""A Python file with a Triton kernel, mlopt's own or a user's: what it must hold, and how it is called.

`launch(*inputs)` allocates the outputs, launches the kernel and returns them. It is given, by name, if it takes them:
`config`, knobs and their values; `workload`, its name; its parameters; `multiprocessors`, how many the GPU has. To be
compiled ahead of time it is run on tensors of PyTorch's device `meta`, which have no memory; a GPU that it asks for is
played (`played.py`). A kernel under `triton.autotune` is given its configuration by that decorator, of which the tuning
is left out.

Where several kernels are under `triton.autotune`, the one that a `Source` names is tuned, and others are launched in
the first configuration of theirs.

`KNOBS` names the values of each knob. `CONSTRAINTS` are functions whose parameters name what they look at: knobs,
keys of the workload, or `gpu`, the target. `START` lists configurations to begin with. All three have defaults for a
kernel under `triton.autotune`. `small(config)` lists sizes, keys of the workload, on which the kernel is verified by
Triton's interpreter.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ...core.errors import UserError, summary
from ...protocols import Workload
from .beside import Texts, beside, importable, run
from .played import Played, playing

OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")
"""What a configuration says to the compiler and not to the kernel."""

CPU = Played()
"""For whom a file is run that computes on the CPU: makes inputs, or is interpreted."""

LEFT_OUT = "(default)"
"""The value of a knob of which a configuration says nothing: the kernel's or the compiler's own default holds."""


@dataclass(frozen=True)
class Source:
    """What a file is loaded from, in any process."""

    text: str
    name: str
    """Of the workload, for messages."""
    kernel: str | None = None
    """Which one to tune, of several under `triton.autotune`; None where there is one at most."""
    path: str | None = None
    """Where a user's file is."""
    beside: Texts = ()
    """What it imports of its folder."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "beside", tuple((place, text) for place, text in self.beside))  # JSON's are lists

    def load(self, gpu: Played | None = CPU) -> KernelFile:
        """The file, run where this is its GPU, or None: a real one. Raises UserError when it cannot be used."""
        return _load(self, gpu)


@dataclass(frozen=True)
class KernelFile:
    """The file as a module; configurations are names and values."""

    module: ModuleType
    kernel: str | None = None
    """As in `Source`."""

    @property
    def knobs(self) -> Mapping[str, Sequence[Any]]:
        """Raises UserError where there are none."""
        knobs = getattr(self.module, "KNOBS", None)
        if knobs is None:
            knobs = _around(self.start)
        if not isinstance(knobs, Mapping) or not knobs:
            raise UserError("the kernel's file needs KNOBS, or a kernel under triton.autotune")
        return knobs

    @property
    def constraints(self) -> Sequence[Callable[..., bool]]:
        found: Sequence[Callable[..., bool]] = getattr(self.module, "CONSTRAINTS", ())
        return found

    @property
    def start(self) -> Sequence[Mapping[str, Any]]:
        """Configurations to begin with, all of the same knobs: where one says nothing of a knob, that is LEFT_OUT."""
        configs: Sequence[Mapping[str, Any]] | None = getattr(self.module, "START", None)
        if configs is None:
            tuned = next(filter(self._is_tuned, self._given), None)
            configs = [] if tuned is None else [config.all_kwargs() for config in self._given[tuned]]
        names = dict.fromkeys(name for config in configs for name in config)
        return [{name: config.get(name, LEFT_OUT) for name in names} for config in configs]

    def small(self, config: Mapping[str, Any]) -> Sequence[Mapping[str, int]]:
        """Sizes to verify this configuration on; as they are, if nothing is said."""
        if not hasattr(self.module, "small"):
            return ({},)
        found: Sequence[Mapping[str, int]] = self.module.small(config)
        return found

    def launcher(
        self, config: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> Callable[[Sequence[Any]], Sequence[Any]]:
        """The launcher in this configuration, from tensors to the outputs; all is made ready that calls share."""
        configs = {
            name: [_config(config, given)] if self._is_tuned(name) else given[:1]
            for name, given in sorted(self._given.items(), key=lambda item: self._is_tuned(item[0]))
        }  # in this order, since one kernel may have several names
        taken = inspect.signature(self.module.launch).parameters
        known = {name: value for name, value in parameters.items() if name in taken}

        def launch(inputs: Sequence[Any]) -> Sequence[Any]:
            for name, chosen in configs.items():
                self._tuners[name].configs = chosen
            asked = {"config": dict(config)} if "config" in taken else {}
            outputs = self.module.launch(*inputs, **asked, **known)
            return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)

        return launch

    @functools.cached_property
    def _tuners(self) -> Mapping[str, Any]:
        """The kernels under `triton.autotune`, by name."""
        found = {name: _tuner(value) for name, value in vars(self.module).items()}
        return {name: tuner for name, tuner in found.items() if tuner is not None}

    @functools.cached_property
    def _given(self) -> Mapping[str, Sequence[Any]]:
        """What their decorators list."""
        return {name: list(tuner.configs) for name, tuner in self._tuners.items()}

    def _is_tuned(self, name: str) -> bool:
        return self.kernel in (None, name)


@functools.lru_cache(maxsize=8)
def _load(source: Source, gpu: Played | None) -> KernelFile:
    name, module = source.name, ModuleType(f"kernel_of_{source.name}")
    if source.path is not None:
        module.__file__ = source.path
        importable(source.beside, Path(source.path).parent)
    try:
        with contextlib.nullcontext() if gpu is None else playing(gpu):
            run(module, source.text)
    except Exception as error:
        raise UserError(f"the kernel of {name} cannot be loaded: {summary(error)}") from error
    if not callable(getattr(module, "launch", None)):
        raise UserError(f"the kernel of {name} has no function launch(*inputs)")
    if source.kernel is not None and not hasattr(vars(module).get(source.kernel), "run"):
        raise UserError(f"the file of {name} has no kernel under triton.jit that is called {source.kernel}")
    file = KernelFile(module, source.kernel)
    _ = file._given  # before a launch replaces them
    if source.kernel is None and len(set(map(id, file._tuners.values()))) > 1:
        raise UserError(
            f"{' and '.join(file._tuners)} of {name} are under triton.autotune: "
            f"say which one to tune, such as workload.kernel={next(iter(file._tuners))}"
        )
    return file


def source_of(workload: Workload) -> Source:
    """Raises UserError for a workload without a kernel."""
    text, path = workload.source("triton"), getattr(workload, "path", None)
    files = () if path is None else beside(path, text)
    return Source(text, workload.name, getattr(workload, "kernel", None), path, files)


def given(workload: Workload) -> Mapping[str, Any]:
    """What a launcher is told of its workload."""
    return {"workload": workload.name, **workload.parameters}


def verified_on(source: Source, config: Mapping[str, Any], workload: Workload) -> Sequence[Workload]:
    """The workload in the sizes that a file wants a configuration verified on."""
    return [dataclasses.replace(workload, **sizes) for sizes in source.load().small(config)]  # type: ignore[type-var]


def as_decorators_take_it(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `triton.Config`: `kwargs` for the kernel, and options by name."""
    said = {name: value for name, value in config.items() if value != LEFT_OUT}
    options = {name: value for name, value in said.items() if name in OPTIONS}
    return {"kwargs": {name: value for name, value in said.items() if name not in OPTIONS}, **options}


def _config(config: Mapping[str, Any], given: Sequence[Any]) -> Any:
    """A `triton.Config`, with the hook of the one of the given that it has most in common with."""
    import triton

    def common(other: Any) -> int:
        return sum(config.get(name) == value for name, value in other.all_kwargs().items())

    return triton.Config(**as_decorators_take_it(config), pre_hook=max(given, key=common).pre_hook)


def _tuner(value: Any) -> Any:
    """The autotuner of a kernel under `triton.autotune`, below `triton.heuristics` too; None of anything else."""
    from triton.runtime.autotuner import Autotuner, Heuristics

    while isinstance(value, Heuristics):
        value = value.fn
    return value if isinstance(value, Autotuner) else None


def _around(configs: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Any]]:
    """Knobs for configurations: their values, and of whole numbers the powers of two between and next to them."""
    knobs: dict[str, Sequence[Any]] = {}
    for name in dict.fromkeys(name for config in configs for name in config):
        values = list(dict.fromkeys(config[name] for config in configs))
        said = [value for value in values if value != LEFT_OUT]
        knobs[name] = [*_between(name, said), *(value for value in values if value == LEFT_OUT)]
    return knobs


def _between(name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Values of one knob, with what lies between and next to them."""
    if name == "num_stages":
        return range(min(1, *values), max(5, *values) + 1)
    if all(type(value) is int and value > 0 and value & (value - 1) == 0 for value in values):
        least, most = min(values), max(values) * (2 if name not in ("num_warps", "num_ctas") else 1)
        most = max(most, 8) if name == "num_warps" else most
        return [1 << e for e in range(max(0, least.bit_length() - 2), most.bit_length())]
    return values
