"""MaskablePPO of sb3-contrib on the schedules of a matrix product, by simulated cost: `pip install mlopt[envs]`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sb3_contrib import MaskablePPO

from mlopt.backend.mlir.backend import Mlir
from mlopt.envs import ScheduleEnv
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.local import Local
from mlopt.train.attempts import Bench
from mlopt.workloads.matmul.workload import Matmul


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4096, help="decisions, all in all")
    arguments = parser.parse_args(words)
    env = ScheduleEnv(Bench(Mlir(), Simulation(), Local(), trial_seconds=20.0), [Matmul(512, 512, 512)])
    model = MaskablePPO("MultiInputPolicy", env, n_steps=min(256, arguments.steps), gamma=1.0, verbose=1)
    model.learn(arguments.steps)

    observation, _ = env.reset(seed=0)
    ended = False
    while not ended:
        action, _ = model.predict(observation, action_masks=env.action_masks(), deterministic=True)
        observation, reward, ended, _, told = env.step(action)
    env.close()
    if told["objective"] is None:
        print(f"{told['schedule']}: {told['status']}")
    else:
        cost = 1e3 * told["objective"]
        print(f"{told['schedule']}: {cost:.3f} ms simulated, {reward:+.3f} against the space's own hint")


if __name__ == "__main__":
    main()
