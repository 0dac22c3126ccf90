"""A Python file with a Triton kernel, mlopt's own or a user's: what it must hold, and how it is called.

`launch(*inputs)` allocates the outputs, launches the kernel and returns them. It is given, by name, if it takes them:
`config`, knobs and their values; `workload`, its name; its parameters; `multiprocessors`, how many the GPU has. A
kernel under `triton.autotune` is given its configuration by that decorator, of which the tuning is left out.

Where several kernels are under `triton.autotune`, the one that a `Source` names is tuned, and others are launched in
the first configuration of theirs.

`KNOBS` names the values of each knob. `CONSTRAINTS` are functions whose parameters name what they look at: knobs,
keys of the workload, or `gpu`, the target. `START` lists configurations to begin with. All three have defaults for a
kernel under `triton.autotune`. `small(config)` lists sizes, keys of the workload, on which the kernel is verified by
Triton's interpreter.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import linecache
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ...core.errors import UserError, summary
from ...protocols import Workload

OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")
"""What a configuration says to the compiler and not to the kernel."""


@dataclass(frozen=True)
class Source:
    """What a file is loaded from, in any process."""

    text: str
    name: str
    """Of the workload, for messages."""
    kernel: str | None = None
    """Which one to tune, of several under `triton.autotune`; None for all."""

    def load(self) -> KernelFile:
        """The file, run. Raises UserError when it cannot be used."""
        return _load(self)


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
        """Configurations to begin with."""
        start: Sequence[Mapping[str, Any]] | None = getattr(self.module, "START", None)
        if start is not None:
            return start
        tuned = next(filter(self._is_tuned, self._given), None)
        return () if tuned is None else [config.all_kwargs() for config in self._given[tuned]]

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
        import triton

        options = {name: value for name, value in config.items() if name in OPTIONS}
        own = {name: value for name, value in config.items() if name not in OPTIONS}
        configs = {
            name: [triton.Config(own, **options, pre_hook=given[0].pre_hook)] if self._is_tuned(name) else given[:1]
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
def _load(source: Source) -> KernelFile:
    text, name = source.text, source.name
    filename = f"<{name} {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)  # Triton reads the source
    module = ModuleType(f"kernel_of_{name}")
    try:
        exec(compile(text, filename, "exec"), module.__dict__)
    except Exception as error:
        raise UserError(f"the kernel of {name} cannot be loaded: {summary(error)}") from error
    if not callable(getattr(module, "launch", None)):
        raise UserError(f"the kernel of {name} has no function launch(*inputs)")
    if source.kernel is not None and not hasattr(vars(module).get(source.kernel), "run"):
        raise UserError(f"the file of {name} has no kernel under triton.jit that is called {source.kernel}")
    file = KernelFile(module, source.kernel)
    _ = file._given  # before a launch replaces them
    return file


def source_of(workload: Workload) -> Source:
    """Raises UserError for a workload without a kernel."""
    return Source(workload.source("triton"), workload.name, getattr(workload, "kernel", None))


def given(workload: Workload) -> Mapping[str, Any]:
    """What a launcher is told of its workload."""
    return {"workload": workload.name, **workload.parameters}


def verified_on(source: Source, config: Mapping[str, Any], workload: Workload) -> Sequence[Workload]:
    """The workload in the sizes that a file wants a configuration verified on."""
    return [dataclasses.replace(workload, **sizes) for sizes in source.load().small(config)]  # type: ignore[type-var]


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
        values = list(dict.fromkeys(config[name] for config in configs if name in config))
        if name == "num_stages":
            values = list(range(1, max(5, *values) + 1))
        elif all(type(value) is int and value > 0 and value & (value - 1) == 0 for value in values):
            least, most = min(values), max(values) * (2 if name not in ("num_warps", "num_ctas") else 1)
            most = max(most, 8) if name == "num_warps" else most
            values = [1 << e for e in range(max(0, least.bit_length() - 2), most.bit_length())]
        knobs[name] = values
    return knobs
