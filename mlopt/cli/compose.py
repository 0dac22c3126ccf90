"""From the words of the call to the configuration of each study, every mistake told in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from .. import plugins
from ..core.errors import UserError
from .errors import suggest

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra

CONFIG_NAME = "config"
RESUME = "resume"


class PluginFolders(SearchPathPlugin):
    """Adds the config folders of mlopt's plugins to those that Hydra searches."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for source in plugins.sources():
            if source is not plugins.BUILT_IN:
                search_path.append(source.origin, f"file://{source.conf}")


@contextmanager
def hydra_session() -> Iterator[Hydra]:
    """Hydra, knowing every option there is. Raises UserError when two plugins claim one name."""
    plugins.options()
    plugins.make_importable()
    Plugins.instance().register(PluginFolders)
    with initialize_config_dir(str(plugins.BUILT_IN.conf), job_name="mlopt", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        yield hydra


def compose(hydra: Hydra, words: Sequence[str], name: str = CONFIG_NAME) -> DictConfig:
    """The configuration of one study, or of another command, Hydra's own part included. Raises UserError."""
    try:
        return hydra.compose_config(name, list(words), RunMode.RUN)
    except Exception as error:  # whatever goes wrong in here is in the call or in a YAML file
        reason = str(error).partition("\nConfig search path")[0]
        raise UserError(_explanation(hydra, words, name) or reason) from error


def expand(hydra: Hydra, words: Sequence[str]) -> list[list[str]]:
    """The calls of single studies that make up a sweep, in Hydra's order; of two words for a key the last counts.

    Raises UserError.
    """
    choices: dict[str, list[str]] = {}
    for override in parse(hydra, words):
        word, key = str(override.input_line), override.get_key_element()
        if not override.is_sweep_override():
            choices[key] = [word]
        elif override.is_discrete_sweep():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise UserError(f"'{word}' is an interval; a sweep needs single values")
    return [list(job) for job in product(*choices.values())]


def word(key: str, value: Any) -> str:
    """The word of the command line that sets `key` to a value of Python's."""
    return f"{key}={_literal(value)}"


def _literal(value: Any) -> str:
    """A value as Hydra's grammar has it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{_literal(key)}:{_literal(each)}' for key, each in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_literal, value))}]"
    if isinstance(value, (int, float)):
        return str(value)
    return QuotedString(str(value), Quote.single).with_quotes()


def folder_to_resume(hydra: Hydra, words: Sequence[str]) -> Path | None:
    """The folder of the study that `words` ask to go on with, if they do. Raises UserError."""
    folders = [override.value() for override in parse(hydra, words) if override.key_or_group == RESUME]
    return Path(str(folders[-1])) if folders and folders[-1] is not None else None


def sweep_words(config: DictConfig) -> list[str]:
    """What the configuration itself asks a sweep to vary."""
    return [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]


def _explanation(hydra: Hydra, words: Sequence[str], name: str) -> str | None:
    """What is wrong with `words` that Hydra would not compose, and the nearest that is right."""
    overrides = parse(hydra, words)
    groups = hydra.compose_config(name, [], RunMode.RUN).hydra.runtime.choices
    choosing = []
    for override in overrides:
        if override.is_sweep_override():
            return f"'{override.input_line}' is a sweep: add -m, or quote the value"
        group, option = override.key_or_group, override.value()
        options = hydra.config_loader.get_group_options(group)
        if (options or group in groups) and not override.is_delete():
            if option not in options:
                return f"{group} has no option '{option}'{suggest(str(option), options)}"
            choosing.append(str(override.input_line))
    try:
        base = OmegaConf.to_container(hydra.compose_config(name, choosing, RunMode.RUN))
    except Exception:  # the choices themselves do not go together; Hydra's words must do
        return None
    keys = (override.key_or_group.replace("/", ".") for override in overrides)
    return next(filter(None, (unknown_key(base, key) for key in keys)), None)


def unknown_key(config: Any, key: str) -> str | None:
    """Which part of the dotted `key` is not in `config`, if one is not."""
    path: list[str] = []
    for part in key.split("."):
        if not isinstance(config, Mapping):
            return None
        if part not in config:
            keys = [name for name in map(str, config) if not name.startswith("_")]
            return f"{'.'.join(path) or 'the configuration'} has no key '{part}'{suggest(part, keys)}"
        path.append(part)
        config = config[part]
    return None


def parse(hydra: Hydra, words: Sequence[str]) -> list[Override]:
    """What each word says. Raises UserError."""
    parser = OverridesParser.create(hydra.config_loader)
    overrides = []
    for word in words:
        try:
            overrides += parser.parse_overrides([word])
        except HydraException as error:
            raise UserError(f"cannot read '{word}' as KEY=VALUE") from error
    return overrides
