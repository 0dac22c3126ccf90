"""Which method is better, by how much, and how sure that is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ..core.errors import UserError
from .record import StudyRecord, difference, method_names, space_names, unit_of
from .score import RESAMPLES, central, incumbents, resampled
from .significance import PermutationTests, holm, superiority
from .yardsticks import yardsticks

ERROR_RATE = 0.05


@dataclass(frozen=True, slots=True)
class Method:
    """A method's studies, by space."""

    name: str
    scores: Mapping[str, Sequence[float]]
    """0 is random search, 1 the optimum at once; by the name of the space."""
    best: Sequence[float | None]
    """What each study reached."""
    unit: str = "s"
    """Of that; '' for costs."""
    score: float | None = None
    """The mean over the spaces; None where no space could be scored."""
    ci95: tuple[float, float] | None = None
    by_rank: float | None = None
    """The score as autotuning-methodology computes it; see `score.at_expected_rank`. For recorded spaces alone."""
    chance: float | None = None
    """The probability of being the best of the methods that have searched all spaces."""
    rank: float | None = None
    """Among the methods, by score, on the mean over the spaces; 1 is the best."""
    rank_ci95: tuple[float, float] | None = None


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
    """How often a study of `a` has the higher score than one of `b`."""
    better: str | None = None
    """The better method, if that is certain."""


@dataclass(frozen=True, slots=True)
class Methods:
    """The outcome of a comparison."""

    methods: Sequence[Method]
    """The one of the highest score first."""
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
                    "score_autotuning_methodology": method.by_rank,
                    "best": list(method.best),
                    "scores": {space: list(scores) for space, scores in method.scores.items()},
                    "probability_best": method.chance,
                    "rank": method.rank,
                    "rank_ci95": method.rank_ci95,
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


@dataclass(frozen=True, slots=True)
class _Standing:
    """A method's studies of one space, by one yardstick or several; see `score.resampled`."""

    scores: NDArray[np.float64]
    """Shape (studies,)."""
    draws: NDArray[np.float64]
    """Shape (RESAMPLES,): what their mean could have been."""
    by_rank: float | None
    """Their mean as autotuning-methodology computes it, for a recorded space."""


def compare(studies: Sequence[StudyRecord], rng: np.random.Generator) -> Methods:
    """Compare all methods, each pair on the spaces that both have searched. Raises UserError without a study."""
    if not studies:
        raise UserError("there is no finished study to compare")
    titles = space_names(studies)
    named: dict[str, dict[str, list[StudyRecord]]] = {}
    for name, study in zip(method_names(studies), studies, strict=True):
        named.setdefault(name, {}).setdefault(titles[study.space], []).append(study)
    notes: list[str] = []
    baselines: dict[str, str] = {}
    judged: dict[str, dict[str, _Standing]] = {name: {} for name in named}
    for space in titles.values():
        try:
            found, baselines[space] = _judge({name: own[space] for name, own in named.items() if space in own}, rng)
        except UserError as error:
            notes.append(f"{space}: {error}")
            continue
        for name, one in found.items():
            judged[name][space] = one
    methods = _methods(named, judged)
    tests, both = PermutationTests(rng), itertools.combinations(methods, 2)
    pairs = [_pair(first.name, second.name, judged, named, tests) for first, second in both]
    if "pooled" in baselines.values():
        notes.append("without studies of search=random, scores are among the schedules that all studies tried")
    notes += _partial(methods, baselines)
    return Methods(methods, _corrected(pairs), notes, baselines)


def _partial(methods: Sequence[Method], baselines: Mapping[str, str]) -> list[str]:
    """Which methods have not searched all spaces, if any."""
    own = [f"{method.name} {len(method.scores)}" for method in methods if 0 < len(method.scores) < len(baselines)]
    if not own:
        return []
    return [f"a score is the mean over the spaces that a method has searched, of {len(baselines)}: {', '.join(own)}"]


def _judge(among: Mapping[str, Sequence[StudyRecord]], rng: np.random.Generator) -> tuple[dict[str, _Standing], str]:
    """The methods that have searched one space, and where its baseline comes from. Raises UserError; see yardsticks."""
    found = yardsticks([study for own in among.values() for study in own], rng)
    sticks = found.sticks
    sampled = rng.integers(1, len(sticks), size=RESAMPLES) if len(sticks) > 1 else np.zeros(RESAMPLES, dtype=np.intp)
    judged = {}
    for name, own in among.items():
        best = incumbents([study.objectives for study in own], sticks[0].budget, sticks[0].worst)
        scores = np.stack([stick.scores(best) for stick in sticks])
        by_rank = None if found.by_rank is None else float(found.by_rank.scores(best).mean())
        judged[name] = _Standing(scores[0], resampled(scores, sampled, rng), by_rank)
    return judged, found.origin


