from __future__ import annotations

from pathlib import Path

import pytest

from mlopt.cli.main import main
from mlopt.tracker.mirror import Mirror


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "DIR"),
        (["nowhere"], "there is no folder nowhere"),
        (["."], "holds no study that is mirrored to MLflow"),
    ],
)
def test_a_folder_without_studies_is_a_mistake(
    words: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sync", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


def test_a_server_that_does_not_answer_is_told_in_one_line_for_the_study_of_a_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "trials.jsonl").touch()
    Mirror(uri="http://127.0.0.1:1", experiment="mine", name="study").write(tmp_path / "0")
    assert main(["sync", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path / '0'}: OSError: no server answers at 127.0.0.1:1" in line


def test_a_damaged_note_of_what_was_sent_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trials.jsonl").touch()
    (tmp_path / "mlflow.json").write_text('{"uri": 3}')
    assert main(["sync", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "mlflow.json" in line
