"""Which method is better, by how much, and how sure that is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np

from ..core.errors import UserError
from .record import StudyRecord, difference, method_names
from .score import mean_interval
from .significance import difference_interval, holm, permutation_p
from .yardsticks import yardstick

ERROR_RATE = 0.05


@dataclass(frozen=True, slots=True)
class Method:
    """A method's studies, by space."""

    name: str
    scores: Mapping[str, Sequence[float]]
    """0 is random search, 1 the optimum at once."""
    best: Sequence[float | None]
    """What each study reached, seconds or cost."""
    score: float | None
    """The mean over the spaces; None where no space could be scored."""
    ci95: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two methods on the spaces that both have searched."""

    a: str
    b: str
    unfair: Sequence[str] = ()
    """Why no conclusion may be drawn."""
    p: float | None = None
    p_holm: float | None = None
    effect: float | None = None
    """The score of `a` less that of `b`, on the mean."""
    ci95: tuple[float, float] | None = None
    """Of the effect."""
    superiority: float | None = None
    """How often a study of `a` has the higher score than one of `b` (Vargha and Delaney 2000)."""
    better: str | None = None
    """The better method, if that is certain."""


@dataclass(frozen=True, slots=True)
class Methods:
    """The outcome of a comparison."""

    methods: Sequence[Method]
    pairs: Sequence[Pair]
    notes: Sequence[str] = ()
    """What the reader should know, a line each."""
    baselines: Mapping[str, str] = field(default_factory=dict)
    """Where each space's baseline comes from; see `yardsticks`."""

    def to_json(self) -> dict[str, Any]:
        """The content of `compare.json`."""
        return {
            "methods": {
                method.name: {
                    "score": method.score,
                    "ci95": method.ci95,
                    "best": list(method.best),
                    "scores": {space: list(scores) for space, scores in method.scores.items()},
                }
                for method in self.methods
            },
            "pairs": [
                {name: getattr(pair, name) for name in Pair.__dataclass_fields__ if name != "unfair"}
                | {"unfair": list(pair.unfair)}
                for pair in self.pairs
            ],
            "baselines": dict(self.baselines),
            "notes": list(self.notes),
        }


def compare(studies: Sequence[StudyRecord], rng: np.random.Generator) -> Methods:
    """Compare all methods, each pair on the spaces that both have searched. Raises UserError without a study."""
    if not studies:
        raise UserError("there is no finished study to compare")
    named: dict[str, list[StudyRecord]] = {}
    for name, study in zip(method_names(studies), studies, strict=True):
        named.setdefault(name, []).append(study)
    notes: list[str] = []
    baselines: dict[str, str] = {}
    scores: dict[str, dict[str, list[float]]] = {name: {} for name in named}
    for space in dict.fromkeys(study.space for study in studies):
        among = [study for study in studies if study.space == space]
        try:
            stick, baselines[space] = yardstick(among)
        except UserError as error:
            notes.append(f"{label(among[0])}: {error}")
            continue
        for name, own in named.items():
            if found := [stick.score(study.objectives) for study in own if study.space == space]:
                scores[name][space] = found
    methods = [_method(name, own, scores[name], rng) for name, own in named.items()]
    pairs = [
        _pair(first, second, named[first.name], named[second.name], rng)
        for first, second in itertools.combinations(methods, 2)
    ]
    if "pooled" in baselines.values():
        notes.append("without studies of search=random, scores are among the schedules that all studies tried")
    return Methods(methods, _corrected(pairs), notes, baselines)


def label(study: StudyRecord) -> str:
    """A space, in the words of a user."""
    return str(study.problem.get("workload", {}).get("name", "a space"))


def _method(
    name: str, studies: Sequence[StudyRecord], scores: Mapping[str, Sequence[float]], rng: np.random.Generator
) -> Method:
    best = [study.best for study in studies]
    if not scores:
        return Method(name, scores, best, None, None)
    return Method(name, scores, best, fmean(map(fmean, scores.values())), mean_interval(list(scores.values()), rng))


def _pair(
    first: Method, second: Method, ones: Sequence[StudyRecord], twos: Sequence[StudyRecord], rng: np.random.Generator
) -> Pair:
    common = [space for space in first.scores if space in second.scores]
    if not common:
        return Pair(first.name, second.name, [f"nothing in common: {difference(ones[0].problem, twos[0].problem)}"])
    unfair = [text for space in common for text in _unfair([each for each in (*ones, *twos) if each.space == space])]
    blocks = [(first.scores[space], second.scores[space]) for space in common]
    higher = fmean((a > b) + (a == b) / 2 for one, two in blocks for a, b in itertools.product(one, two))
    return Pair(
        first.name,
        second.name,
        list(dict.fromkeys(unfair)),
        permutation_p(blocks, rng),
        effect=fmean(fmean(one) - fmean(two) for one, two in blocks),
        ci95=difference_interval(blocks, rng),
        superiority=higher,
    )


def _unfair(studies: Sequence[StudyRecord]) -> list[str]:
    """Why studies of one space do not compare on equal terms, a line each."""
    first, reasons = studies[0], []
    for what in ("budget", "machine"):
        texts = (difference(getattr(first, what), getattr(study, what)) for study in studies)
        reasons += [f"{what}: {text}" for text in itertools.islice(filter(None, texts), 1)]
    if cached := sum(study.cached for study in studies):
        reasons.append(f"cache: {cached} trials were not measured but taken from the archive")
    return reasons


def _corrected(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with Holm's correction over those that were tested, and what is certain then."""
    tested = [pair for pair in pairs if pair.p is not None]
    corrected = iter(holm([pair.p for pair in tested if pair.p is not None]))
    return [_judged(pair, next(corrected)) if pair in tested else pair for pair in pairs]


def _judged(pair: Pair, p_holm: float) -> Pair:
    certain = p_holm <= ERROR_RATE and not pair.unfair
    better = (pair.a if (pair.effect or 0.0) > 0 else pair.b) if certain else None
    return replace(pair, p_holm=p_holm, better=better)
