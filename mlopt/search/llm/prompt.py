"""What a model is shown: the program, the machine, the space, and what has been tried, within a budget of tokens."""

from __future__ import annotations

import importlib.resources
import itertools
import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...core.errors import UserError, printable, summary
from ...core.space import Knob
from ...core.trial import Trial
from ...protocols import Brief, HintedSpace, Space
from ..rewritten import decisions
from .history import Effect, History
from .model import CHARACTERS

FULL = {"best": 12, "failures": 6, "effects": 40, "hints": 6, "values": 40, "inspirations": 3, "program": 12_000}
"""How many of each the longest prompt shows, beside all knobs: of knobs' values, and of the program its characters."""

LEAST = {"best": 1, "knobs": 1, "values": 2}
"""How many of each the shortest prompt shows, where not none."""

SHORTENINGS = 12
"""How often all of that is cut by a quarter before a prompt is taken to be hopeless."""

ERROR = 200
"""Characters of an error message."""

SPARE = 8
"""The part of the budget, one in so many, that is kept for answers which are sent back."""

Schema = Callable[[Sequence[Knob]], Mapping[str, Any]]
"""From the knobs that a prompt shows to the schema of an answer."""

Template = Callable[[Mapping[str, Any], int, int], str]
"""From what it may speak of, the trials left and the proposals wanted to the text."""

Further = Callable[[Mapping[str, int]], Mapping[str, Any]]
"""From how many of each a prompt shows (see FULL) to what its template may speak of besides."""


def nothing(shown: Mapping[str, int]) -> Mapping[str, Any]:
    """A `Further` of prompts that say no more than all do."""
    return {}


