"""What the command answered, for tests that call it as users do."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Mlopt = Callable[..., Answer]
