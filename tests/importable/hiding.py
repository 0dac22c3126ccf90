"""Hides every distribution but those that a study of kernels for GPUs needs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder, PackageNotFoundError, distribution
from importlib.metadata import packages_distributions as providers
from typing import Any

NEEDED = ("torch", "triton", "numpy", "hydra-core", "omegaconf")
SHOWN = {"mlopt", "hydra_plugins"}


def unneeded() -> set[str]:
    """Top-level modules of what is installed beside the needed distributions and all that these require."""
    from packaging.requirements import Requirement

    kept, wanted = set[str](), list(NEEDED)
    while wanted:
        name = normal(wanted.pop())
        try:
            required = distribution(name).requires or []
        except PackageNotFoundError:  # such as CUDA's, which a PyTorch for CPUs does without
            continue
        if name not in kept:
            kept.add(name)
            requirements = map(Requirement, required)
            wanted += [each.name for each in requirements if not each.marker or each.marker.evaluate({"extra": ""})]
    return {module for module, names in providers().items() if not kept & set(map(normal, names))} - SHOWN


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Hiding:
    """Finds what the finders before it found, but for what is hidden."""

    def __init__(self, finders: Sequence[Any], hidden: set[str]) -> None:
        self._finders = finders
        self._hidden = hidden

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self._hidden:
            return None
        found: Iterator[ModuleSpec | None] = (finder.find_spec(name, path, target) for finder in self._finders)
        return next(filter(None, found), None)

    def find_distributions(self, context: DistributionFinder.Context) -> Iterable[Distribution]:
        for finder in self._finders:
            if hasattr(finder, "find_distributions"):
                yield from finder.find_distributions(context)

    def invalidate_caches(self) -> None:
        """What is installed stays as it is meanwhile."""


def hide(names: set[str]) -> None:
    """Let nothing import the modules of these names from here on."""
    sys.meta_path[:] = [Hiding(list(sys.meta_path), names)]  # type: ignore[list-item]
    for module in [module for module in sys.modules if module.partition(".")[0] in names]:
        del sys.modules[module]
