"""Search by a policy that learns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tiles import BEST, GOOD, TILES, Hinted, begun, best, distance, ok, trial

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Search, Space
from mlopt.search.draw import Draw
from mlopt.search.ppo.episode import along, greedy, sampled
from mlopt.search.ppo.learning import Learner
from mlopt.search.ppo.network import LARGEST, Network
from mlopt.search.ppo.policy import load, save
from mlopt.search.ppo.search import Ppo
from mlopt.search.ppo.settings import Settings
from mlopt.search.random import Random
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Tree

BRIEF = Settings(epochs=1, minibatches=2)
"""Updates as brief as can be, where it matters that there are some and not what they are worth."""


class TestPpo(SearchContract):
    def make(self) -> Search:
        return Ppo(BRIEF, batch=4)


class TestTransformer(SearchContract):
    """On one space: neither has nests to be read."""

    @pytest.fixture
    def space(self) -> Space:
        return Tree()

    def make(self) -> Search:
        return Ppo(BRIEF, batch=8, nests="transformer", producers=False)


def test_from_scratch_it_beats_random_search() -> None:
    learned = [best(Ppo(hints=False), seed, 300) for seed in range(2)]
    drawn = [best(Random(), seed, 300) for seed in range(2)]
    assert np.mean(learned) < np.mean(drawn)


def test_begins_with_the_spaces_hints() -> None:
    assert begun(Ppo(), Hinted()).ask(1)[0].values() == BEST
    assert begun(Ppo(hints=False), Hinted()).ask(1)[0].values() != BEST


def test_the_diagnostics_of_an_update_go_with_the_trials_after_it() -> None:
    search = begun(Ppo(batch=4))
    first = search.ask(4)
    assert search.account(first[0]) == ("", {})
    search.tell([trial(number, schedule) for number, schedule in enumerate(first)])
    _, told = search.account(search.ask(1)[0])
    assert set(told) == {f"ppo_{n}" for n in ("kl", "clipped", "entropy", "explained_variance", "gradient_norm")}
    assert told["ppo_kl"] >= 0.0
    assert 0.0 <= told["ppo_clipped"] <= 1.0
    assert told["ppo_entropy"] > 0.0


def test_what_paid_becomes_likelier() -> None:
    search = begun(Ppo(batch=8, hints=False))

    def chance() -> float:
        return sum(along(TILES, search._network, GOOD).log_probabilities)

    before = chance()
    search.tell([ok(GOOD, 1.0)])
    for _ in range(6):
        search.tell([ok(schedule, 10.0) for schedule in search.ask(8)])
    assert chance() > before


def test_failures_are_learned_from(tmp_path: Path) -> None:
    search = begun(Ppo(batch=6, hints=False))
    for _ in range(4):
        search.tell([Trial(0, schedule, Status.CRASH) for schedule in search.ask(6)])
    assert all(np.isfinite(list(search.account(GOOD)[1].values())))


def test_a_policy_is_the_same_after_a_round_trip(tmp_path: Path) -> None:
    network = Network(np.random.default_rng(3), "transformer", producers=False)
    save(tmp_path / "policy.safetensors", network, {"trained on": "nothing"})
    again, card = load(tmp_path / "policy.safetensors")
    assert card == {"trained on": "nothing"}
    (first,), (second,) = (sampled([TILES], each, np.random.default_rng(5)) for each in (network, again))
    assert first.schedule == second.schedule
    assert first.log_probabilities == second.log_probabilities
    assert greedy(TILES, network).schedule == greedy(TILES, again).schedule


@pytest.mark.parametrize("content", [b"", b"not a policy", b"\x80\x04." * 10, b"\xff" * 100])
def test_a_file_that_is_no_policy_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "policy.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"search\.policy=") as raised:
        begun(Ppo(policy=str(path)))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38])
def test_a_policy_of_weights_that_score_nothing_is_refused_in_one_line(tmp_path: Path, value: float) -> None:
    network = Network(np.random.default_rng(3))
    with torch.no_grad():
        network.trunk[0].weight[0, 0] = value
    save(tmp_path / "policy.safetensors", network, {})
    with pytest.raises(UserError, match="no numbers, or too large") as raised:
        begun(Ppo(policy=str(tmp_path / "policy.safetensors")))
    assert len(str(raised.value).splitlines()) == 1


def test_the_largest_weights_that_are_taken_score_something(tmp_path: Path) -> None:
    network = Network(np.random.default_rng(3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(LARGEST)
    network.check()
    (episode,) = sampled([TILES], network, np.random.default_rng(0))
    assert np.isfinite([*episode.log_probabilities, *episode.values]).all()


def test_nests_can_be_read_in_known_ways_only() -> None:
    with pytest.raises(UserError, match=r"nests=lsmt must be .*did you mean 'lstm'"):
        Network(np.random.default_rng(0), "lsmt")  # type: ignore[arg-type]


def test_the_mask_holds_along_whole_episodes() -> None:
    network, rng = Network(np.random.default_rng(0)), np.random.default_rng(1)
    for episode in sampled([TILES] * 20, network, rng):
        TILES.check(episode.schedule)
        assert all(index < len(choice.options) for index, choice in zip(episode.taken, episode.choices, strict=True))
    assert {distance(episode.schedule) for episode in sampled([TILES] * 20, network, rng)} != {0}


def test_what_is_imitated_becomes_likelier() -> None:
    network = Network(np.random.default_rng(0))
    learner, episode = Learner(network, Settings()), along(TILES, network, GOOD)
    for _ in range(5):
        learner.imitate([episode], np.random.default_rng(0))
    assert sum(along(TILES, network, GOOD).log_probabilities) > sum(episode.log_probabilities)


def test_begins_with_the_most_probable_schedule_of_a_policy(tmp_path: Path) -> None:
    network = Network(np.random.default_rng(3))
    save(tmp_path / "policy.safetensors", network, {})
    search = begun(Ppo(policy=str(tmp_path / "policy.safetensors")), Hinted())
    first, second = search.ask(2)
    assert first == greedy(Hinted(), network).schedule
    assert (search.account(first)[0], search.account(second)[0]) == ("greedy", "hint")
    assert second.values() == BEST


def differing(schedules: Sequence[Schedule], known: Schedule) -> float:
    """The mean number of decisions in which schedules differ from one."""
    return float(np.mean([sum(a != b for a, b in zip(each, known, strict=True)) for each in schedules]))


def test_a_policy_that_is_sure_of_itself_goes_on_near_what_it_knows() -> None:
    search = begun(Ppo(batch=1000, hints=False))
    with torch.no_grad():
        search._network.score[2].weight.mul_(1e6)
    proposed = []
    for number in range(60):
        (schedule,) = search.ask(1)
        search.tell([ok(schedule, 1.0 + number)])
        proposed.append(schedule)
    assert len(set(proposed)) == 60
    draw = Draw(TILES, np.random.default_rng(0))
    drawn = [schedule for _ in range(60) if (schedule := draw.fresh())]
    assert differing(proposed, proposed[0]) < 0.5 * differing(drawn, proposed[0])
