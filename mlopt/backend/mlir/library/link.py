"""From object code to a shared library, with the C compiler of this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang")


def link(compiled: Path, library: Path) -> str | None:
    """Link `library`; where that cannot be done, the reason.

    What it needs of an OpenMP runtime stays open, so that whichever the program has already is used.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        return f"there is no C compiler ({', '.join(COMPILERS)})"
    done = subprocess.run([compiler, "-shared", "-o", library, compiled, "-lm"], capture_output=True, text=True)
    return f"{compiler}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}" if done.returncode else None
