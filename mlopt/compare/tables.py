"""A comparison as tables."""

from __future__ import annotations

import numpy as np

from ..page.render import quantity
from ..page.table import Column, Table
from .methods import Methods, Pair


def methods(found: Methods) -> Table:
    """A line a method, the best first."""
    names = ["studies", "score", "95 % interval", "best of all (p)", "mean rank", "best", "median best"]
    caption = "score: 0 is random search, 1 the optimum at once; best: what its studies reached"
    recorded = any(method.by_rank is not None for method in found.methods)
    if recorded:
        names.append("score by rank")
        caption += "; score by rank: as autotuning-methodology computes it"
    rows, lone = [], _lone(found)
    for method in found.methods:
        best = [value for value in method.best if value is not None]
        one = best and len(method.scores) < 2  # what was reached on unlike problems has no median
        rows.append(
            [
                method.name,
                str(len(method.best)),
                "" if method.score is None else f"{method.score:.3f}",
                "" if method.ci95 is None or method.name in lone else span(method.ci95),
                "" if method.chance is None or lone else f"{100 * method.chance:.0f} %",
                "" if method.rank is None else f"{method.rank:.2f}",
                *((quantity(min(best), method.unit), quantity(np.median(best), method.unit)) if one else ("", "")),
                *(["" if method.by_rank is None else f"{method.by_rank:.3f}"] if recorded else []),
            ]
        )
    return Table([Column("method", number=False), *map(Column, names)], rows, caption)


def pairs(found: Methods) -> Table:
    """A line a pair of methods, the better one first."""
    columns = [Column("better", number=False), Column("than", number=False)]
    columns += [Column(name) for name in ("by (score)", "95 % interval", "wins", "p", "p, Holm")]
    lone = _lone(found)
    rows = [_pair(pair, bool(lone & {pair.a, pair.b})) for pair in found.pairs]
    return Table([*columns, Column("sure", number=False)], rows, "wins: how often a study of the one beats the other's")


def spaces(found: Methods) -> Table:
    """The mean score of each method on each space, a line a space."""
    rows = [
        [
            space,
            origin,
            *(f"{np.mean(method.scores[space]):.3f}" if space in method.scores else "" for method in found.methods),
        ]
        for space, origin in found.baselines.items()
    ]
    columns = [Column("space", number=False), Column("random search from", number=False)]
    return Table([*columns, *(Column(method.name) for method in found.methods)], rows, "mean score by space")


def _lone(found: Methods) -> set[str]:
    """Methods with a single study somewhere: however often that is drawn again, it tells of no uncertainty."""
    return {method.name for method in found.methods if any(len(scores) < 2 for scores in method.scores.values())}


def _pair(pair: Pair, lone: bool) -> list[str]:
    a, b, sign = (pair.a, pair.b, 1.0) if (pair.effect or 0.0) >= 0 else (pair.b, pair.a, -1.0)
    if pair.effect is None or pair.ci95 is None or pair.superiority is None:
        return [a, b, *[""] * 5, f"not comparable: {'; '.join(pair.unfair)}"]
    low, high = sorted(sign * end for end in pair.ci95)
    wins = pair.superiority if sign > 0 else 1.0 - pair.superiority
    sure = f"unfair: {'; '.join(pair.unfair)}" if pair.unfair else "yes" if pair.better else "no"
    interval = "" if lone else span((low, high))
    numbers = f"{abs(pair.effect):.3f}", interval, f"{100 * wins:.0f} %", f"{pair.p:.4f}"
    return [a, b, *numbers, f"{pair.p_holm:.4f}", sure]


def span(interval: tuple[float, float]) -> str:
    """Both ends of an interval of scores."""
    return f"{interval[0]:.3f} to {interval[1]:.3f}"
