"""The arguments of one command, whose mistakes are one line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from ..core.errors import UserError


class Parser(argparse.ArgumentParser):
    """Raises UserError where argparse would print its usage and leave; `hint` says how the command is called."""

    def __init__(self, command: str, hint: str, allow_abbrev: bool = True) -> None:
        super().__init__(prog=f"mlopt {command}", add_help=False, allow_abbrev=allow_abbrev)  # one help is for all
        self._command, self._hint = command, hint

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self._command}: {message}; {self._hint}")
