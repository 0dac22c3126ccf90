"""What a comparison has found, in a few sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from ..page.render import quantity
from .methods import ERROR_RATE, Method, Methods, Pair
from .significance import fewest_studies

LIKELY = 0.8
"""A probability of being the best that deserves the word."""

FEW = 10
"""Studies of a method on a space below which more would be worth it."""

MOST = 6
"""Methods of which the verdict says what they reached."""


def verdict(found: Methods) -> list[str]:
    """Which is better, by how much, how sure: a sentence each, the most important first."""
    scored = [method for method in found.methods if method.score is not None]
    if len(found.methods) == 1:
        return [f"Only {found.methods[0].name} was studied: there is nothing to compare it with."]
    if all(best is None for method in found.methods for best in method.best):
        return ["None of these studies found a valid schedule."]
    if len(scored) < 2 or all(pair.p is None for pair in found.pairs):
        return ["These studies have nothing in common that could be compared."]
    tested = {name for pair in found.pairs if pair.p is not None for name in (pair.a, pair.b)}
    alone = [method.name for method in scored if method.name not in tested]
    rivals = [method for method in scored if method.name in tested]
    # Where methods have searched unlike sets of spaces, the highest score need not be the best method's.
    lost = {_other(pair, pair.better) for pair in found.pairs if pair.better is not None}
    first = next((method for method in rivals if method.name not in lost), rivals[0])
    own = {
        _other(pair, first.name): pair for pair in found.pairs if first.name in (pair.a, pair.b) and pair.p is not None
    }
    beaten = [name for name, pair in own.items() if pair.better == first.name]
    open_ = [name for name in own if name not in beaten]
    studies = min(len(scores) for method in scored for scores in method.scores.values())
    needed = fewest_studies(sum(pair.p is not None for pair in found.pairs), ERROR_RATE)
    hopeless = len(found.baselines) == 1 and studies < needed
    sentences = [_first(first, beaten, open_, own, hopeless, first is scored[0])]
    if alone:
        sentences.append(f"That is without {_list(alone)}: nobody else has searched the same.")
    if len(found.baselines) == 1:  # what was reached on unlike problems has no median
        sentences.append(_reached(scored))
    sentences += [f"{_by(own[name], first.name)}." for name in beaten[:1] if open_]
    others = [pair for pair in found.pairs if pair.better is not None and first.name not in (pair.a, pair.b)]
    sentences += [f"{_by(pair, str(pair.better))}." for pair in others[:3]]
    if unfair := {reason for pair in found.pairs if pair.p is not None for reason in pair.unfair}:
        sentences.append(f"Not on equal terms, so nothing is called certain: {'; '.join(sorted(unfair))}.")
    elif open_ and hopeless:
        sentences.append(f"No difference is certain with fewer than {needed} seeds: take seed=range({needed}).")
    elif open_:
        sentences.append("More seeds would tell more." if studies < FEW else "They may simply be equally good here.")
    return sentences


def _first(
    first: Method, beaten: Sequence[str], open_: Sequence[str], own: Mapping[str, Pair], hopeless: bool, highest: bool
) -> str:
    """The first sentence, of the method that nobody beats and that may have the `highest` score.

    Where too few studies make it `hopeless`, their bootstrap's probabilities mean nothing.
    """
    if not open_:
        nearest = min(beaten, key=lambda name: abs(own[name].effect or 0.0))
        if len(beaten) == 1:
            return f"{_by(own[nearest], first.name)}."
        return f"{first.name} is the best of {len(beaten) + 1} methods: {_by(own[nearest], first.name)}."
    chance = None if hopeless else first.chance
    if chance is not None and chance >= LIKELY:
        text = f"{first.name} is probably the best ({100 * chance:.0f} %), with a score of {first.score:.3f}"
    else:
        text = f"{first.name} has the highest score, {first.score:.3f}"
        if not highest:
            text = f"{first.name}, with a score of {first.score:.3f}, is beaten by nobody where both have searched"
        text += "" if chance is None else f", and is the best with a probability of {100 * chance:.0f} %"
    return f"{text}; it cannot be told apart from {_list(open_)} for certain."


def _reached(methods: Sequence[Method]) -> str:
    """What the studies of one problem came to, in the middle case of each method."""
    middles = {
        method.name: quantity(median(best), method.unit)
        for method in methods[:MOST]
        if (best := [value for value in method.best if value is not None])
    }
    return f"The median best: {', '.join(f'{name} {reached}' for name, reached in middles.items())}."


def _by(pair: Pair, better: str) -> str:
    """How much better a method is than the other one of its pair."""
    sign = 1.0 if pair.a == better else -1.0
    text = f"{better} is better than {_other(pair, better)}"
    if pair.effect is None or pair.ci95 is None or pair.p_holm is None:
        return text
    low, high = sorted(sign * end for end in pair.ci95)
    return (
        f"{text} by {sign * pair.effect:.3f} of score (95 %: {low:.3f} to {high:.3f}, p = {pair.p_holm:.2g} after Holm)"
    )


def _other(pair: Pair, name: str) -> str:
    return pair.b if pair.a == name else pair.a


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
