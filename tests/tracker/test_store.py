from pathlib import Path

import pytest

from mlopt.tracker.store import environment, locate


def test_the_default_is_a_database_in_outputs_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = locate(None)
    assert store.uri == f"sqlite:///{tmp_path}/outputs/mlflow.db"
    assert store.database == tmp_path / "outputs" / "mlflow.db"
    assert store.artifacts == tmp_path / "outputs" / "mlartifacts"
    assert list(tmp_path.iterdir()) == []


def test_a_relative_database_does_not_move_with_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("sqlite:///here.db") == locate(f"sqlite:///{tmp_path}/here.db")


def test_a_server_keeps_artifacts_where_it_likes() -> None:
    store = locate("http://tracking.example:5000")
    assert (store.uri, store.database, store.artifacts) == ("http://tracking.example:5000", None, None)


def test_mlflow_sends_no_telemetry_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    assert environment()["MLFLOW_DISABLE_TELEMETRY"] == "true"
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    assert environment()["MLFLOW_DISABLE_TELEMETRY"] == "false"
