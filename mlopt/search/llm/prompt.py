"""What a model is shown: the program, the machine, the space, and what has been tried, within a budget of tokens."""

from __future__ import annotations

import importlib.resources
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...core.errors import UserError, printable
from ...core.trial import Trial
from ...protocols import Brief, HintedSpace, Space
from ..rewritten import decisions
from .endpoint import CHARACTERS
from .history import Effect, History

FULL = {"best": 12, "failures": 6, "effects": 40, "hints": 6, "values": 40, "inspirations": 3, "program": 12_000}
"""How many of each the longest prompt shows: of knobs' values, and of the program its characters."""

SHORTENINGS = 12
"""How often all of that is cut by a quarter before a prompt is taken to be hopeless."""

ERROR = 200
"""Characters of an error message."""

Further = Callable[[Mapping[str, int]], Mapping[str, Any]]
"""From how many of each a prompt shows (see FULL) to what its template may speak of besides."""


def nothing(shown: Mapping[str, int]) -> Mapping[str, Any]:
    """A `Further` of prompts that say no more than all do."""
    return {}


@dataclass(frozen=True)
class Prompt:
    """Renders the template at `path` (None: mlopt's own for this `mode`) into prompts of about `tokens` at most."""

    path: Path | None
    tokens: int
    mode: str = "decisions"
    """The name of the template in conf/prompt."""

    def check(self) -> None:
        """Raise UserError for a template that cannot be read."""
        self._template()

    def render(
        self, brief: Brief, space: Space, history: History, left: int, most: int, further: Further = nothing
    ) -> str:
        """A prompt for `most` proposals, when `left` trials may still be made.

        `further` says what the template may speak of besides, given how many of each are shown. Raises UserError when
        the template fails, or when even the shortest prompt is too long.
        """
        from jinja2 import TemplateError

        template, hints = self._template(), _hints(space)
        shown, text = dict(FULL), ""
        for _ in range(SHORTENINGS):
            try:
                words = {**_words(brief, space, history, hints, shown), **further(shown)}
                text = template(words, left, most)
            except (TemplateError, TypeError, ValueError) as error:
                raise UserError(f"{self._name}: {error}") from None
            if len(text) <= self.tokens * CHARACTERS:
                return text
            shown = {name: max(1, count * 3 // 4) for name, count in shown.items()}
        raise UserError(
            f"search.prompt_tokens={self.tokens} is too little for this space: the shortest prompt takes about "
            f"{len(text) // CHARACTERS}"
        )

    @property
    def _name(self) -> str:
        return f"search.template={self.path}" if self.path else f"conf/prompt/{self.mode}.md"

    def _template(self) -> Callable[[Mapping[str, Any], int, int], str]:
        from jinja2 import StrictUndefined, TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        try:
            packaged = importlib.resources.files("mlopt") / "conf" / "prompt" / f"{self.mode}.md"
            source = (self.path or packaged).read_text("utf-8")
            environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
            # As it is, since the prompt is no page: `tojson` would write < and & as for one.
            environment.filters["tojson"] = json.dumps
            template = environment.from_string(source)
        except (OSError, UnicodeDecodeError, TemplateError) as error:
            raise UserError(f"{self._name}: {error}") from None
        return lambda words, left, most: template.render(**words, left=left, most=most)


def _hints(space: Space) -> list[dict[str, Any]]:
    return [dict(hint) for hint in space.hints()] if isinstance(space, HintedSpace) else []


def _words(
    brief: Brief, space: Space, history: History, hints: Sequence[Mapping[str, Any]], shown: Mapping[str, int]
) -> dict[str, Any]:
    """What the template may speak of, so much of each as `shown` says."""
    best = history.best(shown["best"])
    roofline = brief.roofline
    return {
        "workload": dict(brief.workload),
        "program": _cut(brief.program, shown["program"]),
        "machine": dict(brief.machine),
        "roofline": roofline and {**asdict(roofline), "seconds": roofline.seconds(brief.flops, brief.bytes)},
        "threads": brief.threads,
        "flops": brief.flops,
        "bytes": brief.bytes,
        "knobs": [_knob(knob, shown["values"]) for knob in space.knobs],
        "hints": hints[: shown["hints"]],
        "best": [success(trial, best[0]) for trial in best],
        "failures": [failure(trial) for trial in history.failures(shown["failures"])],
        "effects": _effects(history.effects(), shown["effects"]),
        "tried": len(history),
    }


def _knob(knob: Any, most: int) -> dict[str, Any]:
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
