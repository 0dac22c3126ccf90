"""References as files that stand alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mlopt.core.standalone import copy_reference

MAIN = """
from math import floor
from some.where.numbers_of import (
    ONE,
    two,
)
import json.decoder

def reference():
    return floor(ONE + two())
"""
HELPER = "ONE = 1.5\n\ndef two():\n    return 2.0\n"


def test_what_a_reference_imports_from_its_own_files_lies_beside_it(tmp_path: Path) -> None:
    package, target = tmp_path / "package", tmp_path / "target"
    package.mkdir()
    target.mkdir()
    (package / "expected.py").write_text(MAIN)
    (package / "numbers_of.py").write_text(HELPER)
    copy_reference([package / "expected.py", package / "numbers_of.py"], target)
    assert {file.name for file in target.iterdir()} == {"reference.py", "numbers_of.py"}
    command = [sys.executable, "-c", "import reference; print(reference.reference())"]
    assert subprocess.run(command, cwd=target, capture_output=True, text=True, check=True).stdout == "3\n"
