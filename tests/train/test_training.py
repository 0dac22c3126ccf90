"""Training: what it writes, that it goes on where it was, and what it makes likelier."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import UserError
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.inline import Inline
from mlopt.search.ppo.learning import Learner
from mlopt.search.ppo.network import Network
from mlopt.search.ppo.policy import load
from mlopt.search.ppo.settings import Settings
from mlopt.train import checkpoint
from mlopt.train.attempts import Bench
from mlopt.train.evaluation import gains, judge
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
    checkpoint.load(tmp_path, other.learner)
    kept, restored = first.learner.tensors(), other.learner.tensors()
    assert kept.keys() == restored.keys()
    assert all(torch.equal(kept[name], restored[name]) for name in kept)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\xff" * 100], ids=["empty", "text", "bytes"])
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(bench: Bench, tmp_path: Path, content: bytes) -> None:
    (tmp_path / checkpoint.NAME).write_bytes(content)
    with pytest.raises(UserError) as raised:
        trainer(bench, tmp_path, steps=1).run(resume=True)
    assert len(str(raised.value).splitlines()) == 1


def test_gains_are_told_against_the_spaces_own_hint(bench: Bench) -> None:
    workload = RandomProgram("elementwise", 2)
    (judgement,) = judge(bench, Network(np.random.default_rng(0)), [workload], 2, np.random.default_rng(0))
    assert judgement.expert is not None
    assert judgement.greedy is not None
    assert judgement.best is not None
    assert judgement.best <= judgement.greedy
    assert gains([judgement])["greedy"] == pytest.approx(judgement.expert / judgement.greedy)


@pytest.mark.parametrize("keys", [{"programs": 0}, {"hints": 0}, {"seconds": 0.0}, {"trial_seconds": -1.0}])
def test_a_training_of_nothing_is_a_mistake(keys: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"training\."):
        Training(**keys)  # type: ignore[arg-type]
