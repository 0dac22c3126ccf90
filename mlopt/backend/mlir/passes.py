"""Passes by name, as a file lists them: which may run, in what order, with which options."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails

from ...core.errors import UserError, nearest
from ...core.schedule import Value
from .lowering import PLAIN_POINTERS, pipeline

LONGEST_GROUP = 5
"""Passes whose order can be searched together: there are 120 orders of five."""

MODULE = "builtin.module"

PARALLEL, THREADS = "convert-scf-to-openmp", "num-threads"
"""The pass that makes regions of OpenMP, and its option that fixes how many threads a region has."""

LOWERS_BUFFERS = ("finalize-memref-to-llvm", "convert-func-to-llvm", "convert-to-llvm")
"""Before the first of these, the conventions of calls must be decided."""


@dataclass(frozen=True)
class Pass:
    """One pass as it runs."""

    name: str
    op: str
    """The operation that it runs on each of."""
    options: Mapping[str, Value] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """As an element of a pipeline on the module."""
        options = " ".join(f"{name}={spelled(value)}" for name, value in self.options.items())
        own = f"{self.name}{{{options}}}" if options else self.name
        return own if self.op == MODULE else f"{self.op}({own})"


def spelled(value: Value) -> str:
    """An option's value as MLIR writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Step(Strict):
    """One pass, and what can be decided about it."""

    name: Annotated[str, Field(alias="pass", min_length=1)]
    label: Annotated[str, Field(pattern=r"^[\w-]*$")] = ""
    """What its knobs are called; its name by default."""
    op: str = MODULE
    """Runs on each operation of this name."""
    optional: bool = False
    options: dict[str, Value | Annotated[list[Value], Field(min_length=1)]] = {}

    @property
    def title(self) -> str:
        return self.label or self.name

    def choices(self) -> dict[str, tuple[Value, ...]]:
        """The values of each option."""
        return {name: tuple(each) if isinstance(each, list) else (each,) for name, each in self.options.items()}

    def on(self, threads: int) -> Step:
        """The same; what it makes parallel runs on so many threads, unless the file says on how many."""
        if self.name != PARALLEL or THREADS in self.options:
            return self
        return self.model_copy(update={"options": {**self.options, THREADS: threads}})

    def fixed(self) -> Pass:
        """With the first value of each option."""
        return Pass(self.name, self.op, {name: values[0] for name, values in self.choices().items()})


def _spelled_out(entry: Any) -> Any:
    return {"pass": entry} if isinstance(entry, str) else entry


AnyStep = Annotated[Step, BeforeValidator(_spelled_out)]
"""Where a pass has nothing to be said of, its name is enough."""


class Group(Strict):
    """Passes whose order is to be found."""

    any_order: Annotated[tuple[AnyStep, ...], Field(min_length=2, max_length=LONGEST_GROUP)]

    def on(self, threads: int) -> Group:
        return self.model_copy(update={"any_order": tuple(step.on(threads) for step in self.any_order)})


def _kind(entry: Any) -> str:
    return "group" if isinstance(entry, dict) and "any_order" in entry else "step"


Entry = Annotated[Annotated[AnyStep, Tag("step")] | Annotated[Group, Tag("group")], Discriminator(_kind)]


class Pipelines(Strict):
    """The pipelines that a file allows: passes that always run, those in question, and the way down to LLVM."""

    before: tuple[AnyStep, ...] = ()
    passes: Annotated[tuple[Entry, ...], Field(min_length=1)]
    after: Annotated[tuple[AnyStep, ...], Field(min_length=1)]

    @property
    def steps(self) -> Iterator[Step]:
        """Those in question, in the file's order."""
        for entry in self.passes:
            yield from entry.any_order if isinstance(entry, Group) else (entry,)

    def on(self, threads: int) -> Pipelines:
        """The same; what their passes make parallel runs on so many threads, wherever the kernel is taken."""
        fields = ("before", "passes", "after")
        return self.model_copy(
            update={name: tuple(each.on(threads) for each in getattr(self, name)) for name in fields}
        )

    @property
    def lowering(self) -> str:
        return pipeline(*(step.fixed().text for step in self.after))

    @property
    def library_lowering(self) -> str:
        """As `lowering`, to a function that takes plain pointers."""
        names = [step.name for step in self.after]
        place = next((place for place, name in enumerate(names) if name in LOWERS_BUFFERS), len(names))
        texts = [step.fixed().text for step in self.after]
        return pipeline(*texts[:place], PLAIN_POINTERS, *texts[place:])

    def every(self) -> Iterator[str]:
        """Every pass that may stand in a pipeline, with every value of every option, as elements of one."""
        for step in (*self.before, *self.steps, *self.after):
            yield step.fixed().text
            for name, values in step.choices().items():
                yield from (Pass(step.name, step.op, {name: value}).text for value in values)


def text(path: str) -> str:
    """What the file of `backend.pipeline_space` holds. Raises UserError."""
    try:
        return Path(path).read_text()
    except OSError as error:
        raise UserError(f"cannot read backend.pipeline_space={path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"backend.pipeline_space={path} is not a file of text") from None


@functools.cache
def read(path: str) -> Pipelines:
    """The pipelines of a YAML file. Raises UserError for what it should not hold."""
    try:
        content = yaml.safe_load(text(path))
    except yaml.YAMLError as error:
        raise UserError(f"{Path(path).name} is no YAML: {' '.join(str(error).split())}") from None
    try:
        found = Pipelines.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise UserError(f"{Path(path).name}: {_reason(error.errors()[0])}") from None
    titles = [step.title for step in found.steps]
    for title in titles:
        if titles.count(title) > 1:
            raise UserError(f"{Path(path).name}: there are two of {title}; give one a label of its own")
    for step in (*found.before, *found.after):
        if step.optional or any(len(values) > 1 for values in step.choices().values()):
            raise UserError(f"{Path(path).name}: {step.name} leaves a choice, which only passes can")
    return found


def _reason(fault: ErrorDetails) -> str:
    """What is wrong, and where: such as 'passes.2: no key 'optoins'; did you mean 'options'?'."""
    path = [str(part) for part in fault["loc"] if part not in ("step", "group")]
    if fault["type"] == "extra_forbidden":
        keys = [
            *(each.alias or name for model in (Pipelines, Step, Group) for name, each in model.model_fields.items())
        ]
        return f"{'.'.join(path[:-1]) or 'the file'}: no key '{path[-1]}'{nearest(path[-1], set(keys) - {path[-1]})}"
    if "options" in path:
        path, message = path[: path.index("options") + 2], "must be a value, or a list of values to choose from"
        return f"{'.'.join(path)}: {message}"
    return f"{'.'.join(path) or 'the file'}: {fault['msg'].replace('an object', 'a mapping of keys')}"
