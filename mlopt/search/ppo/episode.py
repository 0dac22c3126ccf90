"""One way down the tree of decisions, as a policy went it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core.schedule import Schedule, Value
from ...protocols import Space
from .encoding import Choice, Encoder

if TYPE_CHECKING:
    from .network import Network

Pick = Callable[[Schedule, Sequence[Value], NDArray[np.float64]], int]
"""From a prefix, the values of the options and their probabilities to the index of the one that is taken."""


@dataclass(slots=True)
class Episode:
    """The choices of one schedule, as its policy saw them; those with one option only are left out."""

    schedule: Schedule = field(default_factory=Schedule)
    choices: list[Choice] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """How many decisions of the schedule came before each choice."""
    taken: list[int] = field(default_factory=list)
    """The index of the option that was taken, for each choice."""
    log_probabilities: list[float] = field(default_factory=list)
    """Of what was taken, at that time."""
    values: list[float] = field(default_factory=list)
    """What the policy expected of the state, at that time."""


def sampled(
    spaces: Sequence[Space], network: Network, rng: np.random.Generator, temperature: float = 1.0
) -> list[Episode]:
    """An episode in each space by the policy's probabilities, which a `temperature` above 1 makes more alike."""

    def pick(prefix: Schedule, values: Sequence[Value], chances: NDArray[np.float64]) -> int:
        weights = chances ** (1.0 / temperature)
        return int(rng.choice(len(chances), p=weights / weights.sum()))

    return _walk(spaces, network, pick)


def greedy(space: Space, network: Network) -> Episode:
    """The episode of the most probable decisions."""
    return _walk([space], network, lambda prefix, values, chances: int(np.argmax(chances)))[0]


def along(space: Space, network: Network, schedule: Schedule) -> Episode:
    """The episode of a legal schedule that somebody else chose."""
    return _walk([space], network, lambda prefix, values, chances: values.index(schedule[len(prefix)].value))[0]


def _walk(spaces: Sequence[Space], network: Network, pick: Pick) -> list[Episode]:
    """All episodes go on by one decision at a time, since the policy scores many as quickly as one."""
    import torch

    from .network import Batch, one_thread

    episodes, encoders = [Episode() for _ in spaces], [Encoder(space) for space in spaces]
    under_way = list(range(len(spaces)))
    network.eval()
    with torch.inference_mode(), one_thread():
        while under_way:
            offers = [(row, options) for row in under_way if (options := spaces[row].options(episodes[row].schedule))]
            choices = [encoders[row].choice(episodes[row].schedule, options) for row, options in offers]
            real = [choice for choice in choices if len(choice.options) > 1]
            logs, values = network(Batch(real)) if real else (torch.empty(0), torch.empty(0))
            scored = iter(zip(logs, values.tolist(), strict=True))
            for (row, options), choice in zip(offers, choices, strict=True):
                episode, index = episodes[row], 0
                if len(options) > 1:
                    log, value = next(scored)
                    chances = log[: len(options)].double().exp().numpy()
                    index = pick(episode.schedule, [option.value for option in options], chances / chances.sum())
                    episode.choices.append(choice)
                    episode.places.append(len(episode.schedule))
                    episode.taken.append(index)
                    episode.log_probabilities.append(float(log[index]))
                    episode.values.append(value)
                encoders[row].decided(choice, index)
                episode.schedule = episode.schedule.then(options[index])
            under_way = [row for row, _ in offers]
    return episodes
