"""`mlopt list`: every option of every group, its purpose, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from .. import plugins
from ..core.errors import UserError
from .console import open_console, show_table
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

    rows = [(option.group, option.name, option.purpose, option.origin) for option in options]
    show_table(open_console(), ("group", "option", "purpose", "from"), rows)
    return 0
