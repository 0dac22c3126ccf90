from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.compare.methods import Methods, compare
from mlopt.compare.record import StudyRecord, method_names, space_names, without_copies
from mlopt.compare.score import Yardstick
from mlopt.compare.significance import PermutationTests, fewest_studies, holm, permutation_p
from mlopt.compare.yardsticks import expected_best, yardsticks
from mlopt.core.errors import UserError


def study(search: str = "evolve", seed: int = 0, best: float | None = 1.0, **others: Any) -> StudyRecord:
    """One that found `best` in its third of six trials."""
    values: dict[str, Any] = {
        "folder": Path(f"{search}-{seed}"),
        "search": search,
        "settings": {},
        "problem": {"workload": {"n": 8}, "evaluator": "execution"},
        "seed": seed,
        "budget": {"trials": 6},
        "machine": {"cpu": "here"},
        "objectives": [9.0, None, best, 8.0, 7.0, 5.0],
        "cached": 0,
        "best": best,
    }
    return StudyRecord(**{**values, **others})


def compared(*studies: StudyRecord) -> Methods:
    return compare(studies, np.random.default_rng(0))


def sampled(search: str, level: float) -> list[StudyRecord]:
    rng = np.random.default_rng(int(level))
    return [study(search, seed, objectives=list(level + rng.random(6)), best=level) for seed in range(6)]


def test_what_is_much_better_is_called_better_for_certain() -> None:
    found = compared(*sampled("random", 10.0), *sampled("evolve", 1.0))
    (pair,) = found.pairs
    assert pair.better == "evolve"
    assert pair.effect is not None
    assert pair.effect > 0
    assert pair.superiority == 1.0
    scores = {method.name: method.score or 0.0 for method in found.methods}
    assert scores["evolve"] > scores["random"]


def test_what_is_the_same_is_not_told_apart() -> None:
    found = compared(*sampled("random", 10.0), *(replace(each, search="evolve") for each in sampled("random", 10.0)))
    assert found.pairs[0].better is None
    assert found.pairs[0].effect == pytest.approx(0.0)
    assert found.pairs[0].p == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"budget": {"trials": 7}}, "budget: trials is 7 and 6"),
        ({"machine": {"cpu": "there"}}, "machine: cpu is there and here"),
        ({"cached": 2}, "cache: 2 trials"),
    ],
)
def test_a_comparison_on_unequal_terms_is_marked_and_has_no_winner(others: dict[str, Any], reason: str) -> None:
    found = compared(*sampled("random", 10.0), *(replace(each, **others) for each in sampled("evolve", 1.0)[:1]))
    assert found.pairs[0].unfair
    assert found.pairs[0].unfair[0].startswith(reason)
    assert found.pairs[0].better is None


def test_methods_that_searched_different_spaces_are_not_compared() -> None:
    other = study("bayes", problem={"workload": {"n": 9}, "evaluator": "execution"})
    found = compared(study(), other)
    assert found.pairs[0].unfair == ["nothing in common: workload.n is 8 and 9"]
    assert found.pairs[0].p is None


def test_different_budgets_of_different_spaces_are_fair() -> None:
    larger = {"problem": {"workload": {"n": 9}}, "budget": {"trials": 60}}
    studies = [study("evolve"), study("random"), study("evolve", **larger), study("random", **larger)]
    assert compared(*studies).pairs[0].unfair == []


def test_the_outcome_does_not_depend_on_the_order_of_studies_of_a_method() -> None:
    one, two = sampled("random", 10.0), sampled("evolve", 9.5)
    first, second = compared(*one, *two), compared(*one[::-1], *two[::-1])
    assert [method.score for method in first.methods] == pytest.approx([method.score for method in second.methods])


def test_the_outcome_is_plain_json() -> None:
    found = json.loads(json.dumps(compared(study(), study("random", best=2.0)).to_json(), allow_nan=False))
    assert found["methods"]["evolve"]["best"] == [1.0]
    assert {"a", "b", "p", "p_holm", "effect"} <= set(found["pairs"][0])


