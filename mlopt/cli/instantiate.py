"""From a configuration to the objects it describes, checked against what their constructors accept."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import Parameter
from pkgutil import resolve_name
from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..core import plain
from ..core.errors import UserError
from ..core.trial import Trial
from ..protocols import TargetedBackend
from ..search.warm_start import WarmStart
from .errors import lacking, suggest
from .policies import fetched

TARGET = "_target_"
WARM_START = "warm_start"
"""A key of `search` that goes with all strategies; one that has an argument of this name is given it instead."""
ARCHIVE = "archive"
"""In the place of a path to an earlier study: what the archive holds of the same workload."""
PARTS = ("workload", "backend", "search", "evaluator", "executor", "tracker", "budget", "archive")
KEYS = (*PARTS, "seed", "target", "resume")
"""What a configuration may hold; the target is a part of the backend, what to resume is the call's own matter."""


def instantiate(config: DictConfig) -> dict[str, Any]:
    """The parts of a study and its seed, by name. Raises UserError for what no constructor accepts."""
    try:
        for missing in sorted(map(str, OmegaConf.missing_keys(config))):
            raise UserError(f"{missing} has no default: give it as {missing}=VALUE")
        plain = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:  # an interpolation that leads nowhere
        raise UserError(error) from error
    assert isinstance(plain, dict)
    for key in plain:
        if key not in KEYS:
            raise UserError(f"the configuration has no key {key!r}{suggest(str(key), KEYS)}")
    for part in PARTS:
        # Of no option, `search` still has the key that goes with all of them.
        if not isinstance(plain.get(part), dict) or not plain[part].keys() - {WARM_START}:
            raise UserError(f"a study needs a {part}; see mlopt --help")
    warm_start = _warm_start(plain["search"])
    plain["search"] = fetched(plain["search"], plain["tracker"].get("uri"), "search")
    seed = checked_seed(plain.get("seed"))
    parts = {part: build(part, plain[part]) for part in PARTS}
    backend, evaluator = parts["backend"], parts["evaluator"]
    if isinstance(backend, TargetedBackend) and not backend.native and evaluator.executes:
        raise UserError(
            "target is another machine, whose programs can be simulated and not run: choose evaluator=simulation, "
            "or, if the backend is for machines like this one, target=auto"
        )
    if warm_start is not None:
        parts["search"] = WarmStart(parts["search"], str(warm_start), _source(str(warm_start), parts))
    return {**parts, "seed": seed}


def _warm_start(search: dict[str, Any]) -> Any:
    """The earlier study that any strategy may begin with, taken out of the arguments of one that knows nothing of it.

    None, which the key is by default, is no argument in either case.
    """
    own = WARM_START in inspect.signature(constructor("search", search)).parameters
    return None if own and search.get(WARM_START) is not None else search.pop(WARM_START, None)


def checked_seed(seed: Any) -> int:
    """Raises UserError for what is no seed."""
    if type(seed) is not int or seed < 0:
        raise UserError(f"seed={seed} is not a whole number from 0 up")
    return seed


def _source(warm_start: str, parts: Mapping[str, Any]) -> Callable[[], list[Trial]] | None:
    """Who reads the earlier trials, if it is the archive that has them."""
    if warm_start != ARCHIVE:
        return None

    def read() -> list[Trial]:
        from ..archive.earlier import earlier  # loads SQLAlchemy

        return earlier(parts["archive"].url, parts["workload"], parts["backend"], parts["evaluator"])

    return read


def build(part: str, arguments: Mapping[str, Any]) -> Any:
    """What one option describes: `_target_` called with the other keys. Raises UserError if it does not accept them."""
    given = {key: value for key, value in arguments.items() if not key.startswith("_")}
    _check(part, constructor(part, arguments), given)
    try:
        return hydra.utils.instantiate(arguments, _convert_="all")
    except InstantiationException as error:
        cause: BaseException = error
        while isinstance(cause, InstantiationException) and cause.__cause__:
            cause = cause.__cause__
        if isinstance(cause, UserError):
            raise cause from error
        if isinstance(cause, (TypeError, ValueError, ImportError)):
            raise UserError(f"{part}: {cause}") from error
        raise


def constructor(part: str, arguments: Mapping[str, Any]) -> Callable[..., Any]:
    """What `_target_` names. Raises UserError where that is nothing that can be called."""
    target = arguments.get(TARGET)
    if not isinstance(target, str):
        raise UserError(f"{part} names no class: its YAML file needs {TARGET}")
    try:
        found = resolve_name(target)
    except (ImportError, AttributeError, SyntaxError, ValueError) as error:
        raise UserError(f"{part}: cannot load {target}: {_not_installed(target) or error}") from error
    if not callable(found):
        raise UserError(f"{part}: {target} is not callable")
    return found  # type: ignore[no-any-return]


def _not_installed(target: str) -> str | None:
    """That a module of somebody else's is missing, if that is why `target` cannot be loaded."""
    try:
        import_module(target.rpartition(".")[0])
    except ModuleNotFoundError as error:
        return None if error.name is None or target.startswith(error.name) else lacking(error)
    except (ImportError, SyntaxError, ValueError):
        return None
    return None


def _check(part: str, constructor: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise UserError for the first argument that `constructor` does not know or whose type it does not take."""
    try:
        parameters = inspect.signature(constructor, eval_str=True).parameters
    except NameError:  # names imported for the type checker alone
        parameters = inspect.signature(constructor).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for key, value in arguments.items():
        if key in parameters:
            _check_type(f"{part}.{key}", parameters[key].annotation, value)
        elif not open_ended:
            raise UserError(f"{part} has no key '{key}'{suggest(key, parameters)}")


def _check_type(key: str, annotation: Any, value: Any) -> None:
    if annotation is Parameter.empty or isinstance(annotation, str) or TARGET in str(value):
        return
    try:
        plain.read(annotation, value)
    except plain.Misfit as fault:
        raise UserError(f"{key}={value} {fault}") from None
