from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlopt.compare import tables
from mlopt.compare.curves import by_trials
from mlopt.compare.figures import _line
from mlopt.compare.methods import compare
from mlopt.compare.record import StudyRecord
from mlopt.compare.verdict import verdict
from mlopt.compare.writing import SUMMARY, write
from mlopt.page.figure import drawing, inks


def studies(search: str, level: float, count: int = 6, workload: str = "matmul") -> list[StudyRecord]:
    """Studies of six trials between `level` and `level` + 1."""
    rng = np.random.default_rng(int(level * 10))
    problem = {"name": workload, "settings": {"workload": {"m": 8}}}
    return [
        StudyRecord(
            Path(search), search, {}, problem, seed, {}, {}, list(level + rng.random(6)), 0, level,
            elapsed=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        )
        for seed in range(count)
    ]  # fmt: skip


def test_the_page_holds_all_that_it_shows(tmp_path: Path) -> None:
    among = [*studies("random", 9.0), *studies("evolve", 1.0), *studies("bayes", 1.05)]
    found = compare(among, np.random.default_rng(0))
    write(found, among, tmp_path)
    page = (tmp_path / "compare.html").read_text()
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)|url\(|@import|<script|<link", page)
    assert page.count("<img ") == page.count('alt="') >= 4
    for sentence in verdict(found):
        assert sentence.replace("'", "&#39;") in page
    assert len(page) < 5_000_000
    assert json.loads((tmp_path / "compare.json").read_text()) == json.loads(json.dumps(found.to_json()))
    assert verdict(found)[0] in (tmp_path / SUMMARY).read_text()
    assert {"scores.png", "curve-1-trials.png", "methods.md", "methods.tex"} <= {
        file.name for file in (tmp_path / "compare").iterdir()
    }


def test_what_studies_call_themselves_is_text_and_not_markup(tmp_path: Path) -> None:
    among = [*studies("random", 9.0), *studies("<script>alert(1)</script>", 1.0)]
    write(compare(among, np.random.default_rng(0)), among, tmp_path)
    assert "<script" not in (tmp_path / "compare.html").read_text()


def test_the_same_studies_give_the_same_page(tmp_path: Path) -> None:
    among = [*studies("random", 9.0), *studies("evolve", 1.0)]
    for name in ("one", "two"):
        write(compare(among, np.random.default_rng(0)), among, tmp_path / name)
    one, two = ((tmp_path / name / "compare.html").read_text() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(
    ("levels", "first"),
    [
        ({"random": 9.0, "evolve": 1.0}, r"evolve is better than random by [\d.]+ of score"),
        ({"random": 9.0, "evolve": 5.0, "bayes": 1.0}, r"bayes is the best of 3 methods: bayes is better than evolve"),
        ({"evolve": 1.0}, r"Only evolve was studied"),
        ({"random": 9.0, "evolve": 1.01, "bayes": 1.0}, r"cannot be told apart from (evolve|bayes) for certain"),
    ],
)
def test_the_verdict_says_first_what_matters_most(levels: dict[str, float], first: str) -> None:
    among = [study for search, level in levels.items() for study in studies(search, level)]
    assert re.search(first, verdict(compare(among, np.random.default_rng(0)))[0])


@pytest.mark.parametrize(("count", "needed"), [(2, True), (4, True), (5, False)])
def test_the_verdict_says_how_many_seeds_could_make_a_difference_certain(count: int, needed: bool) -> None:
    """Of three pairs of methods with four studies each, none can have a p below 0.05 after Holm's correction."""
    levels = {"random": 9.0, "evolve": 1.01, "bayes": 1.0}
    among = [study for search, level in levels.items() for study in studies(search, level, count)]
    said = verdict(compare(among, np.random.default_rng(0)))
    assert ("fewer than 5 seeds" in said[-1]) == needed
    assert ("probab" in said[0]) != needed


def test_tables_for_papers_keep_their_numbers(tmp_path: Path) -> None:
    among = [*studies("random", 9.0), *studies("evolve", 1.0)]
    found = compare(among, np.random.default_rng(0))
    write(found, among, tmp_path)
    best = found.methods[0]
    assert f"{best.score:.3f}" in (tmp_path / "compare" / "methods.md").read_text()
    assert f"{best.score:.3f}" in (latex := (tmp_path / "compare" / "methods.tex").read_text())
    assert "\\toprule" in latex


def test_the_verdict_says_what_studies_reached_where_they_had_one_problem() -> None:
    among = [*studies("random", 9.0), *studies("evolve", 1.0)]
    said = verdict(compare(among, np.random.default_rng(0)))
    assert said[1] == "The median best: evolve 1 s, random 9 s."
    among += [*studies("random", 9.0, workload="other"), *studies("evolve", 1.0, workload="other")]
    assert not [sentence for sentence in verdict(compare(among, np.random.default_rng(0))) if "median" in sentence]


def test_a_band_is_open_where_some_studies_had_no_valid_trial_yet() -> None:
    late = replace(studies("random", 9.0, 1)[0], objectives=[None, None, None, 9.5, 9.4, 9.3])
    among = [*studies("random", 9.0), *[replace(late, seed=seed) for seed in range(10, 14)]]
    found = by_trials(among)
    assert np.isinf(found.high[:3]).all()
    with drawing("a", "b") as figure:
        _line(figure, "random", found, inks(["random"])["random"], 99.0)
        (band,) = figure.axes.collections
        assert band.get_paths()[0].vertices[:, 1].max() == 99.0


def test_a_single_study_of_a_method_tells_of_no_uncertainty() -> None:
    several = compare([*studies("random", 9.0), *studies("evolve", 1.0)], np.random.default_rng(0))
    one = compare([*studies("random", 9.0), *studies("evolve", 1.0, count=1)], np.random.default_rng(0))
    told = {method: row for method, *row in tables.methods(one).rows}
    assert (told["evolve"][2:4], told["random"][3]) == (["", ""], "")
    assert told["random"][2]
    ((*_, interval, _, _, _, _),) = tables.pairs(one).rows
    assert interval == ""
    assert all(cell for row in (*tables.methods(several).rows, *tables.pairs(several).rows) for cell in row)


def test_who_shares_no_space_with_others_takes_no_part_in_the_verdict() -> None:
    at_once = [replace(each, objectives=[1.0, *[9.0] * 5]) for each in studies("bayes", 1.0, workload="other")]
    found = compare([*studies("random", 9.0), *studies("evolve", 5.0), *at_once], np.random.default_rng(0))
    assert found.methods[0].name == "bayes"
    said = verdict(found)
    assert said[0].startswith("evolve is better than random by")
    assert said[1] == "That is without bayes: nobody else has searched the same."


def test_the_highest_score_is_not_the_best_method_where_another_one_beats_it_on_what_both_searched() -> None:
    easy = [*studies("random", 9.0), *studies("evolve", 3.0), *studies("bayes", 1.0)]
    hard = [*studies("random", 9.0, workload="hard"), *studies("bayes", 9.0, workload="hard")]
    found = compare([*easy, *hard], np.random.default_rng(0))
    assert found.methods[0].name == "evolve"
    assert verdict(found)[0].startswith("bayes is the best of 3 methods")


def test_the_page_says_of_how_many_spaces_it_has_no_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("figures", "writing"):
        monkeypatch.setattr(f"mlopt.compare.{module}.MOST_SPACES", 1)
    among = [study for name in ("one", "two") for study in studies("random", 9.0, count=2, workload=name)]
    write(compare(among, np.random.default_rng(0)), among, tmp_path)
    page = (tmp_path / "compare.html").read_text()
    assert "1 more space is compared without curves" in page
    assert len(list((tmp_path / "compare").glob("curve-*-trials.png"))) == 1


def test_studies_that_found_nothing_have_a_page_that_says_so(tmp_path: Path) -> None:
    nothing = [replace(each, objectives=[None] * 6, best=None) for each in studies("evolve", 1.0)]
    among = [*nothing, *(replace(each, search="random") for each in nothing)]
    found = compare(among, np.random.default_rng(0))
    write(found, among, tmp_path)
    assert verdict(found) == ["None of these studies found a valid schedule."]
    assert "<img" not in (tmp_path / "compare.html").read_text()


@pytest.mark.parametrize("least", [0.0, -1.0])
def test_costs_that_are_not_positive_can_be_compared(tmp_path: Path, least: float) -> None:
    best = {"evolve": least, "random": least + 1.0}
    among = [
        replace(each, objectives=[best[each.search], *(3.0 + n for n in range(5))], best=best[each.search], unit="")
        for search in best
        for each in studies(search, 5.0)
    ]
    found = compare(among, np.random.default_rng(0))
    write(found, among, tmp_path)
    assert found.methods[0].name == "evolve"
    assert (tmp_path / "compare" / "curve-1-trials.png").exists()
    assert not (tmp_path / "compare" / "profile.png").exists()
