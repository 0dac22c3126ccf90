"""How often methods come how near to the best that is known: performance profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .record import StudyRecord, method_names


def profiles(studies: Sequence[StudyRecord]) -> Mapping[str, NDArray[np.float64]]:
    """For each method, what its studies reached over the best of all studies of the space, in ascending order.

    The share of a method's studies up to a ratio is its performance profile (Dolan and Moré 2002), with a study in the
    place of a problem. Infinite for a study that found nothing. Left out are spaces that one method alone has searched,
    and those whose best is no positive number, as a cost need not be: nothing is a multiple of it.
    """
    spaces = [study.space for study in studies]
    names = method_names(studies)
    known: dict[str, float] = {}
    searched: dict[str, set[str]] = {}
    for space, name, study in zip(spaces, names, studies, strict=True):
        known[space] = min(known.get(space, np.inf), np.inf if study.best is None else study.best)
        searched.setdefault(space, set()).add(name)
    ratios: dict[str, list[float]] = {}
    for space, name, study in zip(spaces, names, studies, strict=True):
        if len(searched[space]) > 1 and 0.0 < known[space] < np.inf:
            ratios.setdefault(name, []).append(np.inf if study.best is None else study.best / known[space])
    return {name: np.sort(each) for name, each in ratios.items()}
