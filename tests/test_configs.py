"""Every built-in option: its YAML file is its constructor call, with nothing missing and nothing made up."""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import hydra.utils
import pytest
from omegaconf import OmegaConf

from mlopt import plugins
from mlopt.cli.compose import compose, hydra_session
from mlopt.cli.instantiate import PARTS, build, instantiate

FILES = sorted(plugins.BUILT_IN.conf.glob("*/*.yaml"))
OPTIONS = [file for file in FILES if file.parent.name in PARTS]


def label(file: Path) -> str:
    return f"{file.parent.name}={file.stem}"


def load(file: Path) -> dict[str, Any]:
    target = OmegaConf.load(plugins.BUILT_IN.conf / "target" / "auto.yaml")
    study = OmegaConf.create({"seed": 0, "target": target, "part": OmegaConf.load(file)})  # what it may refer to, too
    config = OmegaConf.to_container(study, resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config["part"].items()}


@pytest.mark.parametrize("option", plugins.options(), ids=lambda option: f"{option.group}={option.name}")
def test_says_its_purpose_in_one_line(option: plugins.Option) -> None:
    assert option.purpose
    assert len(option.purpose) <= 100


@pytest.mark.parametrize("file", OPTIONS, ids=label)
def test_holds_every_argument_of_its_constructor_with_its_default(file: Path) -> None:
    config = load(file)
    parameters = inspect.signature(resolve_name(config.pop("_target_"))).parameters
    assert sorted(config) == sorted(parameters)
    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    assert {name: made(config[name]) for name in defaults} == {name: plain(value) for name, value in defaults.items()}


def made(value: Any) -> Any:
    """What a value of a configuration stands for."""
    return hydra.utils.instantiate(value) if isinstance(value, dict) and "_target_" in value else value


def plain(value: Any) -> Any:
    """A default as YAML has it; an object as it is."""
    return value if dataclasses.is_dataclass(value) else json.loads(json.dumps(value))


@pytest.mark.parametrize("file", OPTIONS, ids=label)
def test_can_be_instantiated(file: Path) -> None:
    config = load(file)
    if "???" not in config.values():
        build(file.parent.name, config)


@pytest.mark.usefixtures("drop_in")
def test_the_default_study_can_be_instantiated() -> None:
    with hydra_session() as hydra:
        config = compose(hydra, [])
        del_hydra = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        assert set(instantiate(del_hydra)) == {*PARTS, "seed"}
