"""One way down the tree of decisions, as a policy went it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core.schedule import Schedule
from ...protocols import Space
from .encoding import Choice, Encoder

if TYPE_CHECKING:
    from .network import Network

Pick = Callable[[Schedule, Sequence[str | bool | int | float], NDArray[np.float64]], int]
"""From a prefix, the values of the options and their probabilities to the index of the one that is taken."""


@dataclass(slots=True)
class Episode:
    """The choices of one schedule, as its policy saw them; those with one option only are left out."""

    schedule: Schedule = field(default_factory=Schedule)
    choices: list[Choice] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    """The index of the option that was taken, for each choice."""
    log_probabilities: list[float] = field(default_factory=list)
    """Of what was taken, at that time."""
    values: list[float] = field(default_factory=list)
    """What the policy expected of the state, at that time."""


def sampled(space: Space, network: Network, rng: np.random.Generator) -> Episode:
    """An episode by the policy's probabilities."""
    return _walk(space, network, lambda prefix, values, chances: int(rng.choice(len(chances), p=chances)))


def greedy(space: Space, network: Network) -> Episode:
    """The episode of the most probable decisions."""
    return _walk(space, network, lambda prefix, values, chances: int(np.argmax(chances)))


def along(space: Space, network: Network, schedule: Schedule) -> Episode:
    """The episode of a legal schedule that somebody else chose."""
    return _walk(space, network, lambda prefix, values, chances: values.index(schedule[len(prefix)].value))


def _walk(space: Space, network: Network, pick: Pick) -> Episode:
    import torch

    from .network import Batch, one_thread

    episode, encoder = Episode(), Encoder(space)
    network.eval()
    with torch.inference_mode(), one_thread():
        while options := space.options(episode.schedule):
            choice, index = encoder.choice(episode.schedule, options), 0
            if len(options) > 1:
                logs, value = network(Batch([choice]))
                chances = logs[0].double().exp().numpy()
                index = pick(episode.schedule, [option.value for option in options], chances / chances.sum())
                episode.choices.append(choice)
                episode.taken.append(index)
                episode.log_probabilities.append(float(logs[0, index]))
                episode.values.append(float(value[0]))
            encoder.decided(choice, index)
            episode.schedule = episode.schedule.then(options[index])
    return episode
