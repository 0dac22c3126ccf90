"""The contract suites: one class a protocol. A plugin's author subclasses it, gives `make`, and inherits every test."""

import pytest

for _module in ("executor", "search", "space", "tracker"):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

from .executor import ExecutorContract  # noqa: E402 - only what is imported from here on has its asserts explained
from .search import SearchContract  # noqa: E402
from .space import SpaceContract  # noqa: E402
from .tracker import TrackerContract  # noqa: E402

__all__ = ["ExecutorContract", "SearchContract", "SpaceContract", "TrackerContract"]
