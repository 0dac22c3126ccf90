"""What an expert of caches and registers would propose, from a prompt's summary alone.

At first a design for each algorithm, by the anatomy of a high-performance matrix product (Goto and van de Geijn 2008):
register tiles that fill the registers, cache tiles by the sizes of the caches, at least a block for each thread. Then
changes of the best schedule, one thing at a time, those that matter most first. Nothing here knows a workload.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripted_models import Access, Algorithm, Decisions, Nest, Summary, question

from mlopt.testing.models import Reply, proposes

FLOAT = 4
"""Bytes."""

MISSING = 1 << 25
"""Bytes of a cache that the machine does not tell of."""

FUSED = "fused"

PACKINGS: Sequence[Decisions] = (
    {"pack_a": "panel", "pack_b": "panel", "accumulate": "block"},
    {"pack_a": "none", "pack_b": "block", "accumulate": "tile"},
    {"pack_a": "none", "pack_b": "none", "accumulate": "tile"},
    {"pack_a": "block", "pack_b": "block", "accumulate": "tile"},
)

USUAL: Decisions = {
    "reg_k": 4,
    "reg_order": "nm",
    "lowering": "outerproduct",
    "remainder": "peel",
    "rows": 1,
    "unroll": 4,
    "stores": "cached",
    "stack": 16 << 10,
}
"""What hardly depends on anything, by the knob's last word."""

ROWS = 32
"""That a block of a product should have at least."""


@dataclass(frozen=True)
class Taste:
    """How a design goes about it."""

    vectors: int
    """Along a register tile."""
    packing: Decisions
    share: float
    """Of the second cache that a block fills."""


TASTES = (Taste(2, PACKINGS[1], 0.5), Taste(4, PACKINGS[0], 0.5), Taste(2, PACKINGS[2], 0.125))


def expert(body: Mapping[str, Any], number: int) -> Reply:
    """A model that answers so."""
    return proposes(*proposals(Summary.of(question(body))))


def proposals(summary: Summary) -> list[Decisions]:
    """As many as are asked for, none of which the prompt shows as tried."""
    if summary.best:
        changed = list(_changes(summary.best[0], summary))
        designs = min(summary.most, len(TASTES) * len(summary.algorithms))
        start = max(0, summary.tried - designs) % max(1, len(changed))
        ideas: Iterable[Decisions] = changed[start:] + changed[:start]  # those before were tried
    else:
        kinds = itertools.product(TASTES, summary.algorithms)
        ideas = (_Designer(summary, taste, algorithm).design() for taste, algorithm in kinds)
    known = (*summary.best, *summary.failed)
    return list(itertools.islice((idea for idea in ideas if idea not in known), summary.most))


