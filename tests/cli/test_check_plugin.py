"""`mlopt check-plugin`: the examples keep their promises, and one that does not is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlopt.cli.check_plugin import suites
from mlopt.cli.main import main
from mlopt.testing import EvaluatorContract, SearchContract, SpaceContract, WorkloadContract

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("package", "suite", "contract"),
    [
        ("climb", "TestSearchClimb", SearchContract),
        ("axpy", "TestWorkloadAxpy", WorkloadContract),
        ("lean", "TestEvaluatorLean", EvaluatorContract),
        ("affine", "TestBackendAffine", SpaceContract),
    ],
)
def test_each_option_is_held_to_its_contract(
    package: str, suite: str, contract: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    found = suites(package)
    assert list(found) == [suite]
    assert issubclass(found[suite], contract)


@pytest.mark.parametrize("package", ["lean"])
def test_a_good_plugin_passes(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["check-plugin", package]) == 0


def test_a_plugin_that_breaks_its_promises_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "plugins" / "twice" / "conf" / "search"
    conf.mkdir(parents=True)
    (conf / "twice.yaml").write_text("# Proposes everything twice\n_target_: twice.Twice\n")
    (tmp_path / "plugins" / "twice" / "__init__.py").write_text(
        "from mlopt.search.random import Random\n\n\n"
        "class Twice(Random):\n    def ask(self, n):\n        return [s for s in super().ask(n) for _ in range(2)]\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["check-plugin", "twice"]) == 2
    out, err = capfd.readouterr()
    assert "test_proposes_legal_schedules_and_none_twice" in out
    assert err.splitlines()[-1] == "mlopt: twice does not keep its promises: see above"


@pytest.mark.parametrize("words", [[], ["a", "b"], ["nobody"]])
def test_a_mistake_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-plugin", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
