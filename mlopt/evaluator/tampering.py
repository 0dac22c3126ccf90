"""Whether what times and judges a kernel is as it was: one that is Python too could put something else in its place."""

from __future__ import annotations

import builtins
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

PACKAGE = __name__.partition(".")[0]
MODULES = (
    "builtins",
    "functools",
    "gc",
    "itertools",
    "math",
    "numpy",
    "numpy.random",
    "numpy.lib._function_base_impl",
    "numpy._core.numeric",
    "operator",
    "statistics",
    "time",
)
"""Whose functions judge, besides all that is mlopt's own. What stands inside of a function `prying.py` hears of."""

_KEPT = ("__", "_abc")

Code = list[tuple[ModuleType | type, dict[str, Any]]]
"""What stands under each name of modules and classes."""


def code() -> Code:
    """What judges now; takes about a millisecond."""
    return [(owner, _names(owner)) for owner in _owners()]


def mend_code(before: Code) -> Iterator[str]:
    """Put back what was replaced, and say what that was."""
    changed = [f"{owner.__name__}.{name}" for owner, names in before for name in _mended(owner, names)]
    if changed:
        yield f"changed {changed[0]}"


def _mended(owner: ModuleType | type, before: dict[str, Any]) -> list[str]:
    now = _names(owner)
    replaced = [name for name, value in before.items() if now.get(name) is not value]
    for name in replaced:
        setattr(owner, name, before[name])
    added = [name for name in now.keys() - before.keys() if isinstance(owner, type) or _hides(owner, now[name], name)]
    for name in added:
        delattr(owner, name)
    return replaced + added


def _hides(owner: ModuleType, value: object, name: str) -> bool:
    """Whether a name that a module has gained, as they do when others are imported, stands before a builtin one."""
    return owner is not builtins and hasattr(builtins, name) and not isinstance(value, ModuleType)


def _owners() -> Iterator[ModuleType | type]:
    for name, module in list(sys.modules.items()):
        ours = name.partition(".")[0] == PACKAGE
        if ours or name in MODULES:
            yield module
        for kind in list(vars(module).values()) if ours else ():
            if isinstance(kind, type) and kind.__module__ == name:
                yield kind


def _names(owner: ModuleType | type) -> dict[str, Any]:
    """Without what Python and its libraries keep in classes for themselves, and may renew."""
    return {
        name: value for name, value in vars(owner).items() if not name.startswith(_KEPT) or inspect.isfunction(value)
    }
