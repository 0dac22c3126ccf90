"""The contract suites: one class a protocol. A plugin's author subclasses it, gives `make`, and inherits every test."""

import pytest

for _module in ("backend", "evaluator", "executor", "search", "space", "tracker", "workload"):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

from .backend import BackendContract  # noqa: E402 - only what is imported from here on has its asserts explained
from .evaluator import EvaluatorContract  # noqa: E402
from .executor import ExecutorContract  # noqa: E402
from .search import SearchContract  # noqa: E402
from .space import SpaceContract  # noqa: E402
from .tracker import TrackerContract  # noqa: E402
from .workload import WorkloadContract  # noqa: E402

__all__ = [
    "BackendContract",
    "EvaluatorContract",
    "ExecutorContract",
    "SearchContract",
    "SpaceContract",
    "TrackerContract",
    "WorkloadContract",
]
