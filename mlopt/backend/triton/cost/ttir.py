"""Triton's IR as text, read into nested operations."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_LOCATION = re.compile(r" ?loc\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_OPERATION = re.compile(r'(?:(?P<results>%[^=]*?) = )?"?(?P<name>[a-z_]\w*(?:\.[\w.]+)+)"? ?(?P<rest>.*)')
_ARGUMENT = re.compile(r"(%[\w.$-]+): ")
_VALUE = re.compile(r"%[\w.$-]+(?:#\d+)?")
_TENSOR = re.compile(r"tensor(?:desc)?<(?:tensor<)?((?:\d+x)*)(!tt\.ptr<(\w+)[^>]*>|\w+)")

BYTES = {
    "i1": 1,
    "i8": 1,
    "f8E4M3FN": 1,
    "i16": 2,
    "f16": 2,
    "bf16": 2,
    "i32": 4,
    "f32": 4,
    "tf32": 4,
    "i64": 8,
    "f64": 8,
}


@dataclass
class Operation:
    """One operation; `results` are its values' names, several of one name as name#0, name#1."""

    name: str
    results: Sequence[str]
    text: str
    """Operands, attributes and types, as written."""
    regions: list[list[Operation]] = field(default_factory=list)

    @property
    def operands(self) -> Sequence[str]:
        """All values named, in order, before the types."""
        return _VALUE.findall(self.text.split(" : ")[0])

    @property
    def types(self) -> str:
        return self.text.rpartition(" : ")[2]


def parse(text: str) -> tuple[Sequence[str], Sequence[Operation]]:
    """The names of the public function's arguments, and its body."""
    lines = iter([line.strip() for line in _without_locations(text) if line.strip()])
    for line in lines:
        if line.startswith("tt.func public"):
            return _ARGUMENT.findall(line.partition("(")[2]), _region(lines)[0]
    raise ValueError("there is no public function")


def shape(kind: str) -> tuple[int, ...]:
    """Of a type; () for a scalar."""
    found = _TENSOR.search(kind)
    return tuple(map(int, found[1].split("x")[:-1])) if found else ()


def size(kind: str) -> int:
    """Number of elements of a type."""
    return math.prod(shape(kind))


def element(kind: str) -> str:
    """The type of its elements, or of what they point to."""
    found = _TENSOR.search(kind)
    if found:
        return found[3] or found[2]
    pointed = re.search(r"!tt\.ptr<(\w+)", kind)
    return pointed[1] if pointed else kind.strip()


def element_bytes(kind: str) -> int:
    name = element(kind)
    return BYTES.get(name, 1 if name.startswith("f8") else 4)


def _without_locations(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.startswith("#loc"):
            yield _LOCATION.sub("", line)


def _region(lines: Iterator[str]) -> tuple[list[Operation], str]:
    """The operations up to the end of a region, and the line that ends it."""
    operations: list[Operation] = []
    for line in lines:
        if line.startswith("}"):
            return operations, line
        if line.startswith("^") or not (found := _OPERATION.match(line)):
            continue
        operation = Operation(found["name"], _results(found["results"] or ""), found["rest"])
        operations.append(operation)
        while line.endswith("{"):
            body, line = _region(lines)
            operation.regions.append(body)
        if operation.regions:
            operation.text += line.lstrip("})")
    return operations, ""


def _results(text: str) -> Sequence[str]:
    names = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, count = part.partition(":")
        names += [f"{name}#{i}" for i in range(int(count))] if count else [name]
    return names
