"""`mlopt list`: every option of every group, its purpose, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .. import plugins
from ..core.errors import UserError
from .errors import suggest


def list_options(arguments: Sequence[str]) -> int:
    """Print the options of the group in `arguments`, or of all groups."""
    if len(arguments) > 1:
        raise UserError("mlopt list takes at most one group")
    options = plugins.options()
    for group in arguments:
        groups = {option.group for option in options}
        if group not in groups:
            raise UserError(f"there is no group '{group}'{suggest(group, groups)}")
        options = [option for option in options if option.group == group]

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 1000  # a line an option, never wrapped
    table = Table("group", "option", "purpose", "from", box=SIMPLE_HEAD if console.is_terminal else None)
    for option in options:
        table.add_row(option.group, option.name, option.purpose, option.origin)
    console.print(table)
    return 0
