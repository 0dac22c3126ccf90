"""The registry: every option of every config group, whether built in, installed or dropped in.

A plugin is a Python package with a `conf/` folder: its `conf/GROUP/NAME.yaml` makes NAME an option of GROUP.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from .core.errors import UserError

ENTRY_POINT_GROUP = "mlopt.plugins"
FOLDERS_VARIABLE = "MLOPT_PLUGINS"


@dataclass(frozen=True, slots=True)
class Source:
    """One folder of config groups, and whose it is."""

    origin: str
    conf: Path
    import_folder: Path | None = None
    """What sys.path must hold for the plugin's package to be importable; None when it is installed."""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice that a config group offers."""

    group: str
    name: str
    purpose: str
    origin: str


BUILT_IN = Source("built-in", Path(__file__).absolute().parent / "conf")


def sources() -> list[Source]:
    """The built-in configs, then those of installed plugins, then dropped-in ones; no folder twice."""
    unique: dict[Path, Source] = {}
    for source in (BUILT_IN, *_installed(), *_dropped_in()):
        unique.setdefault(source.conf.resolve(), source)
    return list(unique.values())


def options() -> list[Option]:
    """Every option, by group and name. Raises UserError when two sources claim one name."""
    found: dict[tuple[str, str], Option] = {}
    for source in sources():
        for file in source.conf.glob("*/**/*.yaml"):
            group = file.parent.relative_to(source.conf).as_posix()
            option = Option(group, file.stem, _purpose(file), source.origin)
            other = found.setdefault((group, file.stem), option)
            if other is not option:
                raise UserError(f"{group}={file.stem} has two owners: {other.origin} and {option.origin}")
    return [found[key] for key in sorted(found)]


def make_importable() -> None:
    """Let dropped-in packages be imported, here and in the workers that take over this process's sys.path."""
    for source in sources():
        folder = str(source.import_folder)
        if source.import_folder and folder not in sys.path:
            sys.path.append(folder)


def _installed() -> Iterator[Source]:
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP)):
        owner = entry.dist.name if entry.dist else entry.name
        try:
            spec = find_spec(entry.module)
        except ImportError:
            spec = None
        folders = [Path(place, "conf") for place in (spec and spec.submodule_search_locations) or ()]
        conf = next((folder for folder in folders if folder.is_dir()), None)
        if conf is None:
            raise UserError(f"plugin {owner}: '{entry.value}' is not a package with a conf/ folder")
        yield Source(owner, conf.absolute())


def _dropped_in() -> Iterator[Source]:
    named = [Path(folder) for folder in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if folder]
    for folder in named:
        if not folder.is_dir():
            raise UserError(f"{FOLDERS_VARIABLE} names '{folder}', which is no folder")
    for folder in (Path("plugins"), *named):
        for conf in sorted(folder.glob("*/conf/")):
            yield Source(str(conf.parent), conf.absolute(), folder.absolute())


def _purpose(file: Path) -> str:
    """The first comment of the file's head, Hydra's own `@package` line aside."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {file}: {error}") from error
    for line in lines:
        comment = line.removeprefix("#").strip()
        if not line.startswith("#"):
            break
        if not comment.startswith("@package"):
            return comment
    return ""
