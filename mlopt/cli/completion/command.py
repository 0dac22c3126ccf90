"""The command itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...core.errors import UserError
from ..errors import suggest
from .words import SHELLS, complete


def completion(arguments: Sequence[str], commands: Sequence[str]) -> int:
    """Print the script for a shell, or, asked by that script (`complete WORD...`), what its user may mean."""
    match list(arguments):
        case ["complete", *words]:
            print(*complete(words, commands), sep="\n")
        case [shell] if shell in SHELLS:
            print((Path(__file__).parent / SHELLS[shell]).read_text(), end="")
        case [shell]:
            raise UserError(f"no completion for '{shell}'{suggest(shell, SHELLS)}")
        case _:
            raise UserError(f"completion: name one shell: {', '.join(SHELLS)}")
    return 0