def test_searches_with_different_settings_are_different_methods() -> None:
    studies = [study(settings={"islands": 2, "mutation": {"rate": 0.1}}), study(settings={"islands": 4})]
    assert method_names([*studies, study("bayes")]) == [
        "evolve islands=2 mutation.rate=0.1",
        "evolve islands=4",
        "bayes",
    ]


def test_nothing_is_compared_without_a_study() -> None:
    with pytest.raises(UserError, match="no finished study"):
        compared()


def test_a_space_where_all_is_equal_has_no_score() -> None:
    found = compared(study(objectives=[2.0, 2.0]), study("random", objectives=[2.0]))
    assert [method.score for method in found.methods] == [None, None]
    assert len(found.notes) == 1


def test_the_baseline_is_that_of_studies_that_drew_at_random() -> None:
    random = study("random", objectives=[4.0, 6.0])
    found = yardsticks([random, study(objectives=[1.0, 1.5])], np.random.default_rng(0))
    assert found.origin == "random"
    assert found.sticks[0].optimum == 1.0
    assert found.sticks[0].baseline[0] == pytest.approx(5.0)
    assert yardsticks([study(), study("bayes")], np.random.default_rng(0)).origin == "pooled"


@given(st.lists(st.floats(0.5, 100.0), min_size=1, max_size=5), st.integers(1, 4))
def test_the_expected_best_of_a_sample_is_the_mean_over_all_draws(values: list[float], draws: int) -> None:
    ordered = np.sort(values)
    grids = np.meshgrid(*[ordered] * draws)
    assert expected_best(ordered, draws)[-1] == pytest.approx(float(np.min(grids, axis=0).mean()))


def test_holm_corrects_for_the_number_of_tests() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_permutation_test_agrees_with_all_permutations() -> None:
    # Of the 20 ways to share six scores out, this one and its mirror image are the most extreme.
    p = permutation_p([([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])], np.random.default_rng(0))
    assert p == pytest.approx(2 / 20, abs=0.01)


@pytest.mark.parametrize(("pairs", "needed"), [(1, 4), (3, 5), (10, 6)])
def test_with_fewer_studies_no_difference_is_certain(pairs: int, needed: int) -> None:
    assert fewest_studies(pairs, 0.05) == needed
    rng = np.random.default_rng(0)
    apart = {n: permutation_p([(np.arange(n) + 100.0, np.arange(n) * 1.0)], rng) for n in (needed - 1, needed)}
    assert pairs * apart[needed - 1] > 0.05 >= pairs * apart[needed] * 0.5  # which is itself sampled


def test_a_true_null_is_seldom_rejected() -> None:
    rng = np.random.default_rng(0)
    blocks = [[(list(rng.normal(s, 1, 4)), list(rng.normal(s, 1, 4))) for s in (0, 50)] for _ in range(200)]
    assert sum(permutation_p(each, rng) <= 0.05 for each in blocks) <= 18  # 10 are expected; 18 has p < 0.01
    together = PermutationTests(rng)
    assert sum(together.p(each) <= 0.05 for each in blocks) <= 18


