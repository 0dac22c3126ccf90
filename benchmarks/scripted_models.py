"""What scripted language models make of a prompt's text, and one that hardly looks at it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlopt.protocols import Space
from mlopt.search.draw import Draw
from mlopt.testing.models import Part, Reply, proposes

Access = tuple[str, Sequence[str]]
"""What a nest reads: of which other nest ('' for an argument), and the loops in each subscript."""

Decisions = dict[str, Any]
"""What a proposal decides, by knob."""


@dataclass(frozen=True)
class Nest:
    """A loop nest, as a prompt tells of it; loops are letters."""

    tag: str
    sizes: Mapping[str, int]
    """Of the loops without dependences, in their order."""
    sums: Mapping[str, int]
    roles: Mapping[str, str]
    """The loops that are m, n and k of a product, or `vectors`."""
    reads: Sequence[Access]

    @property
    def turns(self) -> bool:
        """Whether it reads a tensor in another order than that of its vectors."""
        along = self.roles.get("vectors", "")
        return any(along in row for _, rows in self.reads for row in rows[:-1] if along)


@dataclass(frozen=True)
class Algorithm:
    """A way to compute the program, and the decisions that it is told of by."""

    choices: Decisions
    nests: Sequence[Nest]


@dataclass(frozen=True)
class Summary:
    """What a prompt says, as far as anybody here reads it."""

    lanes: int
    registers: int
    threads: int
    caches: Mapping[str, int]
    """In bytes, by level."""
    algorithms: Sequence[Algorithm]
    knobs: Mapping[str, Mapping[str, Any]]
    """By name: `values`, `kind`, `purpose`."""
    tried: int
    most: int
    """Proposals that are asked for."""
    best: Sequence[Decisions]
    """The best schedules so far, the best first."""
    failed: Sequence[Decisions]

    @classmethod
    def of(cls, prompt: str) -> Summary:
        """Raises what Python raises where the prompt does not say so much."""
        objects = list(_objects(prompt))
        registers, lanes = _numbers(r"Vectors: (\d+) registers of (\d+) float32 lanes", prompt)
        return cls(
            lanes=lanes,
            registers=registers,
            threads=_numbers(r"^(\d+) threads?\.", prompt)[0],
            caches=next(each["caches"] for each in objects if "caches" in each),
            algorithms=_algorithms(prompt),
            knobs={each["knob"]: each for each in objects if "kind" in each},
            tried=_numbers(r"^# Tried so far: (\d+)", prompt)[0],
            most=_numbers(r"^Propose (\d+) schedules", prompt)[0],
            best=[each["schedule"] for each in objects if "ratio" in each],
            failed=[each["schedule"] for each in objects if "status" in each],
        )


def careless(space: Space, seed: int) -> Part:
    """A model that answers with legal schedules at random; it knows the space, and nothing of what they are worth."""
    draw = Draw(space, np.random.default_rng(seed))

    def play(body: Mapping[str, Any], number: int) -> Reply:
        drawn = [draw.fresh() for _ in range(Summary.of(question(body)).most)]
        return proposes(*(schedule.values() for schedule in drawn if schedule))

    return play


def question(body: Mapping[str, Any]) -> str:
    """What a model was asked: later messages only say what was wrong with an answer."""
    return next(str(message["content"]) for message in body["messages"] if message["role"] == "user")


def _objects(prompt: str) -> Iterator[dict[str, Any]]:
    """Those that stand on a line of their own."""
    for line in prompt.splitlines():
        if line.startswith('{"'):
            with contextlib.suppress(ValueError):  # the form of an answer is none
                yield json.loads(line)


def _numbers(pattern: str, prompt: str) -> list[int]:
    found = re.search(pattern, prompt, re.MULTILINE)
    assert found is not None, pattern
    return [int(each) for each in found.groups()]


def _algorithms(prompt: str) -> list[Algorithm]:
    """One that there is no choice of, or each that is told by what it goes with."""
    found: list[tuple[Decisions, list[Nest]]] = [({}, [])]
    for line in prompt.splitlines():
        if head := re.fullmatch(r"With (.*):", line):
            found.append((_assigned(head[1]), []))
        elif body := re.fullmatch(r"- (?:(\w+): )?(.*)", line):
            found[-1][1].append(_nest(body[1] or "", body[2]))
    return [Algorithm(choices, nests) for choices, nests in found if nests]


def _nest(tag: str, told: str) -> Nest:
    """Of `i=2, j=64; reduces over l=32; reads f32[i,l], f32[l,j]; computes mulf, addf; m=i, n=j, k=l`.

    A program that is one product is told as `a product of matrices, m=8, n=8, sums over k=8; A is mk, B is kn`.
    """
    if not tag:
        sizes = {name: int(size) for name, size in re.findall(r"\b([mnk])=(\d+)", told)}
        outer = {name: sizes[name] for name in "mn"}
        return Nest("", outer, {"k": sizes["k"]}, {name: name for name in "mnk"}, ())
    parts = told.split("; ")
    sums = next((part.removeprefix("reduces over ") for part in parts if part.startswith("reduces over ")), "")
    loops = parts[0] if re.match(r"\w=\d", parts[0]) else ""
    roles = parts[-1].replace("vectors along ", "vectors=") if re.match(r"[mn]=\w|vectors ", parts[-1]) else ""
    reads = next((part.removeprefix("reads ") for part in parts if part.startswith("reads ")), "")
    return Nest(tag, _assigned(loops), _assigned(sums), _assigned(roles), tuple(_accesses(reads)))


def _accesses(told: str) -> Iterator[Access]:
    """Of `product0 f32[i,j+m], f32[]`."""
    for each in told.split(", "):
        if found := re.fullmatch(r"(?:(\w+) )?\w+\[(.*)\]", each):
            yield found[1] or "", ["".join(re.findall("[a-z]", row)) for row in found[2].split(",")]


def _assigned(told: str) -> Decisions:
    """Of `a=1, b=word`."""
    pairs = (each.partition("=") for each in told.split(", ") if each)
    return {name: int(value) if value.isdecimal() else value for name, _, value in pairs}
