"""What may stand where the cursor is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ... import plugins
from ...core.errors import UserError

FOLDER_COMMANDS = ("compare", "export", "report", "sync", "t4")
"""Those whose arguments are folders, which the shell itself completes."""
OUR_OWN = "hydra"
"""Of the groups, the one that users do not choose from."""


def complete(words: Sequence[str], commands: Sequence[str]) -> list[str]:
    """The words that the last one of `words`, which may be empty, is the beginning of."""
    *before, begun = words or [""]
    if before and before[0] in FOLDER_COMMANDS:
        return []
    options: dict[str, list[str]] = {}
    for option in plugins.options():
        if option.group.partition("/")[0] != OUR_OWN:
            options.setdefault(option.group, []).append(option.name)
    if before[:1] == ["list"]:
        return _beginning(sorted(options), begun)
    group, equals, value = begun.partition("=")
    if equals:
        *kept, last = value.split(",")  # of a sweep, what is being written
        prefix = "".join(f"{each}," for each in kept)
        return [f"{group}={prefix}{name}" for name in options.get(group, []) if name.startswith(last)]
    found = [*(f"{name}=" for name in options), *_keys(before, options)]
    if not before:
        found += [*commands, "-m", "--cfg", "--help", "--version"]
    return _beginning(sorted(found), begun)


def _beginning(words: Sequence[str], begun: str) -> list[str]:
    return [word for word in words if word.startswith(begun)]


def _keys(before: Sequence[str], options: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The keys of the study, and those of the option that is chosen of each group."""
    chosen: dict[str, str] = {}
    for source in plugins.sources():
        if (source.conf / "config.yaml").is_file():
            study = _read(source.conf / "config.yaml")
            for entry in study.pop("defaults", []):
                chosen |= {str(group): str(name) for group, name in entry.items()} if isinstance(entry, dict) else {}
            study.pop(OUR_OWN, None)
            yield from _leaves(study, "")
    for word in before:
        group, equals, name = word.partition("=")
        if equals and name in options.get(group, []):
            chosen[group] = name
    for source in plugins.sources():
        for group, name in chosen.items():
            if (file := source.conf / group / f"{name}.yaml").is_file():
                yield from _leaves(_read(file), f"{group}.")


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
