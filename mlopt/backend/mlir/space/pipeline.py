"""The space of pass pipelines that a file allows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from ....core.schedule import Schedule, Value
from ....core.space import Kind, Knob, KnobSpace
from ..passes import Group, Pass, Pipelines, Step

NEXT = " > "
"""Stands between the passes of an order."""


class PipelineSpace(KnobSpace):
    """Which optional passes run, each pass's options, and the orders of groups.

    An option of a pass that does not run has its first value, and such passes come last in an order: every schedule
    is a pipeline of its own.
    """

    def __init__(self, pipelines: Pipelines) -> None:
        self.pipelines = pipelines
        self.steps = {step.title: step for step in pipelines.steps}
        self.orders: dict[str, Group] = {}
        knobs: list[Knob] = []
        for entry in pipelines.passes:
            for step in entry.any_order if isinstance(entry, Group) else (entry,):
                knobs += _knobs(step)
            if isinstance(entry, Group):
                name = f"order {len(self.orders) + 1}"
                self.orders[name] = entry
                knobs.append(_order(name, entry))
        self.knobs = tuple(knobs)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        skipped = [name for name in knob.needs if not chosen[name]]
        if knob.name in self.orders:
            orders = [str(value).split(NEXT) for value in knob.values]
            return [NEXT.join(order) for order in orders if order[len(order) - len(skipped) :] == skipped]
        return knob.values[:1] if skipped else knob.values

    def passes(self, schedule: Schedule) -> list[Pass]:
        """The passes that a schedule runs before the lowering, in their order."""
        values = schedule.values()
        steps = list(self.pipelines.before)
        orders = iter(self.orders)
        for entry in self.pipelines.passes:
            if isinstance(entry, Group):
                steps += [self.steps[title] for title in str(values[next(orders)]).split(NEXT)]
            else:
                steps.append(entry)
        return [_decided(step, values) for step in steps if values.get(step.title, True)]


def _knobs(step: Step) -> list[Knob]:
    runs = [Knob(step.title, "categorical", (False, True), "whether it runs")] if step.optional else []
    needs = (step.title,) if step.optional else ()
    choices = {name: values for name, values in step.choices().items() if len(values) > 1}
    return [
        *runs,
        *(Knob(_option(step, name), *_scale(values), f"its {name}", needs) for name, values in choices.items()),
    ]


def _option(step: Step, name: str) -> str:
    return f"{step.title}.{name}"


def _scale(values: Sequence[Value]) -> tuple[Kind, tuple[Value, ...]]:
    """Numbers have an order, words have none."""
    if all(type(value) in (int, float) for value in values):
        return "ordinal", tuple(sorted(set(values), key=float))
    return "categorical", tuple(dict.fromkeys(values))


def _order(name: str, group: Group) -> Knob:
    titles = [step.title for step in group.any_order]
    optional = tuple(step.title for step in group.any_order if step.optional)
    orders = tuple(NEXT.join(order) for order in itertools.permutations(titles))
    return Knob(name, "permutation", orders, "which comes first", optional)


def _decided(step: Step, values: Mapping[str, Value]) -> Pass:
    options = {name: values.get(_option(step, name), choices[0]) for name, choices in step.choices().items()}
    return Pass(step.name, step.op, options)
