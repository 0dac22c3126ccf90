"""Spaces of more than 10^9 schedules, with constraints on many knobs at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mlopt.core.schedule import Value
from mlopt.core.space import Knob, KnobSpace

BLOCKS = ("block_x", "block_y", "block_z")
TILES = ("tile_x", "tile_y", "tile_z")
SHARING = tuple(f"tile_{index}" for index in range(9))


class Constrained(KnobSpace):
    """A GPU kernel's launch parameters: 1.2 * 10^9 schedules under constraints on up to six knobs at once.

    Threads of a block, elements of a thread, both bounded by the device; a padding that its memory banks decide.
    """

    knobs = (
        *(Knob(name, "log2", tuple(2**i for i in range(8)), needs=BLOCKS[:place]) for place, name in enumerate(BLOCKS)),
        *(Knob(name, "ordinal", tuple(range(1, 9)), needs=TILES[:place]) for place, name in enumerate(TILES[:2])),
        Knob("tile_z", "ordinal", tuple(range(1, 9)), needs=(*BLOCKS, *TILES[:2])),
        Knob("padding", "ordinal", tuple(range(8)), needs=(*BLOCKS, *TILES)),
        *(Knob(f"option_{index}", "categorical", tuple(range(8))) for index in range(4)),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        product = math.prod(map(int, chosen.values()))
        match knob.name:
            case "block_y" | "block_z":
                least = 32 if knob.name == "block_z" else 1
                return [value for value in knob.values if least <= product * int(value) <= 1024]
            case "tile_y":
                return [value for value in knob.values if product * int(value) <= 32]
            case "tile_z":
                return [value for value in knob.values if product * int(value) <= 12288]
            case "padding":
                return [value for value in knob.values if (product + int(value)) % 4 != 1]
        return knob.values


class Crowded(KnobSpace):
    """Nine tiles and a number of buffers that share one memory: the last knob needs all others, so nothing merges."""

    memory = 4_000_000
    """Elements of all tiles of all buffers: a little less than half of the combinations fit."""
    knobs = (
        *(Knob(name, "ordinal", tuple(range(1, 11))) for name in SHARING),
        Knob("buffers", "ordinal", tuple(range(1, 11)), needs=SHARING),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        product = math.prod(map(int, chosen.values()))
        return [value for value in knob.values if product * int(value) <= self.memory]


class Tight(Crowded):
    """The same with a memory so small that 2 % of the combinations fit."""

    memory = 30_000
