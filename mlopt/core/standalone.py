"""References as files that stand alone: copied to where there is nothing of the package that they come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

NAME = "reference.py"


def copy_reference(files: Sequence[Path], directory: Path) -> None:
    """Copy a reference, the first of these files, as NAME into `directory`, and the others beside it.

    What one of them imports from another it imports there by that file's bare name.
    """
    names = "|".join(re.escape(file.stem) for file in files)
    between = re.compile(rf"^from [\w.]+\.({names}) import ", re.MULTILINE)
    for file, name in zip(files, (NAME, *(file.name for file in files[1:])), strict=True):
        (directory / name).write_text(between.sub(r"from \1 import ", file.read_text()))
