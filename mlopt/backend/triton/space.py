"""The knobs of a kernel's file as a flat space."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from ...core.errors import UserError, summary
from ...core.schedule import Decision, Schedule, Value
from ...core.space import Kind, Knob, KnobSpace
from ...protocols import SOURCE, Workload
from .isolation import Isolation, unprotected
from .kernel_file import KernelFile
from .region import Region
from .target import Gpu

OPTIONS = {
    "num_warps": "warps that run a program",
    "num_stages": "stages of the pipeline of a loop's loads",
    "num_ctas": "blocks of a cluster that share a program",
}
"""What a launcher hands to Triton under these names."""


class KernelSpace(KnobSpace):
    """A knob for each entry of KNOBS, under CONSTRAINTS; each of these is judged at the last of its knobs."""

    def __init__(self, file: KernelFile, workload: Workload, gpu: Gpu) -> None:
        self._start = tuple(file.start)
        names = list(file.knobs)
        known = {**(asdict(workload) if is_dataclass(workload) else {}), "gpu": gpu}
        self._rules: dict[str, list[_Rule]] = {name: [] for name in names}
        for constraint in file.constraints:
            rule = _Rule(constraint, names, known)
            if not rule.knobs and not rule.holds({}):
                raise UserError(f"no {workload.name} of this kind on this target: it must be that {rule.name}")
            last = max(rule.knobs, key=names.index, default=names[0])
            self._rules[last].append(rule)
        self.knobs = tuple(
            _knob(name, values, self._purpose(name), self._needs(name, names)) for name, values in file.knobs.items()
        )
        if not self.count():
            raise UserError(f"no configuration of {workload.name} satisfies its constraints on this target")

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        rules = self._rules[knob.name]
        return [value for value in knob.values if all(rule.holds({**chosen, knob.name: value}) for rule in rules)]

    def hints(self) -> Sequence[Mapping[str, Value]]:
        """START, as far as its values are knobs' values."""
        values = {knob.name: knob.values for knob in self.knobs}
        return [hint for hint in self._start if hint.keys() == values.keys() and _all_known(hint, values)]

    def _purpose(self, name: str) -> str:
        """What Triton does with it, and what must hold from it on: its constraints, as far as they have names."""
        rules = [f"must be that {rule.name}" for rule in self._rules[name] if rule.name[:1].isalpha()]
        return "; ".join([OPTIONS[name], *rules] if name in OPTIONS else rules)

    def _needs(self, name: str, names: Sequence[str]) -> tuple[str, ...]:
        needed = {other for rule in self._rules[name] for other in rule.knobs} - {name}
        return tuple(sorted(needed, key=names.index))


class RewritableKernelSpace(KernelSpace):
    """The same, where a part of the file may be rewritten (`protocols.RewritableSpace`)."""

    def __init__(self, file: KernelFile, workload: Workload, gpu: Gpu, region: Region, isolation: Isolation) -> None:
        super().__init__(file, workload, gpu)
        if SOURCE in file.knobs:
            raise UserError(f"{SOURCE} names what is rewritten of a kernel's file: give the knob another name")
        self._region = region
        self._isolation = isolation

    @property
    def source(self) -> str:
        return self._region.text

    @property
    def surroundings(self) -> tuple[str, str]:
        return self._region.before, self._region.after

    def unprotected(self) -> Sequence[str]:
        return unprotected(self._isolation)

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        return () if _is_rewritten(prefix) else super().options(prefix)

    def check(self, schedule: Schedule) -> None:
        if _is_rewritten(schedule):
            self._region.rewritten(str(schedule[-1].value))
            schedule = schedule.prefix(len(schedule) - 1)
        super().check(schedule)


def _is_rewritten(schedule: Schedule) -> bool:
    return bool(schedule) and schedule[-1].knob == SOURCE


class _Rule:
    """A constraint: which knobs it looks at, and what else it is given."""

    def __init__(self, function: Callable[..., bool], names: Sequence[str], known: Mapping[str, Any]) -> None:
        parameters = inspect.signature(function).parameters
        self._function = function
        self.name = function.__name__.strip("_").replace("_", " ")
        self.knobs = [name for name in parameters if name in names]
        for name in parameters:
            if name not in names and name not in known:
                raise UserError(f"a constraint asks for {name}, which is no knob, no key of the workload and not gpu")
        self._known = {name: known[name] for name in parameters if name not in names}

    def holds(self, chosen: Mapping[str, Value]) -> bool:
        try:
            return bool(self._function(**self._known, **{name: chosen[name] for name in self.knobs}))
        except Exception as error:
            raise UserError(f"a constraint on {', '.join(self.knobs)} failed: {summary(error)}") from error


def _knob(name: str, values: Sequence[Any], purpose: str, needs: tuple[str, ...]) -> Knob:
    if not values or any(type(value) not in (bool, int, float, str) for value in values):
        raise UserError(f"knob {name} needs a list of numbers, words or truth values")
    kind: Kind = "categorical"
    if all(type(value) is int and value > 0 and value & (value - 1) == 0 for value in values):
        kind = "log2"
    elif all(type(value) in (int, float) for value in values):
        kind = "ordinal"
    ordered = tuple(dict.fromkeys(values)) if kind == "categorical" else tuple(sorted(set(values)))
    return Knob(name, kind, ordered, purpose, needs)


def _all_known(hint: Mapping[str, Value], values: Mapping[str, Sequence[Value]]) -> bool:
    return all(value in values[name] for name, value in hint.items())