class _Designer:
    """Decides everything for one algorithm, by one taste."""

    def __init__(self, summary: Summary, taste: Taste, algorithm: Algorithm) -> None:
        self.summary, self.taste, self.algorithm = summary, taste, algorithm
        self.roots: dict[str, str] = {}
        """In whose blocks a nest is computed."""
        self.shrinking: dict[str, Mapping[str, set[str]]] = {}
        """Of a nest, by loops that are cut of its root: its own loops of which a block then holds a part."""

    def design(self) -> Decisions:
        knobs, nests = self.summary.knobs, self.algorithm.nests
        design = {name: _middle(knob["values"]) for name, knob in knobs.items() if _is_choice(knob)}
        design |= {name: value for name, value in self.algorithm.choices.items() if isinstance(value, str)}
        design |= {name: USUAL[name] for name in USUAL.keys() & knobs.keys()}
        for nest in reversed(nests):  # readers before what they read
            prefix = f"{nest.tag}." if len(nests) > 1 else ""
            own = {f"{prefix}{name}": value for name, value in (self._inner(nest) | self._place(nest, prefix)).items()}
            design |= {name: own[name] for name in own.keys() & knobs.keys()}
        return design

    def _inner(self, nest: Nest) -> Decisions:
        """How a nest is computed within its block."""
        extents = {**nest.sizes, **nest.sums}
        if "n" not in nest.roles:
            loops = [loop for loop, size in extents.items() if size > 1][-3:]
            whole = {f"tile_{loop}": size for loop, size in extents.items()}
            step = {"width": self.summary.lanes, "rows": 4} if nest.turns else {"width": 4 * self.summary.lanes}
            return {**USUAL, **_ordered(loops), **whole, **step}
        sizes = {role: extents[loop] for role, loop in nest.roles.items()}
        first, second, third = (self.summary.caches.get(level, MISSING) // 2 // FLOAT for level in ("L1", "L2", "L3"))
        tile = register_tile(self.taste.vectors, sizes.get("m", 1), self.summary)
        deep = min(sizes.get("k", 1), first // int(tile["reg_n"]))
        tiles = {"tile_k": deep, "tile_m": second // deep, "tile_n": third // deep}
        order = [role for role in "nkm" if role in sizes]
        return {**USUAL, **tile, **_ordered(order), **tiles, **self.taste.packing}

    def _place(self, nest: Nest, prefix: str) -> Decisions:
        """In the blocks of its readers, if each of these needs a part of its own; else in blocks of its own."""
        readers = [(each.tag, rows) for each in self.algorithm.nests for tag, rows in each.reads if tag == nest.tag]
        shrinking = self._shrinking(nest, readers)
        if shrinking is None:
            place = self._cut(nest, prefix)
            shrinking = {loop: {loop} for loop in place["parallel"]}
            self.roots[nest.tag] = nest.tag
        else:
            place = {"parallel": FUSED, **{f"block_{loop}": size for loop, size in nest.sizes.items()}}
            self.roots[nest.tag] = self.roots[readers[0][0]]
        self.shrinking[nest.tag] = shrinking
        return place

    def _shrinking(self, nest: Nest, readers: Sequence[Access]) -> Mapping[str, set[str]] | None:
        """See the attribute of this name; None where the readers' blocks cannot hold it."""
        if len({self.roots[tag] for tag, _ in readers}) != 1 or len({tag for tag, _ in readers}) < len(readers):
            return None
        found: dict[str, set[str]] = {}
        for tag, rows in readers:
            for cut, loops in self.shrinking[tag].items():
                own = {loop for loop, row in zip(nest.sizes, rows, strict=False) if loops & set(row)}
                if not own:
                    return None
                found.setdefault(cut, set()).update(own)
        return found

    def _cut(self, nest: Nest, prefix: str) -> Decisions:
        """Its outer loops are cut: all of what is inside of them, of the rest as much as fits, a block for each thread.

        What fits is measured by the largest of the nests that may be computed in its blocks.
        """
        before = self.algorithm.nests[: self.algorithm.nests.index(nest) + 1]
        points = [math.prod(each.sizes.values()) for each in before]
        elements = int(self.taste.share * self.summary.caches["L2"]) // FLOAT * points[-1] // max(points)
        sizes = {loop: self.summary.knobs.get(f"{prefix}block_{loop}", {}).get("values", ()) for loop in nest.sizes}
        letters = "".join(loop for loop, values in sizes.items() if len(values) > 1)
        inner = [math.prod(nest.sizes[loop] for loop in letters[count:]) for count in range(len(letters) + 1)]
        fits = (count for count in range(1, len(letters)) if inner[count] <= elements)
        cut = letters[: next(fits, max(1, len(letters) - 1))]
        blocks = {loop: 1 if loop in cut else size for loop, size in nest.sizes.items()}
        if cut:
            share = -(-nest.sizes[cut] // self.summary.threads) if len(cut) == 1 else nest.sizes[cut[-1]]
            blocks[cut[-1]] = min(share, max(1, elements // inner[len(cut)]))
        least = {nest.roles.get("n"): self.taste.vectors * self.summary.lanes, nest.roles.get("m"): ROWS}
        sized = {loop: max(block, min(least.get(loop, 1), nest.sizes[loop])) for loop, block in blocks.items()}
        return {"parallel": cut, **{f"block_{loop}": block for loop, block in sized.items()}}


def register_tile(vectors: int, rows: int, summary: Summary) -> Decisions:
    """Accumulators in all registers but those for a row of B and an element of A; even parts of `rows` if possible."""
    most = min(rows, (summary.registers - vectors - 1) // vectors)
    even = next((count for count in range(most, most // 2, -1) if rows % count == 0), most)
    return {"reg_n": vectors * summary.lanes, "reg_m": even}


def _changes(best: Decisions, summary: Summary) -> Iterator[Decisions]:
    """The best schedule with one thing changed: the first change of each kind, then the second ones, and so on."""
    knobs = {name: summary.knobs[name] for name in best if name in summary.knobs}
    words = {name: name.rpartition(".")[2] for name in knobs}

    def steps(*kinds: str) -> list[Decisions]:
        """Each knob of these kinds, to the values next to its own."""
        wanted = [name for name, word in words.items() if word.startswith(kinds)]
        return [{name: value} for name in wanted for value in _next_to(best[name], knobs[name]["values"])]

    def everywhere(changes: Iterable[Decisions]) -> list[Decisions]:
        """Each change, of all knobs that are called so."""
        return [{name: change[word] for name, word in words.items() if word in change} for change in changes]

    sized = [name for name, knob in knobs.items() if _is_choice(knob) and not isinstance(best[name], str)]
    kinds = (
        steps(*sized),
        everywhere(register_tile(vectors, best.get("block_m", ROWS), summary) for vectors in (2, 4, 3, 1)),
        steps("block"),
        everywhere(PACKINGS),
        steps("tile"),
        everywhere({"width": count * summary.lanes} for count in (2, 8, 1, 4)),
        steps("reg_k", "reg_m", "reg_order", "rows", "unroll", "stack", "parallel"),
        steps("order", "accumulate", "remainder", "lowering", "stores"),
    )
    for change in itertools.chain.from_iterable(itertools.zip_longest(*kinds, fillvalue={})):
        if any(best[name] != value for name, value in change.items()):
            yield {**best, **change}


def _next_to(value: Any, values: Sequence[Any]) -> Sequence[Any]:
    """The values before and after one, where they are numbers; else all others."""
    if isinstance(value, str) or value not in values:
        return [each for each in values if each != value]
    place = values.index(value)
    return [*values[place + 1 : place + 2], *values[max(0, place - 1) : place]]


def _ordered(loops: Sequence[str]) -> Decisions:
    return {f"order_{level}": loop for level, loop in enumerate(loops, start=1)}


def _is_choice(knob: Mapping[str, Any]) -> bool:
    """Whether it chooses an algorithm, or its sizes."""
    return str(knob["purpose"]).startswith("choice of")


def _middle(values: Sequence[Any]) -> Any:
    return values[len(values) // 2]
