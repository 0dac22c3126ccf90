"""What a payload asks to have optimised: the programs that schedules are applied to, and their spaces."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...core.alternatives import Alternatives
from ...core.schedule import Schedule
from . import openmp, transform
from .bindings import active, ir
from .payload.algorithms import rewrites
from .payload.bfloat16 import can_narrow, narrow_products
from .payload.contraction import Contraction
from .payload.frontend import finish, parse, prepare
from .simd import Simd
from .space.matmul import ContractionSpace
from .space.program import ProgramSpace


@dataclass(frozen=True)
class Formulation:
    """One way to state what is computed."""

    text: str
    """The program that schedules are applied to: the payload, or what was made of it."""
    space: ContractionSpace | ProgramSpace

    def script(self, schedule: Schedule) -> Any:
        """The transform module that carries out `schedule`. Needs an active context."""
        if isinstance(self.space, ProgramSpace):
            return transform.program.transformation(self.space, schedule)
        lanes, parallel = self.space.simd.lanes, self.space.threads > 1
        return transform.matmul.transformation(self.space.contraction, schedule, lanes, parallel)


class Problem:
    """The formulations of a payload, each by the decisions that choose it; a formulation is made when it is needed."""

    def __init__(self, formulations: Mapping[Schedule, Callable[[], Formulation]]) -> None:
        self._formulations = formulations
        first = next(iter(formulations.values()))
        self.space: ContractionSpace | ProgramSpace | Alternatives = (
            first().space if len(formulations) == 1 else Alternatives(_spaces(formulations))
        )

    def stated(self, schedule: Schedule) -> tuple[Formulation, Schedule]:
        """The formulation that `schedule` chooses, and its decisions within it."""
        path = self.space.branch(schedule) if isinstance(self.space, Alternatives) else Schedule()
        return self._formulations[path](), schedule.after(len(path))


@functools.lru_cache(maxsize=8)
def problem(source: str, threads: int, simd: Simd) -> Problem:
    """The problem in a payload, given as text, for kernels on `threads` threads with such vectors.

    Raises UserError when the payload cannot be parsed or optimised, or when there is no runtime for threads.
    """
    if threads > 1:
        openmp.library_path()  # told once, at the study's start, and not by every trial
    with active():
        module = parse(source)
        if contraction := Contraction.find(module):
            single = Formulation(source, ContractionSpace(contraction, simd, threads))
            return Problem({Schedule(): lambda: single})
        prepare(module)
        found = rewrites(module)
        make = functools.partial(_formulation, str(module), threads, simd)
        direct = Schedule.of({"algorithm": "direct"}) if found else Schedule()
        ways = {direct: make, **{path: functools.partial(make, rewrite) for path, rewrite in found.items()}}
        if simd.dots and can_narrow(module):
            wide = {Schedule.of({"products": "float32", **path.values()}): way for path, way in ways.items()}
            # First, so that a search begins with them: they take half as long.
            ways = {Schedule.of({"products": "pairs"}): functools.partial(make, narrow_products), **wide}
        return Problem(ways)


@functools.lru_cache(maxsize=64)
def _formulation(text: str, threads: int, simd: Simd, rewrite: Callable[[Any], None] | None = None) -> Formulation:
    """The program after `rewrite`, if there is one."""
    with active():
        module = ir.Module.parse(text)
        if rewrite:
            rewrite(module)
        nests = finish(module)
        if contraction := Contraction.find(module):
            return Formulation(str(module), ContractionSpace(contraction, simd, threads))
        return Formulation(str(module), ProgramSpace(nests, simd, threads))


def _spaces(formulations: Mapping[Schedule, Callable[[], Formulation]]) -> Mapping[Schedule, Any]:
    return {path: functools.partial(_space, make) for path, make in formulations.items()}


def _space(make: Callable[[], Formulation]) -> ContractionSpace | ProgramSpace:
    return make().space