def test_spaces_change_methods_independently_and_what_was_drawn_does_for_other_numbers_of_studies_too() -> None:
    tests = PermutationTests(np.random.default_rng(0))
    one = (np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    assert tests.p([one]) == pytest.approx(2 / 20, abs=0.01)
    assert tests.p([one, one]) == pytest.approx(2 / 400, abs=0.003)
    assert tests.p([(one[0], one[1][:2])]) == pytest.approx(2 / 10, abs=0.015)


def test_the_probability_of_being_the_best_is_shared_by_all_methods() -> None:
    found = compared(*sampled("random", 10.0), *sampled("evolve", 1.0), *sampled("bayes", 1.0))
    chances = {method.name: method.chance or 0.0 for method in found.methods}
    assert sum(chances.values()) == pytest.approx(1.0)
    assert chances["random"] == 0.0
    assert min(chances["evolve"], chances["bayes"]) > 0.1


def test_ranks_are_the_mean_over_spaces() -> None:
    other = {"problem": {"name": "other"}}
    there = [replace(each, **other) for each in (*sampled("random", 1.0), *sampled("evolve", 10.0))]
    found = compared(*sampled("random", 10.0), *sampled("evolve", 1.0), *there)
    assert [method.rank for method in found.methods] == [1.5, 1.5]


def test_what_is_uncertain_about_random_search_is_in_the_interval() -> None:
    """A few studies that drew at random say less of random search than many do."""

    def width(seeds: int) -> float:
        drawn = [study("random", seed, objectives=list(np.random.default_rng(seed).random(6))) for seed in range(seeds)]
        found = compared(*drawn, *[study("evolve", seed, objectives=[0.2] * 6) for seed in range(6)])
        low, high = next(method.ci95 for method in found.methods if method.name == "evolve") or (0.0, 0.0)
        return high - low

    assert width(3) > 2.0 * width(40) > 0.0


def test_spaces_are_called_by_what_tells_them_apart() -> None:
    problems = [{"name": "matmul", "threads": 1, "settings": {"workload": {"m": m, "n": 8}}} for m in (8, 16)]
    studies = [study(problem=problem) for problem in (*problems, {"name": "add"})]
    assert list(space_names(studies).values()) == ["matmul m=8", "matmul m=16", "add"]


def test_methods_that_are_alike_are_called_different_seldom() -> None:
    called = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        alike = [study(name, i, objectives=list(rng.random(6))) for name in ("random", "evolve") for i in range(5)]
        called += compared(*alike).pairs[0].better is not None
    assert called <= 10


def test_a_recorded_space_has_the_score_of_autotuning_methodology_too(tmp_path: Path) -> None:
    values = np.sort(np.random.default_rng(0).lognormal(size=500))
    results = [
        {"configuration": {"n": n}, "invalidity": "correct", "measurements": [{"name": "time", "value": value}]}
        for n, value in enumerate(values)
    ]
    table = tmp_path / "space.json"
    table.write_text(json.dumps({"metadata": {"timeunit": "seconds"}, "results": results}))
    here = study(table=table, objectives=[values[5], values[0]])
    yardstick = Yardstick.by_rank(values)
    assert yardstick is not None
    method = compared(here).to_json()["methods"]["evolve"]
    assert method["score_autotuning_methodology"] == pytest.approx(yardstick.cut(2).score(here.objectives))
    assert method["score_autotuning_methodology"] != pytest.approx(method["score"])
    elsewhere = study(problem={"name": "other"}, objectives=[2.0, 1.0])
    assert compared(here, elsewhere).methods[0].by_rank is None


def test_a_copy_of_a_study_is_no_further_evidence() -> None:
    first, other_seed, other_search = study(), study(seed=1), study("bayes")
    other_trials = study(objectives=[9.0, None, 1.0, 8.0, 7.0, 5.5])
    among = [first, study(folder=Path("copy")), other_seed, other_search, other_trials]
    assert without_copies(among) == [first, other_seed, other_search, other_trials]


def test_what_is_a_cost_stays_one_where_the_first_study_found_nothing() -> None:
    nothing = study(objectives=[None] * 6, best=None)
    assert compared(nothing, study(seed=1, unit="")).methods[0].unit == ""


def test_methods_that_have_not_searched_all_spaces_are_named() -> None:
    there = [study("random", problem={"name": "other"}), study("bayes", problem={"name": "other"}, best=0.5)]
    found = compared(study("random"), study("evolve", best=0.5), study("bayes", best=0.7), *there)
    assert "a score is the mean over the spaces that a method has searched, of 2: evolve 1" in found.notes
    assert not [note for note in compared(study("random"), study("evolve", best=0.5)).notes if "mean over" in note]
