"""What may stand where the cursor is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ... import plugins
from ...core.errors import UserError
from ..sweep.words import SHORT

SHELLS = {"bash": "bash.sh", "zsh": "zsh.sh", "fish": "fish.fish"}
"""Those with a script of ours, and its file."""
ARCHIVE = ("export", "list", "merge", "prune")
"""The commands of `mlopt archive`."""
STUDY, TRAINING = "config.yaml", "train.yaml"
"""Whose keys a study and `mlopt train` have."""
SWEEP = Path("hydra", "launcher", "studies.yaml")
"""Whose keys a sweep has, by short names."""
OUR_OWN = "hydra"
"""Of the groups, the one that users do not choose from."""


def complete(words: Sequence[str], commands: Sequence[str]) -> list[str]:
    """The words that the last one of `words`, which may be empty, is the beginning of."""
    *before, begun = words or [""]
    options: dict[str, list[str]] = {}
    for option in plugins.options():
        if option.group.partition("/")[0] != OUR_OWN:
            options.setdefault(option.group, []).append(option.name)
    if before and before[0] in commands and before[0] != "train":
        return _beginning(_arguments(before, options), begun)
    group, equals, value = begun.partition("=")
    if equals:
        *kept, last = value.split(",")  # of a sweep, what is being written
        prefix = "".join(f"{each}," for each in kept)
        return [f"{group}={prefix}{name}" for name in options.get(group, []) if name.startswith(last)]
    training = before[:1] == ["train"]
    found = list(_keys(before, options, TRAINING if training else STUDY))
    if not training:
        found += _leaves(_read(plugins.BUILT_IN.conf / SWEEP), SHORT)
    if not before:
        found += [*commands, "-m", "--cfg", "--help", "--version"]
    return _beginning(sorted(found), begun)


def _arguments(before: Sequence[str], options: Mapping[str, Sequence[str]]) -> list[str]:
    """What may follow a command; nothing where that is a folder, which the shell completes itself."""
    match before:
        case ["list"]:
            return sorted(options)
        case ["archive"]:
            return list(ARCHIVE)
        case ["completion"]:
            return list(SHELLS)
        case ["check-plugin"]:
            return sorted({Path(source.origin).name for source in plugins.sources() if source is not plugins.BUILT_IN})
    return []


def _beginning(words: Sequence[str], begun: str) -> list[str]:
    return [word for word in words if word.startswith(begun)]


def _keys(before: Sequence[str], options: Mapping[str, Sequence[str]], file: str) -> Iterator[str]:
    """The groups and keys of a configuration, and the keys of the option that is chosen of each group."""
    chosen: dict[str, str] = {}
    for source in plugins.sources():
        if (source.conf / file).is_file():
            config = _read(source.conf / file)
            for entry in config.pop("defaults", []):
                chosen |= {str(group): str(name) for group, name in entry.items()} if isinstance(entry, dict) else {}
            config.pop(OUR_OWN, None)
            yield from _leaves(config, "")
    yield from (f"{group}=" for group in chosen if group in options)
    for word in before:
        group, equals, name = word.partition("=")
        if equals and name in options.get(group, []):
            chosen[group] = name
    for source in plugins.sources():
        for group, name in chosen.items():
            if (path := source.conf / group / f"{name}.yaml").is_file():
                yield from _leaves(_read(path), f"{group}.")


def _leaves(config: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        elif not str(key).startswith("_"):
            yield f"{path}{key}="


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_bytes(), yaml.CSafeLoader)
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"cannot read {file}: {error}") from error
    return content if isinstance(content, dict) else {}
