"""Search by a language model that rewrites the program: scripted models on a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from dialogue import BRIEF, Serve, Study, endpoint
from rewritable import GIVEN, Rewritable, RewritableFlat, rewritten, trial
from tiles import BEST, TILES

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import SOURCE
from mlopt.search.bayes import Bayes
from mlopt.search.evolve import Evolve
from mlopt.search.llm.search import STRIKES, Llm
from mlopt.search.llm.transcript import NAME, read
from mlopt.testing.models import Part, Reply, Server, closed_port, says
from mlopt.testing.spaces import Flat, schedules

GOLDEN = Path(__file__).with_name("source.golden.md")


def edits(*changes: tuple[str, str], **decisions: Any) -> dict[str, Any]:
    """A proposal."""
    replaced = [{"search": search, "replace": replace} for search, replace in changes]
    return {"reason": "a hunch", "edits": replaced, "schedule": decisions}


def answers(*proposals: Mapping[str, Any]) -> Reply:
    return says(json.dumps({"proposals": list(proposals)}))


def studied(part: Part, serve: Serve, directory: Path | None = None, **settings: Any) -> tuple[Study, Server]:
    server = serve(part)
    search = Llm(endpoint(server.url), mode="source", **{"proposals": 1, **settings})
    return Study(search, directory, Rewritable(), trial, BRIEF), server


def improving(body: Mapping[str, Any], number: int) -> Reply:
    """Makes one of the numbers of the program that it is shown a little smaller."""
    rng = np.random.default_rng(number)
    shown = body["messages"][1]["content"].partition("# Your part")[2]
    name = ("first", "second")[rng.integers(2)]
    value = int(re.findall(rf"{name} = (\d+)", shown)[0])
    return answers(edits((f"{name} = {value}", f"{name} = {max(0, value - 1 - rng.integers(2))}")))


def test_tries_the_program_as_it_was_given_and_then_what_the_model_makes_of_it(serve: Serve) -> None:
    study, server = studied(lambda body, number: answers(edits(("first = 4", "first = 3"))), serve)
    given, changed = study.run(2)
    assert given.schedule == Schedule.of(BEST)
    assert changed.schedule == rewritten("first = 3\nsecond = 4\n")
    assert study.origins == ["expert", "model"]
    assert server.requests[0]["response_format"]["json_schema"]["schema"]["properties"]


def test_an_answer_by_the_schema_may_decide_knobs_too(serve: Serve) -> None:
    proposal = edits(("second = 4", "second = 2"), inner_k=2)
    study, server = studied(lambda body, number: answers(proposal), serve)
    changed = study.run(2)[1].schedule.values()
    assert changed == {**BEST, "inner_k": 2, SOURCE: "first = 4\nsecond = 2\n"}
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    jsonschema.validate({"proposals": [proposal]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"proposals": [{**proposal, "edits": [{"search": "first"}]}]}, schema)


def test_decisions_alone_are_a_proposal_for_the_program_as_it_was_given(serve: Serve) -> None:
    study, _ = studied(lambda body, number: answers(edits(inner_k=2)), serve)
    assert study.run(2)[1].schedule == Schedule.of({**BEST, "inner_k": 2})


def test_blocks_in_prose_are_a_proposal(serve: Serve) -> None:
    text = "I would try\n<<<<<<< SEARCH\nfirst = 4\n=======\nfirst = 1\n>>>>>>> REPLACE\nfor speed."
    study, _ = studied(lambda body, number: says(text), serve)
    assert study.run(2)[1].schedule == rewritten("first = 1\nsecond = 4\n")


def test_blocks_count_whatever_brackets_stand_beside_them(serve: Serve) -> None:
    block = "<<<<<<< SEARCH\nfirst = 4\n=======\nfirst = {}\n>>>>>>> REPLACE"
    text = f'<think>{block.format(2)}</think>As in {{}} and {{"a": [0]}}:\n{block.format(1)}'
    study, _ = studied(lambda body, number: says(text), serve)
    assert study.run(2)[1].schedule == rewritten("first = 1\nsecond = 4\n")


def test_half_a_character_does_not_spoil_what_is_kept(serve: Serve, tmp_path: Path) -> None:
    study, _ = studied(lambda body, number: answers(edits(("first = 4", "first = 3  # \ud83d"))), serve, tmp_path)
    (_, tried) = study.run(2)
    assert tried.schedule == rewritten("first = 3  # ?\nsecond = 4\n")
    assert all(exchange.text for exchange in read(tmp_path / NAME))


def test_it_is_refused_where_programs_are_executed(serve: Serve) -> None:
    server = serve(improving)
    with pytest.raises(UserError, match="evaluator=simulation"):
        Study(Llm(endpoint(server.url), mode="source"), None, Rewritable(), trial, executes=True)
    assert server.requests == []


def test_improvements_add_up_over_islands(serve: Serve) -> None:
    study, _ = studied(improving, serve, islands=2)
    trials = study.run(40)
    assert min(t.seconds for t in trials if t.seconds) <= 3.0


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        (edits(("fourth = 4", "")), "edit 1: what it searches for is not in the source"),
        (edits(("= 4", "= 3")), "stands in 2 places"),
        (edits(("first = 4", "first = three")), "three is no number"),
        (edits(), "neither edits the source nor decides a knob"),
        (edits(("first = 4", "first = 4")), "was tried already"),
        ({"edits": "first = 3"}, "neither edits"),
        (edits(("first = 4", "first = 3  # " + "x" * 20_000)), "characters long; 9000 at most"),
    ],
)
def test_what_cannot_be_tried_is_sent_back_with_the_reason(
    serve: Serve, proposal: Mapping[str, Any], reason: str
) -> None:
    good = edits(("first = 4", "first = 3"))
    study, server = studied(lambda body, number: answers(good if number else proposal), serve)
    assert study.run(2)[1].schedule == rewritten("first = 3\nsecond = 4\n")
    assert reason in server.prompts[1]


def test_what_is_not_allowed_is_tried_and_recorded_when_it_was_sent_back_often_enough(serve: Serve) -> None:
    part = lambda body, number: answers(edits(("first = 4", f"first = three  # {number}")))  # noqa: E731
    study, server = studied(part, serve, corrections=2)
    tried = study.run(2)[1]
    assert len(server.requests) == 3
    assert (tried.status, tried.origin) == (Status.INVALID, "model")
    assert tried.schedule == rewritten("first = three  # 2\nsecond = 4\n")


def test_a_model_that_only_talks_is_given_up_and_an_expert_decides(serve: Serve) -> None:
    study, server = studied(lambda body, number: says("hm"), serve, corrections=0)
    trials = study.run(20)
    assert len(server.requests) == STRIKES
    assert len(study.said) == 1
    assert set(study.origins) == {"expert"}
    assert all(SOURCE not in t.schedule.values() for t in trials)


def test_a_partner_goes_on_with_decisions(serve: Serve) -> None:
    study, server = studied(improving, serve, partner=Evolve(hints=False), opening=2, patience=50)
    trials = study.run(40)
    assert len(server.requests) == 2
    assert study.origins == ["expert", "model", "model", *["partner"] * 37]
    assert len({t.schedule for t in trials}) == 40


def test_a_partner_keeps_to_its_own_space_whatever_is_rewritten(serve: Serve) -> None:
    part = lambda body, number: answers(edits(("first = 4", f"first = {number % 4}  # {number}")))  # noqa: E731
    server = serve(part)
    search = Llm(endpoint(server.url), mode="source", proposals=1, partner=Bayes(initial=2, trees=2), opening=30)
    quick = lambda number, schedule: Trial(number, schedule, Status.OK, 1.0 + (SOURCE not in schedule.values()))  # noqa: E731
    study = Study(search, None, RewritableFlat(), quick)
    tried = [t.schedule for t in study.run(200)]
    assert sorted(map(repr, [t for t in tried if SOURCE not in t.values()])) == sorted(map(repr, schedules(Flat())))
    assert study.origins.count("model") > 8  # more than the partner improves upon
    assert study.origins.count("partner") > 8


def test_the_prompt_shows_the_failures_with_what_they_changed(serve: Serve) -> None:
    def play(body: Mapping[str, Any], number: int) -> Reply:
        return answers(edits(("second = 4", f"second = {number or 'x'}")))

    study, server = studied(play, serve)
    study.run(4)
    assert '"difference": "@@ -1,2 +1,2 @@\\n first = 4\\n-second = 4\\n+second = x"' in server.prompts[1]


def test_a_prompt_is_the_same_until_somebody_changes_it(serve: Serve) -> None:
    """Renew the golden file by running this test after deleting it, and read what changed."""
    study, server = studied(improving, serve, islands=1)
    study.run(5)
    if not GOLDEN.exists():
        GOLDEN.write_text(server.prompts[-1])
        pytest.fail("the golden prompt was written anew")
    assert server.prompts[-1] == GOLDEN.read_text()


def test_a_transcript_replays_a_study_exactly(serve: Serve, tmp_path: Path) -> None:
    study, _ = studied(improving, serve, tmp_path, islands=2)
    first = study.run(20)
    search = Llm(
        endpoint(closed_port()), mode="source", islands=2, proposals=1, transcript=f"{tmp_path}/transcript.jsonl"
    )
    again = Study(search, None, Rewritable(), trial).run(20)
    assert [(t.schedule, t.origin) for t in again] == [(t.schedule, t.origin) for t in first]


def test_a_study_that_is_gone_on_with_goes_on_as_it_would_have(serve: Serve, tmp_path: Path) -> None:
    whole = studied(improving, serve, islands=2)[0].run(20)
    studied(improving, serve, tmp_path, islands=2)[0].run(9)
    resumed, server = studied(improving, serve, tmp_path, islands=2)
    again = resumed.run(20)
    assert [t.schedule for t in again[:9]] == [t.schedule for t in whole[:9]]
    assert len(server.requests) < 20


def told(study: Study, trials: list[Trial]) -> None:
    study.search.tell(trials)


def test_programs_of_an_earlier_study_are_improved(serve: Serve) -> None:
    study, server = studied(improving, serve)
    told(study, [trial(0, rewritten("first = 1\nsecond = 1\n"))])
    study.run(3)
    assert "first = 1" in server.prompts[0]


def test_a_space_that_cannot_be_rewritten_is_refused(serve: Serve) -> None:
    with pytest.raises(UserError, match=r"search\.mode=source needs a program that may be rewritten"):
        Study(Llm(endpoint(closed_port()), mode="source"), None, TILES)


def test_says_what_programs_can_reach(serve: Serve) -> None:
    space = Rewritable()
    space.reaches = ("files",)
    study = Study(Llm(endpoint(closed_port()), mode="source"), None, space, trial)
    assert study.said == ["rewritten programs are not kept from files on this system"]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UserError, match=r"search\.mode=sources must be .*; did you mean 'source'"):
        Llm(endpoint(closed_port()), mode="sources")  # type: ignore[arg-type]


def test_the_text_as_given_is_what_the_model_sees_first(serve: Serve) -> None:
    study, server = studied(improving, serve)
    study.run(2)
    assert f"```python\n{GIVEN}```" in server.prompts[0]
    assert "before\n# ... your part ...\nafter\n" in server.prompts[0]
