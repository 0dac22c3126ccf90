"""Policies by the names that they have in MLflow's registry, wherever a configuration gives one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlopt.cli.policies import fetched
from mlopt.core.errors import UserError


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(address: str, uri: str | None) -> Path:
        if "none" in address:
            raise UserError("is no policy")
        return Path("store", str(uri), address.removeprefix("models:/"))

    monkeypatch.setattr("mlopt.tracker.training.fetch", fetch)


def test_a_policy_is_found_however_deep_it_stands() -> None:
    given = {
        "policy": "models:/own",
        "searches": {"ppo": {"policy": "models:/other/3", "batch": 4}, "llm": {"model": "models:/x"}},
        "partners": [{"policy": "a/file"}, {"policy": None}, {"policy": {"policy": "models:/own"}}],
    }
    assert fetched(given, "here") == {
        "policy": "store/here/own",
        "searches": {"ppo": {"policy": "store/here/other/3", "batch": 4}, "llm": {"model": "models:/x"}},
        "partners": [{"policy": "a/file"}, {"policy": None}, {"policy": {"policy": "store/here/own"}}],
    }


def test_one_that_there_is_not_is_named_with_its_place() -> None:
    with pytest.raises(UserError, match=r"^search\.partner\.policy=models:/none is no policy$"):
        fetched({"partner": {"policy": "models:/none"}}, None, "search")
