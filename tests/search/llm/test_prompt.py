"""What a model is shown."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dialogue import BRIEF
from tiles import BEST, FAR, GOOD, Hinted, ok

from mlopt.backend.mlir.explain import explain
from mlopt.backend.mlir.problem import problem
from mlopt.backend.mlir.simd import Simd
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Space
from mlopt.search.llm.answers import schema
from mlopt.search.llm.history import History
from mlopt.search.llm.model import CHARACTERS
from mlopt.search.llm.prompt import Prompt, Question, TooLong
from mlopt.search.vary import unhinted
from mlopt.testing.spaces import Flat
from mlopt.workloads.conv2d.workload import Conv2d

GOLDEN, CONVOLUTION = (Path(__file__).with_name(f"{name}.golden.md") for name in ("prompt", "convolution"))


class Many(KnobSpace):
    """A thousand knobs."""

    knobs = tuple(Knob(f"knob {number}", "log2", (1, 2, 4)) for number in range(1000))

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values


def history() -> History:
    """Two successes and two failures of one kind in the flat space."""
    told = History()
    values = {"tile": 8, "register": 2, "vectorize": True, "unroll": 1}
    told.add(ok(Schedule.of(values), 2e-4))
    told.add(ok(Schedule.of({**values, "tile": 4}), 1e-4))
    for number, unroll in ((2, 2), (3, 3)):
        schedule = Schedule.of({**values, "unroll": unroll})
        told.add(Trial(number, schedule, Status.CRASH, error="segmentation fault"))
    return told


def asked(prompt: Prompt, space: Space, past: History) -> Question:
    return prompt.render(BRIEF, space, past, 50, 4, functools.partial(schema, most=4))


def rendered(prompt: Prompt = Prompt(None, 10_000), past: History | None = None) -> str:  # noqa: B008 - immutable
    return asked(prompt, Flat(), past or history()).text


def test_shows_program_machine_space_and_history() -> None:
    """Renew the golden file by running this test after deleting it, and read what changed."""
    if not GOLDEN.exists():
        GOLDEN.write_text(rendered())
        pytest.fail("the golden prompt was written anew")
    assert rendered() == GOLDEN.read_text()


def test_shows_where_the_space_would_begin() -> None:
    text = asked(Prompt(None, 10_000), Hinted(), History()).text
    assert str(BEST).replace("'", '"') in text


def test_is_shortened_to_its_budget_and_keeps_the_best() -> None:
    past = history()
    for number in range(200):
        past.add(ok(Schedule.of({"knob": number}), 1.0 + number))
    whole, short = (asked(Prompt(None, tokens), Flat(), past) for tokens in (10_000, 1_200))
    assert _sent(short) <= 1_200 * CHARACTERS * 7 / 8 < _sent(whole)
    assert '"ratio": 1.0' in short.text
    assert "Propose 4 schedules" in short.text


def _sent(question: Question) -> int:
    """Characters."""
    return len(question.text) + len(json.dumps(question.schema))


def test_of_very_many_knobs_those_are_shown_that_matter() -> None:
    space = Many()
    past = History()
    for value in (1, 2, 4):
        past.add(ok(Schedule.of({knob.name: 1 for knob in space.knobs} | {"knob 777": value}), 1.0 / value))
    question = asked(Prompt(None, 4_000), space, past)
    assert _sent(question) <= 4_000 * CHARACTERS
    shown = [json.loads(line)["knob"] for line in question.text.splitlines() if line.startswith('{"knob": "knob')]
    assert "knob 777" in shown
    assert f"... and {len(space.knobs) - len(set(shown))} more" in question.text
    assert question.text.count('"knob 999"') == 0
    schedule = question.schema["properties"]["proposals"]["items"]["properties"]["schedule"]
    assert set(schedule["properties"]) == set(shown)


def test_a_budget_that_nothing_fits_is_refused() -> None:
    with pytest.raises(TooLong, match=r"search\.prompt_tokens=50 is too little"):
        rendered(Prompt(None, 50))


def test_a_template_of_the_users_own_is_rendered(tmp_path: Path) -> None:
    own = tmp_path / "own.md"
    own.write_text("{{ tried }} of {{ workload.name }}: {{ best[0].seconds }}, {{ left }} left, {{ most }} wanted")
    assert rendered(Prompt(own, 1_000)) == "4 of matmul: 0.0001, 50 left, 4 wanted"


FAULTY = [
    "{{ nothing }}",
    "{% if %}",
    "{{ ''.__class__.__mro__ }}",
    "{{ 1 // (left - 50) }}",
    "{{ 2.0 ** 5000 }}",
    "{{ {}.pop('a') }}",
    "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{{ " + "(" * 5000 + " }}",
]


@pytest.mark.parametrize("text", FAULTY, ids=range(len(FAULTY)))
def test_a_faulty_template_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.md"
    own.write_text(text)
    with pytest.raises(UserError, match=r"search\.template=") as raised:
        rendered(Prompt(own, 100))
    assert len(str(raised.value).splitlines()) == 1


def test_a_template_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        Prompt(tmp_path / "none.md", 100).check()


def test_effects_tell_good_values_from_bad_ones() -> None:
    past = History()
    for inner in (1, 2, 4):
        for pack, factor in (("none", 2.0), ("both", 1.0)):
            past.add(ok(Schedule.of({**BEST, "inner_k": inner, "pack": pack}), factor * (1.0 + 0.01 * inner)))
    effects = past.effects()
    assert [effect.knob for effect in effects[:2]] == ["pack", "pack"]
    factors = {effect.value: effect.factor for effect in effects if effect.knob == "pack"}
    assert factors["both"] < 1.0 < factors["none"]
    assert {effect.knob for effect in effects} == {"pack", "inner_k"}  # the others were never varied


def test_the_best_come_first_and_failures_once_a_kind() -> None:
    past = history()
    past.add(ok(GOOD, 5e-5))
    past.add(ok(FAR, 1.0))
    assert [trial.seconds for trial in past.best(2)] == [5e-5, 1e-4]
    assert [trial.trial for trial in past.failures(5)] == [3]
    assert past.last_gain == 5


def test_what_is_told_of_a_program_and_its_knobs_is_the_same_until_somebody_changes_it() -> None:
    """Renewed as the other golden file is."""
    source, simd = Conv2d(n=1, c=4, h=10, w=10, f=8, kh=3, kw=3).source("mlir"), Simd(lanes=8, registers=16)
    space = problem(source, 1, simd).space
    brief = replace(BRIEF, program=explain(source, space, simd))
    prompt, schemed = Prompt(None, 100_000), functools.partial(schema, most=4)
    text = prompt.render(brief, unhinted(space), History(), 50, 4, schemed).text
    told = "\n".join(line for line in text.splitlines() if line.startswith(("Vectors", "With", "- ", '{"knob"')))
    if not CONVOLUTION.exists():
        CONVOLUTION.write_text(told)
        pytest.fail("the golden prompt was written anew")
    assert told == CONVOLUTION.read_text()
