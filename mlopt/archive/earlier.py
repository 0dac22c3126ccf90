"""What the archive knows of a kernel, or of the one most like it, for a search to begin with."""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

from ..core.errors import UserError
from ..core.trial import Trial
from ..protocols import Backend, Evaluator, IdentifiedBackend, IdentifiedEvaluator, Workload
from .address import context
from .context import Content, Context
from .store import Store

MOST = 10_000
"""Measurements that are looked at: the latest."""


def earlier(url: str | None, workload: Workload, backend: Backend, evaluator: Evaluator) -> list[Trial]:
    """What was measured in the nearest context (see `distance`), the latest first.

    Raises UserError where there is nothing of the kind.
    """
    if not isinstance(backend, IdentifiedBackend) or not isinstance(evaluator, IdentifiedEvaluator):
        raise UserError("nothing of this backend or evaluator is ever in the archive")
    here = Context.of(context(workload, backend, evaluator))
    with closing(Store(url, create=False)) as store:
        held = [each.context for each in store.contexts() if each.best is not None]
        far = {each.digest: distance(here.known, each.known) for each in held}
        nearest = min(reversed(held), key=lambda each: far[each.digest], default=None)  # of equals the latest
        if nearest is None or far[nearest.digest][0] == math.inf:
            raise UserError(f"the archive holds nothing of workload {workload.name} with this backend")
        return list(store.trials(nearest, most=MOST))


def distance(here: Content, there: Content) -> tuple[float, ...]:
    """How unlike two contexts are: in sizes (sum of the logarithms of their ratios), evaluator, threads, machine.

    The first is infinite for another workload, backend, dtype or number of dimensions.
    """
    if _kind(here) != _kind(there):
        return (math.inf,)
    return (
        sum(abs(math.log(max(1, a) / max(1, b))) for a, b in zip(_sizes(here), _sizes(there), strict=True)),
        float(here.backend != there.backend),
        float(here.evaluator.name != there.evaluator.name),
        float(here.threads != there.threads),
        float(here.fingerprint != there.fingerprint),
    )


def _kind(content: Content) -> tuple[Any, ...]:
    tensors = ((tensor.dtype, len(tensor.shape)) for tensor in content.workload.inputs)
    return content.workload.name, content.backend.name, *tensors


def _sizes(content: Content) -> list[int]:
    return [size for tensor in content.workload.inputs for size in tensor.shape]