def _methods(
    named: Mapping[str, Mapping[str, Sequence[StudyRecord]]], judged: Mapping[str, Mapping[str, _Standing]]
) -> list[Method]:
    """Each method on the mean over its spaces, the best first."""
    ranks = _ranks(judged)
    everywhere = set().union(*(spaces for spaces in judged.values()))
    complete = [name for name, spaces in judged.items() if spaces and spaces.keys() == everywhere]
    means = {name: np.mean([one.draws for one in spaces.values()], axis=0) for name, spaces in judged.items() if spaces}
    highest = np.max([means[name] for name in complete], axis=0) if complete else np.empty(0)
    tied = sum((means[name] == highest for name in complete), start=np.zeros(len(highest)))
    methods = []
    for name, own in named.items():
        scores = {space: list(map(float, one.scores)) for space, one in judged[name].items()}
        studies = [study for each in own.values() for study in each]
        method = Method(name, scores, [study.best for study in studies], unit_of(studies))
        if scores:
            score = float(np.mean([one.scores.mean() for one in judged[name].values()]))
            ranked = [one.by_rank for one in judged[name].values() if one.by_rank is not None]
            by_rank = float(np.mean(ranked)) if len(ranked) == len(scores) else None
            chance = float(((means[name] == highest) / tied).mean()) if name in complete else None
            method = replace(method, score=score, ci95=central(means[name]), by_rank=by_rank, chance=chance)
        if name in ranks:
            method = replace(method, rank=float(ranks[name][0]), rank_ci95=central(ranks[name][1:]))
        methods.append(method)
    return sorted(methods, key=lambda method: (method.score is None, -(method.score or 0.0)))


def _ranks(judged: Mapping[str, Mapping[str, _Standing]]) -> dict[str, NDArray[np.float64]]:
    """Shape (1 + RESAMPLES,): each method's rank on the mean over the spaces that others have searched, too."""
    ranks: dict[str, list[NDArray[np.float64]]] = {}
    for space in dict.fromkeys(itertools.chain.from_iterable(judged.values())):
        among = {name: spaces[space] for name, spaces in judged.items() if space in spaces}
        if len(among) > 1:
            means = np.stack([np.append(one.scores.mean(), one.draws) for one in among.values()])
            for name, rank in zip(among, rankdata(-means, axis=0), strict=True):
                ranks.setdefault(name, []).append(rank)
    return {name: np.mean(each, axis=0) for name, each in ranks.items()}


def _pair(
    first: str,
    second: str,
    judged: Mapping[str, Mapping[str, _Standing]],
    named: Mapping[str, Mapping[str, Sequence[StudyRecord]]],
    tests: PermutationTests,
) -> Pair:
    common = [space for space in judged[first] if space in judged[second]]
    if not common:
        one, two = (next(iter(named[name].values()))[0] for name in (first, second))
        reason = difference(one.problem, two.problem)
        return Pair(first, second, [f"nothing in common: {reason}" if reason else "no space could be scored"])
    unfair = [text for space in common for text in _unfair([*named[first][space], *named[second][space]])]
    ones, twos = ([judged[name][space] for space in common] for name in (first, second))
    blocks = [(one.scores, two.scores) for one, two in zip(ones, twos, strict=True)]
    draws = np.mean([one.draws - two.draws for one, two in zip(ones, twos, strict=True)], axis=0)
    return Pair(
        first,
        second,
        list(dict.fromkeys(unfair)),
        tests.p(blocks),
        effect=float(np.mean([one.mean() - two.mean() for one, two in blocks])),
        ci95=central(draws),
        superiority=superiority(blocks),
    )


def _unfair(studies: Sequence[StudyRecord]) -> list[str]:
    """Why studies of one space do not compare on equal terms, a line each."""
    first, reasons = studies[0], []
    for what in ("budget", "machine", "work"):
        texts = (difference(getattr(first, what), getattr(study, what)) for study in studies)
        reasons += [f"{what}: {text}" for text in itertools.islice(filter(None, texts), 1)]
    if cached := sum(study.cached for study in studies):
        reasons.append(f"cache: {cached} trials were not measured but taken from the archive")
    return reasons


def _corrected(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with Holm's correction over those that were tested, and what is certain then."""
    tested = [pair for pair in pairs if pair.p is not None]
    corrected = iter(holm([pair.p for pair in tested if pair.p is not None]))
    return [_judged(pair, next(corrected)) if pair.p is not None else pair for pair in pairs]


def _judged(pair: Pair, p_holm: float) -> Pair:
    certain = p_holm <= ERROR_RATE and not pair.unfair
    better = (pair.a if (pair.effect or 0.0) > 0 else pair.b) if certain else None
    return replace(pair, p_holm=p_holm, better=better)
