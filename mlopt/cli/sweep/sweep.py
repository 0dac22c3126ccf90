"""The studies of a sweep, side by side as the machine allows."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf

from ...core.errors import UserError
from ...core.fingerprint import available_cores
from ...protocols import SharableExecutor
from ..console import below_here
from ..instantiate import instantiate
from .display import Display
from .finished import find, objective
from .study import Ended, Job, Process


class Sweep:
    """A sweep, as what Hydra is given to call for each study.

    Hydra's own launchers call it, and studies run in this process; mlopt's (`hydra_plugins/mlopt_studies.py`) calls
    `run`. In either case a sweeper learns a study's objective.
    """

    def __init__(self) -> None:
        self.codes: list[int] = []
        """The studies' exit codes, in the order in which they ended."""
        self.directories: list[Path] = []
        self.folder: Path | None = None
        """Where they all are, once the first has begun."""

    def __call__(self, config: DictConfig) -> float:
        """Run one study here; its objective."""
        from ..run import job

        directory = Path(HydraConfig.get().runtime.output_dir)
        self.folder = Path(HydraConfig.get().sweep.dir)
        self._note(directory, job(config))
        return objective(directory)

    def run(self, configs: Sequence[DictConfig], studies: int | None, resume: bool) -> list[JobReturn]:
        """Run each study in a process of its own: `studies` at once at most, one for each core by default.

        One that executes programs has this machine to itself. With `resume`, those that have ended are left alone, and
        the others are gone on with. Ctrl-C ends each that runs as it would end a single one, and is raised again.
        """
        words = [list(config.hydra.overrides.task) for config in configs]
        jobs = [self._job(config, _name(own, words)) for config, own in zip(configs, words, strict=True)]
        self.folder = Path(configs[0].hydra.sweep.dir)
        try:
            self._run(jobs, studies or available_cores(), resume)
        except KeyboardInterrupt as error:
            error.add_note(f"go on with the same words and sweep.resume={shlex.quote(str(below_here(self.folder)))}")
            raise
        return [_returned(config, job) for config, job in zip(configs, jobs, strict=True)]

    def _run(self, jobs: Sequence[Job], studies: int, resume: bool) -> None:
        waiting = {job.number: job for job in jobs}
        with Display(jobs) as display:
            if resume:
                for job in jobs:
                    code = find(job.directory, job.config)
                    if code is not None:
                        self._note(job.directory, code)
                        display.ended(waiting.pop(job.number), Ended(code), ran=False)
            left = list(waiting.values())
            with _shared_executor(left) as address:
                for job, ended in _side_by_side(left, studies, address, display):
                    self._note(job.directory, ended.code)

    def _note(self, directory: Path, code: int) -> None:
        self.codes.append(code)
        self.directories.append(directory)

    def _job(self, config: DictConfig, name: str) -> Job:
        HydraConfig.instance().set_config(config)  # which the folder's name may refer to
        directory = Path(config.hydra.sweep.dir, config.hydra.sweep.subdir).absolute()
        cores, executor = 1, None
        try:
            parts = instantiate(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))
            executor = parts["executor"]
            cores = available_cores() if parts["evaluator"].executes else executor.slots
        except UserError:
            raise
        except Exception:  # a cluster, whose slots nobody knows yet; or a fault, met again where there is a log for it
            pass
        return Job(config.hydra.job.num, name, config, directory, min(cores, available_cores()), executor)


@contextmanager
def _shared_executor(jobs: Sequence[Job]) -> Iterator[Future[str] | None]:
    """Where the studies join what their executors would each have to start; None where that is nothing."""
    known: list[Any] = [job.executor for job in jobs]
    executors = [executor for executor in known if isinstance(executor, SharableExecutor) and executor.sharable]
    if len(executors) < 2:
        yield None
        return
    # Studies share the cores, and one that wants more slots than there are cores runs by itself.
    slots = max(available_cores(), *(job.executor.slots for job in jobs if job.executor in executors))
    with executors[0].shared(slots) as address:
        yield address


def _side_by_side(
    jobs: list[Job], studies: int, address: Future[str] | None, display: Display
) -> Iterator[tuple[Job, Ended]]:
    """Run `jobs`, first come first served where cores are left, and tell each as it ends."""
    waiting, running = list(jobs), dict[Any, Process]()
    free = available_cores()
    try:
        while waiting or running:
            for job in list(waiting):
                if job.cores <= free and len(running) < studies:
                    waiting.remove(job)
                    free -= job.cores
                    process = Process(job, address)
                    running[process.connection] = process
                    display.started(job)
            for connection in wait(list(running)):
                process = running[connection]
                message = process.receive()
                if isinstance(message, Ended):
                    del running[connection]
                    free += process.job.cores
                    display.ended(process.job, message)
                    yield process.job, message
                else:
                    display.trials(process.job, message)
    except BaseException:
        for process in running.values():
            process.interrupt()
        for process in running.values():
            while not isinstance(process.receive(), Ended):
                pass
        raise


def _name(words: Sequence[str], all_words: Sequence[Sequence[str]]) -> str:
    """The words in which a study differs from the others of its sweep."""
    return " ".join(word for word in words if not all(word in others for others in all_words)) or "the study"


def _returned(config: DictConfig, job: Job) -> JobReturn:
    return JobReturn(
        overrides=list(config.hydra.overrides.task),
        cfg=OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]),
        hydra_cfg=OmegaConf.masked_copy(config, ["hydra"]),
        working_dir=str(job.directory),
        task_name=config.hydra.job.name,
        status=JobStatus.COMPLETED,
        _return_value=objective(job.directory),
    )
