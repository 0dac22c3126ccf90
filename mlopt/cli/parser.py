"""The arguments of one command, whose mistakes are one line."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from ..core.errors import UserError


class Parser(argparse.ArgumentParser):
    """Raises UserError where argparse would print its usage and leave.

    `command` is '' for a study itself; `hint` says how it is called. Options are to be written out, since a beginning
    that is unique today need not be tomorrow, and one `--help` is for all commands.
    """

    def __init__(self, command: str, hint: str, **settings: Any) -> None:
        super().__init__(**{"prog": f"mlopt {command}", "add_help": False, "allow_abbrev": False, **settings})
        self._place, self._hint = f"{command}: " if command else "", hint

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self._place}{message}; {self._hint}")
