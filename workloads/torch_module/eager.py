"""The user's module itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import torch

from mlopt.core.errors import UserError


def load(target: str) -> torch.nn.Module | Callable[..., Any]:
    """What 'pkg.mod:Name' names: a class, made without arguments and with seed 0, in eval mode, or a function.

    Names are looked up in the working directory too. Raises UserError when there is nothing of the kind.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"workload.target={target} cannot be imported: {error}") from None
    if isinstance(found, type):
        torch.manual_seed(0)
        try:
            found = found()
        except TypeError as error:
            raise UserError(f"workload.target={target} cannot be made without arguments: {error}") from None
    if not callable(found):
        raise UserError(f"workload.target={target} is neither a module nor a function")
    return found.eval() if isinstance(found, torch.nn.Module) else found
