"""Training: what it writes, that it goes on where it was, and what it makes likelier."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiles import GOOD, TILES

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import UserError
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.inline import Inline
from mlopt.search.ppo.episode import Episode, along
from mlopt.search.ppo.learning import Learner, Reward
from mlopt.search.ppo.network import Network
from mlopt.search.ppo.policy import load, read_tensors, write_tensors
from mlopt.search.ppo.settings import Settings
from mlopt.train import checkpoint
from mlopt.train.attempts import Bench
from mlopt.train.evaluation import Judgement, gains, judge
from mlopt.train.programs import Programs
from mlopt.train.settings import Training
from mlopt.train.training import Trainer
from mlopt.workloads.random_program.workload import RandomProgram


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(Mlir(threads=1), Simulation(), Inline(), 20.0)
    bench.open()
    yield bench
    bench.executor.close()


def trainer(bench: Bench, directory: Path, steps: int) -> Trainer:
    rng = np.random.default_rng(0)
    network = Network(rng)
    sizes = {
        "lessons": 4,
        "programs": 2,
        "episodes": 2,
        "hints": 1,
        "imitated": 2,
        "evaluate": 2,
        "held_out": 1,
        "draws": 1,
    }
    return Trainer(
        network,
        Learner(network, Settings()),
        bench,
        Programs(kinds=["elementwise"]),
        Training(steps=steps, seconds=None, **sizes),
        directory,
        rng,
        lambda step, figures: None,
        {"seed": 0},
    )


def test_it_leaves_a_policy_and_goes_on_where_it_was(bench: Bench, tmp_path: Path) -> None:
    first = trainer(bench, tmp_path, steps=2)
    figures = first.run()
    assert {"held_out/greedy", "held_out/best", "held_out/elementwise/best"} <= figures.keys()
    network, card = load(tmp_path / "policy.safetensors")
    assert (card["steps"], card["trials"], card["seed"]) == (2, 12, 0)
    assert card["evaluation"] == figures

    again = trainer(bench, tmp_path, steps=3)
    again.run(resume=True)
    steps = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps if "kl" in line] == [1, 2, 3]
    assert steps[-1]["trials"] == 18
    before, after = network.state_dict(), again.network.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_restored_learner_has_the_weights_and_the_moments_of_before(bench: Bench, tmp_path: Path) -> None:
    first = trainer(bench, tmp_path, steps=1)
    first.run()
    other = trainer(bench, tmp_path, steps=1)
    state = checkpoint.load(tmp_path, other.learner, other.rng)
    assert (state.steps, state.trials) == (1, 6)
    assert other.rng.bit_generator.state == first.rng.bit_generator.state
    kept, restored = first.learner.tensors(), other.learner.tensors()
    assert kept.keys() == restored.keys()
    assert all(torch.equal(kept[name], restored[name]) for name in kept)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\xff" * 100], ids=["empty", "text", "bytes"])
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(bench: Bench, tmp_path: Path, content: bytes) -> None:
    (tmp_path / checkpoint.NAME).write_bytes(content)
    with pytest.raises(UserError) as raised:
        trainer(bench, tmp_path, steps=1).run(resume=True)
    assert len(str(raised.value).splitlines()) == 1


def spoiled(tensors: dict[str, torch.Tensor], state: dict[str, Any], fault: str) -> None:
    """Make a fault in the content of a checkpoint."""
    weight, moment = "network.trunk.0.weight", "optimizer.0.exp_avg"
    if fault == "weights that are no numbers":
        tensors[weight][0, 0] = float("nan")
    elif fault == "weights that are too large":
        tensors[weight][0, 0] = 1e38
    elif fault == "moments of another shape":
        tensors[moment] = tensors[moment][:1].clone()
    elif fault == "moments that are none":
        tensors["optimizer.0.exp_avg_sq"] = -tensors["optimizer.0.exp_avg_sq"] - 1.0
    elif fault == "moments that are missing":
        del tensors[moment]
    elif fault == "moments of nothing":
        tensors["optimizer.999.step"] = torch.tensor(1.0)
    elif fault == "no steps":
        del state["steps"]
    elif fault == "a count of trials below 0":
        state["trials"] = -1
    elif fault == "another generator":
        state["random"] = {"bit_generator": "MT19937"}
    elif fault == "no generator":
        state["random"] = {}
    else:
        state.clear()


FAULTS = [
    *("weights that are no numbers", "weights that are too large", "moments of another shape", "moments that are none"),
    *("moments that are missing", "moments of nothing", "no steps", "a count of trials below 0", "another generator"),
    *("no generator", "nothing"),
]


def test_a_checkpoint_with_any_fault_is_refused_in_one_line(bench: Bench, tmp_path: Path) -> None:
    trainer(bench, tmp_path, steps=1).run()
    kept = (tmp_path / checkpoint.NAME).read_bytes()
    for fault in FAULTS:
        (tmp_path / checkpoint.NAME).write_bytes(kept)
        tensors, about = read_tensors(tmp_path / checkpoint.NAME, checkpoint.LARGEST)
        changed, state = dict(tensors), json.loads(about["state"])
        spoiled(changed, state, fault)
        write_tensors(tmp_path / checkpoint.NAME, changed, {"state": json.dumps(state)})
        with pytest.raises(UserError, match="no checkpoint") as raised:
            trainer(bench, tmp_path, steps=2).run(resume=True)
        assert len(str(raised.value).splitlines()) == 1, fault


def test_what_was_logged_after_the_checkpoint_is_not_logged_twice(bench: Bench, tmp_path: Path) -> None:
    trainer(bench, tmp_path, steps=2).run()
    log = tmp_path / "training.jsonl"
    with log.open("a") as file:
        file.write('{"step": 3, "kl": 1.0}\n{"step": 4, "kl"')
    trainer(bench, tmp_path, steps=3).run(resume=True)
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["step"] for line in steps if "kl" in line] == [1, 2, 3]
    assert 1.0 not in [line.get("kl") for line in steps]


def test_a_mistake_on_the_way_leaves_a_checkpoint(bench: Bench, tmp_path: Path) -> None:
    first = trainer(bench, tmp_path, steps=9)

    def report(step: int, figures: object) -> None:
        if step == 1:
            raise UserError("no room")

    first.report, first.run_id = report, "a run"
    with pytest.raises(UserError, match="no room"):
        first.run()
    assert checkpoint.read(tmp_path).steps == 1
    again = trainer(bench, tmp_path, steps=2)
    again.run(resume=True)
    assert again.run_id == "a run"


def test_a_policy_gains_least_where_it_fails() -> None:
    workload, other = RandomProgram("elementwise", 2), RandomProgram("matmul", 3)
    good, poor = Judgement(workload, 1.0, 0.25, 0.25), Judgement(workload, 1.0, 2.0, 1.0)
    fails, lucky = Judgement(other, 1.0, None, None), Judgement(other, 1.0, None, 0.5)
    assert gains([good, poor, fails, lucky]) == {
        "greedy": pytest.approx((4.0 * 0.5 * 0.5 * 0.5) ** 0.25),
        "best": pytest.approx((4.0 * 1.0 * 0.5 * 2.0) ** 0.25),
        "elementwise/greedy": pytest.approx(2.0**0.5),
        "elementwise/best": pytest.approx(2.0),
        "matmul/greedy": pytest.approx(0.5),
        "matmul/best": pytest.approx(1.0),
        "failed": 0.5,
        "unjudged": 0.0,
    }
    assert gains([good, Judgement(other, None, 0.1, 0.1)])["unjudged"] == 0.5
    assert gains([good, Judgement(other, None, 0.1, 0.1)])["greedy"] == pytest.approx(4.0)
    assert gains([fails]) == {"failed": 1.0, "unjudged": 0.0}


def test_gains_are_told_against_the_spaces_own_hint(bench: Bench) -> None:
    workload = RandomProgram("elementwise", 2)
    (judgement,) = judge(bench, Network(np.random.default_rng(0)), [workload], 2, np.random.default_rng(0))
    assert judgement.expert is not None
    assert judgement.greedy is not None
    assert judgement.best is not None
    assert judgement.best <= judgement.greedy
    assert gains([judgement])["greedy"] == pytest.approx(judgement.expert / judgement.greedy)


def test_each_decision_may_be_told_what_it_has_added(bench: Bench, tmp_path: Path) -> None:
    first = trainer(bench, tmp_path, steps=1)
    first.training = replace(first.training, dense=True)
    told: list[tuple[Sequence[Episode], Sequence[Reward]]] = []
    learn = first.learner.learn

    def note(episodes: Sequence[Episode], rewards: Sequence[Reward], rng: np.random.Generator) -> Mapping[str, float]:
        told.append((episodes, rewards))
        return learn(episodes, rewards, rng)

    first.learner.learn = note  # type: ignore[method-assign,assignment]
    first.run()
    ((episodes, rewards),) = told
    assert [np.shape(reward) for reward in rewards] == [(len(episode.choices),) for episode in episodes]
    assert any(np.any(np.asarray(reward)[:-1]) for reward in rewards)
    assert checkpoint.read(tmp_path).trials > 6  # of completed prefixes, too


def test_what_comes_with_each_choice_is_an_advantage_of_those_before_it() -> None:
    network = Network(np.random.default_rng(0))
    learner, episode = Learner(network, Settings(trace=1.0)), along(TILES, network, GOOD)
    parts = np.arange(len(episode.choices), dtype=np.float32)
    assert learner._advantages(episode, parts) == pytest.approx(parts[::-1].cumsum()[::-1] - episode.values, abs=1e-4)
    assert learner._advantages(episode, 3.0) == pytest.approx(3.0 - np.array(episode.values), abs=1e-4)


@pytest.mark.parametrize("keys", [{"programs": 0}, {"hints": 0}, {"seconds": 0.0}, {"trial_seconds": -1.0}])
def test_a_training_of_nothing_is_a_mistake(keys: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"training\."):
        Training(**keys)  # type: ignore[arg-type]
