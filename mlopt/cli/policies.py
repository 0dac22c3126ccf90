"""Policies by the names that they have in MLflow's registry, wherever a configuration gives one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import UserError

KEY = "policy"
SCHEME = "models:/"


def fetched(given: Any, uri: str | None, place: str = "") -> Any:
    """What is given, with a policy's file in the place of its address in the registry of the store at `uri`.

    Policies are the values of keys of this name, however deep; `place` is where all of it stands, for messages.
    Raises UserError where there is no such policy.
    """
    if isinstance(given, Mapping):
        return {key: _value(key, value, uri, f"{place}.{key}" if place else str(key)) for key, value in given.items()}
    if isinstance(given, list):
        return [fetched(each, uri, place) for each in given]
    return given


def _value(key: Any, value: Any, uri: str | None, place: str) -> Any:
    if key != KEY or not isinstance(value, str) or not value.startswith(SCHEME):
        return fetched(value, uri, place)
    from ..tracker.training import fetch  # loads MLflow

    try:
        return str(fetch(value, uri))
    except UserError as error:
        raise UserError(f"{place}={value} {error}") from None
