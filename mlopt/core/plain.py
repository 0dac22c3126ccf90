"""Plain data, such as a YAML file's, read as what annotations ask for; nothing is converted that is of another kind.

Knows plain types, `Literal`, unions, sequences, mappings, dataclasses, and `Annotated`, whose metadata are functions:
they say of a value what it should be, or nothing. Of other types only their constructors can judge.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

SCALARS: dict[Any, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "a valid boolean"),
    int: ((int,), "a valid integer"),
    float: ((int, float), "a valid number"),
    str: ((str,), "a valid string"),
    Path: ((str,), "a valid path"),
}
SEQUENCES = (list, tuple, Sequence)


class Misfit(ValueError):
    """A value is not what its annotation asks for: `place` is where in it, the message says what it should be."""

    def __init__(self, message: str, place: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.place = place


def read(annotation: Any, value: Any) -> Any:
    """`value` as `annotation` has it: dataclasses for mappings, tuples for lists. Raises Misfit."""
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin in SCALARS:
        return _scalar(origin, value)
    if origin is Annotated:
        return _annotated(value, *arguments)
    if origin is Literal:
        if not any(type(value) is type(choice) and value == choice for choice in arguments):
            *others, last = map(repr, arguments)
            raise Misfit(f"should be {', '.join(others)}{' or ' if others else ''}{last}")
    elif origin in (Union, types.UnionType):
        return _one_of(arguments, value)
    elif origin in (None, types.NoneType):
        if value is not None:
            raise Misfit("should be null")
    elif origin in SEQUENCES:
        return _sequence(origin, arguments, value)
    elif origin in (dict, Mapping):
        key, content = arguments or (Any, Any)
        return {read(key, k): _within(k, content, v) for k, v in _mapping(value).items()}
    elif isinstance(origin, type) and is_dataclass(origin):
        return _dataclass(origin, _mapping(value))
    return value


def _scalar(kind: Any, value: Any) -> Any:
    accepted, name = SCALARS[kind]
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise Misfit(f"should be {name}")
    return kind(value)


def _annotated(value: Any, annotation: Any, *judges: Callable[[Any], str]) -> Any:
    found = read(annotation, value)
    for judge in judges:
        if fault := judge(found):
            raise Misfit(fault)
    return found


def _one_of(annotations: Sequence[Any], value: Any) -> Any:
    if value is None and types.NoneType in annotations:
        return None
    faults: list[Misfit] = []
    for annotation in annotations:
        try:
            if annotation is not types.NoneType:
                return read(annotation, value)
        except Misfit as fault:
            faults.append(fault)
    raise Misfit(" or ".join(dict.fromkeys(map(str, faults))), faults[0].place)


def _sequence(kind: Any, annotations: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise Misfit("should be a valid list")
    if kind is tuple and annotations and annotations[-1] is not Ellipsis:
        if len(value) != len(annotations):
            raise Misfit(f"should have {len(annotations)} items")
    else:
        annotations = (annotations[0] if annotations else Any,) * len(value)
    found = (_within(n, *pair) for n, pair in enumerate(zip(annotations, value, strict=True)))
    return tuple(found) if kind is tuple else list(found)


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise Misfit("should be a mapping of keys")
    return value


def _dataclass(kind: Any, value: Mapping[Any, Any]) -> Any:
    hints = get_type_hints(kind, include_extras=True)
    known = {field.name: field for field in fields(kind) if field.init}
    for key in value:
        if key not in known:
            raise Misfit("there is no such key", (key,))
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise Misfit("is missing", (name,))
    arguments = {key: _within(key, hints[key], content) for key, content in value.items()}
    try:
        return kind(**arguments)
    except ValueError as error:
        raise Misfit(str(error)) from error


def _within(key: Any, annotation: Any, value: Any) -> Any:
    try:
        return read(annotation, value)
    except Misfit as fault:
        raise Misfit(str(fault), (key, *fault.place)) from None
