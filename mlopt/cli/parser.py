"""The arguments of one command, whose mistakes are one line."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from ..core.errors import UserError


class Parser(argparse.ArgumentParser):
    """Raises UserError where argparse would print its usage and leave; `hint` says how the command is called."""

    def __init__(self, command: str, hint: str, **options: Any) -> None:
        super().__init__(prog=f"mlopt {command}", **options)
        self._command, self._hint = command, hint

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self._command}: {message}; {self._hint}")
