"""Targets described in YAML, as the backends' own dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Gt

from ..core.errors import UserError

T = TypeVar("T")

Count = Annotated[int, Ge(1)]
Figure = Annotated[float, Gt(0.0)]

STRICT = {"extra": "forbid", "allow_inf_nan": False}
"""How pydantic reads a description, where a dataclass asks for it as `__pydantic_config__`."""


def read(kind: type[T], description: Mapping[str, Any]) -> T:
    """A target of a kind from plain data. Raises UserError, in a line, for what does not describe one."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(description)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        message = "there is no such key" if fault["type"] == "unexpected_keyword_argument" else fault["msg"]
        raise UserError(f"target.{'.'.join(map(str, fault['loc']))}: {message}") from None
