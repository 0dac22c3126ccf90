"""What all measurements of a study have in common, as it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..core.errors import UserError, summary
from ..core.record import reason
from .address import digest

LONGEST = 1 << 26
"""Characters of a context as JSON; a program is in it as text."""


class _Part(BaseModel, extra="allow"):
    name: str


class _Tensor(BaseModel):
    shape: list[int]
    dtype: str


class _Workload(_Part):
    inputs: list[_Tensor]


class Content(BaseModel, extra="allow"):
    """What is asked of a context that may come from anywhere."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    workload: _Workload
    backend: _Part
    threads: int
    evaluator: _Part
    fingerprint: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What all measurements of a study depend on (see `address.context`)."""

    content: Mapping[str, Any]
    digest: str

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Context:
        return cls(content, digest(content))

    @classmethod
    def read(cls, text: str) -> Context:
        """From JSON of any origin. Raises UserError for what is no context."""
        try:
            if len(text) > LONGEST:
                raise UserError(f"no context of measurements: {len(text)} characters")
            Content.model_validate_json(text)
            return cls.of(json.loads(text))
        except ValidationError as error:
            raise UserError(f"no context of measurements: {reason(error)}") from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"no context of measurements: {summary(error)}") from None

    @property
    def known(self) -> Content:
        return Content.model_validate(self.content)
