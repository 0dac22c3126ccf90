"""Where Hydra finds the launcher of mlopt's sweeps: plugins of Hydra live in this namespace alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

if TYPE_CHECKING:
    from mlopt.cli.sweep.sweep import Sweep


class Studies(Launcher):
    """Composes the studies of a sweep and leaves them to the `Sweep` that Hydra was given as its task.

    `studies` is how many run at once at most (None: one for each core), `resume` the folder of a sweep to be finished.
    """

    def __init__(self, studies: int | None = None, resume: str | None = None) -> None:
        self._studies = studies
        self._resume = resume is not None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from mlopt.cli.sweep.sweep import Sweep
        from mlopt.core.errors import UserError

        if not isinstance(task_function, Sweep):
            raise UserError("hydra/launcher=studies runs mlopt's own studies alone; choose hydra/launcher=basic")
        if self._studies is not None and self._studies < 1:
            raise UserError(f"sweep.studies={self._studies} must be at least 1")
        self._sweep: Sweep = task_function
        self._context, self._config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run these studies; one that fails is told by its exit code, and touches no other."""
        setup_globals()
        configs = []
        for number, overrides in enumerate(job_overrides, start=initial_job_idx):
            config = self._context.config_loader.load_sweep_config(self._config, list(overrides))
            with open_dict(config):
                config.hydra.job.num, config.hydra.job.id = number, str(number)
            configs.append(config)
        return self._sweep.run(configs, self._studies, self._resume)