class TooLong(Exception):
    """Even the shortest prompt is beyond the budget."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked, and the schema of its answer."""

    text: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Prompt:
    """Renders the template at `path` (None: mlopt's own for this `mode`) into prompts for a budget of about `tokens`.

    The schema of answers and the answers that are sent back are paid from that budget, too.
    """

    path: Path | None
    tokens: int
    mode: str = "decisions"
    """The name of the template in conf/prompt."""

    def check(self) -> None:
        """Raise UserError for a template that cannot be read."""
        self._template()

    @property
    def spare(self) -> int:
        """Characters that answers which are sent back, and what is wrong with them, may take in a turn."""
        return self.tokens * CHARACTERS // SPARE

    def render(
        self,
        brief: Brief,
        space: Space,
        history: History,
        left: int,
        most: int,
        schema: Schema,
        further: Further = nothing,
    ) -> Question:
        """A prompt for `most` proposals, when `left` trials may still be made.

        `further` says what the template may speak of besides, given how many of each are shown. Raises TooLong, and
        UserError when the template fails.
        """
        template, hints = self._template(), _hints(space)
        shown, length = {**FULL, "knobs": len(space.knobs)}, 0
        for _ in range(SHORTENINGS):
            knobs = _chosen(space.knobs, history, shown["knobs"])
            words = {**_words(brief, knobs, history, hints, shown), "hidden": len(space.knobs) - len(knobs)}
            question = Question(self._filled(template, {**words, **further(shown)}, left, most), schema(knobs))
            length = len(question.text) + len(json.dumps(question.schema))
            if length <= self.tokens * CHARACTERS - self.spare:
                return question
            shown = {name: max(LEAST.get(name, 0), count * 3 // 4) for name, count in shown.items()}
        raise TooLong(
            f"search.prompt_tokens={self.tokens} is too little: the shortest prompt takes about {length // CHARACTERS}"
        )

    def _filled(self, template: Template, words: Mapping[str, Any], left: int, most: int) -> str:
        """Raises UserError, whatever the template raises."""
        try:
            return template(words, left, most)
        except Exception as error:
            raise UserError(f"{self._name}: {summary(error)}") from None

    @property
    def _name(self) -> str:
        return f"search.template={self.path}" if self.path else f"conf/prompt/{self.mode}.md"

    def _template(self) -> Template:
        from jinja2 import StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        try:
            packaged = importlib.resources.files("mlopt") / "conf" / "prompt" / f"{self.mode}.md"
            source = (self.path or packaged).read_text("utf-8")
            environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
            # As it is, since the prompt is no page: `tojson` would write < and & as for one.
            environment.filters["tojson"] = json.dumps
            template = environment.from_string(source)
        except Exception as error:  # a template of the user's own may fail in any way
            raise UserError(f"{self._name}: {summary(error)}") from None
        return lambda words, left, most: template.render(**words, left=left, most=most)


def _hints(space: Space) -> list[dict[str, Any]]:
    return [dict(hint) for hint in space.hints()] if isinstance(space, HintedSpace) else []


def _chosen(knobs: Sequence[Knob], history: History, most: int) -> Sequence[Knob]:
    """So many knobs, in their order: those that matter most, by what is known, then those that are decided first."""
    ranked = dict.fromkeys([*(effect.knob for effect in history.effects()), *(knob.name for knob in knobs)])
    chosen = set(itertools.islice(ranked, most))
    return [knob for knob in knobs if knob.name in chosen]


def _words(
    brief: Brief, knobs: Sequence[Knob], history: History, hints: Sequence[Mapping[str, Any]], shown: Mapping[str, int]
) -> dict[str, Any]:
    """What the template may speak of, so much of each as `shown` says."""
    best = history.best(shown["best"])
    names, roofline = {knob.name for knob in knobs}, brief.roofline
    return {
        "workload": dict(brief.workload),
        "program": _cut(brief.program, shown["program"]),
        "machine": dict(brief.machine),
        "roofline": roofline and {**asdict(roofline), "seconds": roofline.seconds(brief.flops, brief.bytes)},
        "threads": brief.threads,
        "flops": brief.flops,
        "bytes": brief.bytes,
        "knobs": [_knob(knob, shown["values"]) for knob in knobs],
        "hints": [_of(hint, names) for hint in hints[: shown["hints"]]],
        "best": [_about(success(trial, best[0]), names) for trial in best],
        "failures": [_about(failure(trial), names) for trial in history.failures(shown["failures"])],
        "effects": _effects(history.effects(), shown["effects"]),
        "tried": len(history),
    }


def _of(values: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    """Of a schedule the knobs that are shown."""
    return {name: value for name, value in values.items() if name in names}


def _about(trial: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    return {**trial, "schedule": _of(trial["schedule"], names)}


def _knob(knob: Knob, most: int) -> dict[str, Any]:
    values = list(knob.values)
    if len(values) > most:  # the rest lies between these
        values = [values[round(index * (len(values) - 1) / max(1, most - 1))] for index in range(most)]
    described: dict[str, Any] = {"knob": knob.name, "kind": knob.kind, "values": values, "purpose": knob.purpose}
    return {**described, "needs": list(knob.needs)} if knob.needs else described


def success(trial: Trial, best: Trial) -> dict[str, Any]:
    """How a trial did, beside the best one; both were ok."""
    assert trial.objective is not None
    assert best.objective is not None
    number = {"seconds": float(f"{trial.objective:.4g}"), "ratio": round(trial.objective / best.objective, 3)}
    return {**number, "schedule": decisions(trial.schedule).values()}


def failure(trial: Trial) -> dict[str, Any]:
    """How a trial failed."""
    error = printable(trial.error)[:ERROR]
    return {"status": trial.status.value, "error": error, "schedule": decisions(trial.schedule).values()}


def _effects(effects: Sequence[Effect], most: int) -> list[dict[str, Any]]:
    """By knob: the values from the best to the worst, with their factors and numbers of trials."""
    lines = []
    for knob, each in itertools.groupby(effects[:most], key=lambda effect: effect.knob):
        ranked = sorted(each, key=lambda effect: effect.factor)
        values = [[effect.value, round(effect.factor, 3), effect.trials] for effect in ranked]
        lines.append({"knob": knob, "values": values})
    return lines


def _cut(text: str, most: int) -> str:
    """The beginning of `text`, in whole lines where it has some."""
    if len(text) <= most:
        return text
    return f"{text[:most].rpartition(chr(10))[0] or text[:most]}\n... ({len(text) - most} more characters)"
