"""`mlopt residual`: mistakes are told in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlopt.cli.main import main


@pytest.mark.parametrize("words", [[], ["DIR"], ["--to", "FILE"], ["DIR", "--to", "FILE", "--seed", "x"]])
def test_a_wrong_call_is_told_how_it_is_called(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["residual", *words]) == 2
    assert "mlopt residual DIR... --to FILE" in capsys.readouterr().err


def test_a_folder_of_no_study_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["residual", str(tmp_path), "--to", str(tmp_path / "file")]) == 2
    assert "is no study's folder" in capsys.readouterr().err
    assert not (tmp_path / "file").exists()
