"""`mlopt train [KEY=VALUE]...`: a policy for search=ppo, trained on many programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ..core.errors import UserError
from .compose import compose, hydra_session
from .errors import complain
from .instantiate import build, checked_seed
from .policies import fetched

if TYPE_CHECKING:
    from ..tracker.training import TrainingRun
    from ..train.training import Report, Trainer

CONFIG_NAME = "train"
PARTS = ("backend", "evaluator", "executor", "tracker", "programs", "training", "learning")


def train(words: Sequence[str]) -> int:
    """Train as the words say; its exit code. Raises UserError."""
    logging.captureWarnings(True)
    with hydra_session() as hydra:
        all_words = _gone_on(compose(hydra, words, CONFIG_NAME).resume, list(words))
        compose(hydra, all_words, CONFIG_NAME)  # whose mistakes are told in a line
        code: int = hydra.run(CONFIG_NAME, _job, all_words).return_value
        return code


def _gone_on(folder: str | None, words: list[str]) -> list[str]:
    """The words, after those of the training in `folder` if it is to be gone on with; of two for a key the last counts.

    Raises UserError for a folder that holds none.
    """
    if folder is None:
        return words
    from ..train.checkpoint import NAME

    try:
        if not (Path(folder) / NAME).is_file():
            raise UserError(f"resume={folder} holds no checkpoint of a training")
        before = OmegaConf.to_container(OmegaConf.load(Path(folder) / ".hydra" / "overrides.yaml"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"resume={folder}: its .hydra/overrides.yaml cannot be read: {error}") from error
    kept = [str(word) for word in before] if isinstance(before, list) else []
    return list({word.partition("=")[0]: word for word in (*kept, *words, f"hydra.run.dir={folder}")}.values())


def _job(config: DictConfig) -> int:
    directory = Path(HydraConfig.get().runtime.output_dir)
    try:
        container = OmegaConf.to_container(config, resolve=True)
        assert isinstance(container, dict)
        plain = {str(key): value for key, value in container.items()}
        parts = {part: build(part, plain[part]) for part in PARTS}
        trainer = _trainer(plain, parts, directory)
        with closing(parts["executor"]), _tracked(plain, directory) as tracked:
            if tracked is not None:
                trainer.report, trainer.run_id = _both(trainer.report, tracked.log), tracked.id
            trainer.bench.open()
            figures = trainer.run(resume=config.resume is not None)
            _finish(trainer, tracked, figures, plain["register"])
    except UserError as error:
        complain(error)
        return 2
    return 0


def _trainer(plain: Mapping[str, Any], parts: Mapping[str, Any], directory: Path) -> Trainer:
    from ..search.ppo.learning import Learner
    from ..search.ppo.network import Network
    from ..search.ppo.policy import named
    from ..train.attempts import Bench
    from ..train.training import Trainer

    backend, evaluator, training = parts["backend"], parts["evaluator"], parts["training"]
    rng = np.random.default_rng(checked_seed(plain["seed"]))
    try:
        network = Network(rng, **plain["network"])
    except (UserError, TypeError) as error:
        raise UserError(f"network: {error}") from None
    if plain["policy"] is not None:
        policy = fetched({"policy": plain["policy"]}, plain["tracker"].get("uri"))["policy"]
        try:
            network, _ = named(policy)
        except UserError as error:
            raise UserError(f"policy={plain['policy']}: {error}") from None
    bench = Bench(backend, evaluator, parts["executor"], training.trial_seconds)
    learner, about = Learner(network, parts["learning"]), _about(plain)
    return Trainer(network, learner, bench, parts["programs"], training, directory, rng, _show, about)


def _show(step: int, figures: Mapping[str, float]) -> None:
    """Print what matters of a step."""
    shown = {key: value for key, value in figures.items() if "/" not in key or key in HEADLINES}
    print(f"{step:6} " + " ".join(f"{key}={value:.4g}" for key, value in shown.items()), flush=True)


def _both(first: Report, second: Report) -> Report:
    def report(step: int, figures: Mapping[str, float]) -> None:
        first(step, figures)
        second(step, figures)

    return report


HEADLINES = ("held_out/greedy", "held_out/best", "held_out/failed")


def _about(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a policy's card says of the training: the configuration, without what is this machine's own."""
    return {key: plain[key] for key in ("backend", "evaluator", "programs", "training", "learning", "seed")}


@contextmanager
def _tracked(plain: Mapping[str, Any], directory: Path) -> Iterator[TrainingRun | None]:
    """The training as a run in MLflow, which ends with it; None where it is not tracked. Raises UserError."""
    if not plain["tracker"]["_target_"].endswith(".Mlflow"):
        if plain["register"]:
            raise UserError("register=NAME needs tracker=mlflow")
        yield None
        return
    from ..tracker.training import TrainingRun, check_name
    from ..train import checkpoint

    if plain["register"] is not None:
        check_name(str(plain["register"]))
    known = None if plain["resume"] is None else checkpoint.read(directory).run
    run, status = TrainingRun(plain["tracker"]["uri"], f"train {directory.name}", plain, complain, known), "FAILED"
    try:
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        run.close(status)


def _finish(trainer: Trainer, tracked: TrainingRun | None, figures: Mapping[str, float], register: str | None) -> None:
    from ..train.training import LOG, POLICY

    path = trainer.directory / POLICY
    print(f"The policy is in {path}: {json.dumps({key: round(value, 3) for key, value in figures.items()})}")
    if tracked is not None and (address := tracked.finish([path, trainer.directory / LOG], register)):
        print(f"It is registered as {address}: search.policy={address} begins with it")
